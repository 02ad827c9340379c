/** The page, built into the workspace's dist/, and served while it is worked on. */
import { join } from "node:path";
import { defineConfig } from "vite";
import { trustedTypes } from "../aviso-feed/trusted-types.plugin.ts";
import { builtFiles } from "./built-files.ts";

const HERE = import.meta.dirname;
const WORKER = "service-worker";

export default defineConfig({
  plugins: [trustedTypes, builtFiles(`${WORKER}.js`, join(HERE, "public"))],
  resolve: {
    // From its source: nothing has to be built before the page.
    alias: {
      "aviso-feed/tabs": join(HERE, "../aviso-feed/src/api/tabs.ts"),
      "aviso-feed": join(HERE, "../aviso-feed/src/index.ts"),
    },
  },
  build: {
    target: "es2022",
    sourcemap: true,
    rolldownOptions: {
      input: { index: join(HERE, "index.html"), [WORKER]: join(HERE, "worker/service-worker.ts") },
      output: {
        // A worker is known by its address: that stays the same.
        entryFileNames: ({ name }) => (name === WORKER ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
    // The build leaves out the comments in which those of the packages stand.
    license: { fileName: "licenses.md" },
    outDir: "../../dist",
    emptyOutDir: true,
  },
  server: {
    // `npm run dev` beside a running stack: everything but the page comes from there.
    proxy: {
      "/api": "http://127.0.0.1:8080",
      "/http-bind": "http://127.0.0.1:8080",
      "/xmpp-websocket": { target: "ws://127.0.0.1:8080", ws: true },
    },
  },
});
