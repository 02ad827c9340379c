/**
 * The npm package: ESM and CommonJS with types, into dist/. What it is made of is bundled: Strophe's
 * own package wants a DOM's stand-ins in Node, and Lit's is ESM alone.
 */
import { defineConfig } from "tsdown";
import { trustedTypes } from "./trusted-types.plugin.ts";

/**
 * Lit extends HTMLElement and looks at the document when it is loaded. Where there is none (server
 * rendering) it gets stand-ins that do nothing, as Lit's own build for Node has them.
 */
const WITHOUT_DOM =
  "const HTMLElement = globalThis.HTMLElement ?? class {};\n" +
  "const document = globalThis.document ?? { createTreeWalker: () => ({}) };";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    element: "src/api/element.ts",
    react: "src/api/react.ts",
    tabs: "src/api/tabs.ts",
    vue: "src/api/vue.ts",
    svelte: "src/api/svelte.ts",
    tanstack: "src/api/tanstack.ts",
  },
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  fixedExtension: false,
  deps: {
    alwaysBundle: [/^(strophe\.js|fflate|lit|@lit|lit-html|lit-element)/],
    onlyBundle: false,
  },
  plugins: [trustedTypes],
  sourcemap: true,
  dts: { tsconfig: "tsconfig.build.json" },
  // CommonJS too: it would otherwise get what these packages have for Node.
  inputOptions: { resolve: { conditionNames: ["browser", "import", "module", "default"] } },
  outputOptions: { intro: ({ name }) => (name === "element" ? WITHOUT_DOM : "") },
});
