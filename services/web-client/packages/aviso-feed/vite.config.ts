/**
 * The copy that a server hands out: one self-contained ES module, `<hash>/aviso-feed.js` in the
 * workspace's `dist/feed-client/`, which never changes, and beside it `aviso-feed.js`, its short address.
 * The page is built first: it empties that dist/.
 */
import { defineConfig, type Plugin } from "vite";
import { trustedTypes } from "./trusted-types.plugin.ts";

const FILE = "aviso-feed.js";

/**
 * A module that hands on the other one, and no redirect: a browser knows a module by the address that
 * was asked, so by a redirect's two addresses it would have two of them, and register the element twice.
 */
const shortAddress: Plugin = {
  name: "short-address",
  generateBundle(_, files) {
    const [entry] = Object.values(files).filter((file) => file.type === "chunk" && file.isEntry);
    if (entry === undefined) throw new Error("nothing was built that could have a short address");
    const source = `export * from "./${entry.fileName}";\n`;
    this.emitFile({ type: "asset", fileName: FILE, source });
  },
};

export default defineConfig({
  // The errors' page: an error names its address there.
  publicDir: "docs",
  plugins: [shortAddress, trustedTypes],
  build: {
    target: "es2022",
    sourcemap: true,
    // The build leaves out the comments in which those of the packages stand.
    license: { fileName: "licenses.md" },
    outDir: "../../dist/feed-client",
    emptyOutDir: true,
    lib: { entry: "src/served.ts", formats: ["es"], fileName: () => `[hash]/${FILE}` },
  },
});
