/**
 * Two builds from one source: the page (`vite build` → dist/) and the library
 * (`vite build --mode feed-client` → dist/feed-client/aviso-feed.js, one self-contained ES module).
 * The page is built first: it empties dist/.
 */
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => {
  const isLibrary = mode === "feed-client";
  return {
    publicDir: isLibrary ? false : "public",
    build: {
      target: "es2022",
      sourcemap: true,
      // The build leaves out the comments in which those of the packages stand.
      license: { fileName: "licenses.md" },
      outDir: isLibrary ? "dist/feed-client" : "dist",
      emptyOutDir: true,
      ...(isLibrary && {
        lib: {
          entry: "src/feed-client/aviso-feed.ts",
          formats: ["es" as const],
          fileName: () => "aviso-feed.js",
        },
      }),
    },
    server: {
      // `npm run dev` beside a running stack: everything but the page comes from there.
      proxy: {
        "/api": "http://127.0.0.1:8080",
        "/http-bind": "http://127.0.0.1:8080",
        "/xmpp-websocket": { target: "ws://127.0.0.1:8080", ws: true },
      },
    },
    test: {
      include: ["tests/**/*.test.ts"],
      environment: "jsdom",
      // The build that browsers get; the one for Node wants packages that a page does not need.
      alias: { "strophe.js": `${import.meta.dirname}/node_modules/strophe.js/dist/strophe.esm.js` },
      restoreMocks: true,
      // A loaded machine is no fault of what is tested.
      testTimeout: 30_000,
    },
  };
});
