/** The unit tests of both packages, in one run: no server, no browser. */
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const PACKAGES = join(import.meta.dirname, "packages");

export default defineConfig({
  test: {
    include: ["packages/*/tests/**/*.test.ts"],
    // What needs a page says so in its first line: making one takes longer than most files' tests.
    environment: "node",
    alias: {
      "aviso-feed": join(PACKAGES, "aviso-feed/src/index.ts"),
      // The build that browsers get; the one for Node wants packages that a page does not need.
      "strophe.js": join(import.meta.dirname, "node_modules/strophe.js/dist/strophe.esm.js"),
    },
    restoreMocks: true,
    // By default one core is left idle: on a machine of two, half of it.
    maxWorkers: "100%",
    // A loaded machine is no fault of what is tested.
    testTimeout: 30_000,
  },
});
