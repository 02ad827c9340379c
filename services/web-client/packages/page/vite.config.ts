/** The page, built into the workspace's dist/, and served while it is worked on. */
import { join } from "node:path";
import { defineConfig } from "vite";

export default defineConfig({
  resolve: {
    // From its source: nothing has to be built before the page.
    alias: { "aviso-feed": join(import.meta.dirname, "../aviso-feed/src/index.ts") },
  },
  build: {
    target: "es2022",
    sourcemap: true,
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
