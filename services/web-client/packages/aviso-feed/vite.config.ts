/**
 * The copy that a server hands out: one self-contained ES module, `dist/feed-client/aviso-feed.js`
 * of the workspace. The page is built first: it empties that dist/.
 */
import { defineConfig } from "vite";

export default defineConfig({
  // The errors' page: an error names its address there.
  publicDir: "docs",
  build: {
    target: "es2022",
    sourcemap: true,
    // The build leaves out the comments in which those of the packages stand.
    license: { fileName: "licenses.md" },
    outDir: "../../dist/feed-client",
    emptyOutDir: true,
    lib: { entry: "src/served.ts", formats: ["es"], fileName: () => "aviso-feed.js" },
  },
});
