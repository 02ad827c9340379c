/** The unit tests of both packages, in one run: no server, no browser. */
import { join } from "node:path";
import { compile } from "svelte/compiler";
import { defineConfig } from "vitest/config";

const PACKAGES = join(import.meta.dirname, "packages");

/** A component for the browser; `orders.svelte?server`: for a server. */
const svelte = {
  name: "svelte",
  transform(code: string, id: string) {
    const [filename, how] = id.split("?");
    if (!filename?.endsWith(".svelte")) return null;
    return compile(code, { filename, generate: how === "server" ? "server" : "client" }).js;
  },
};

export default defineConfig({
  plugins: [svelte],
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
    // A loaded machine is no fault of what is tested: more than what waits within a test waits.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    setupFiles: ["vitest.setup.ts"],
  },
});
