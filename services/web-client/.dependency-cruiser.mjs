/**
 * The library's layers, whose arrows go one way: model → protocol → engine → edges → api, where a
 * layer may use those before it. Types count too.
 */
const LAYERS = ["model", "protocol", "engine", "edges", "api"];
const LIBRARY = "^packages/aviso-feed/src/";

const later = LAYERS.slice(0, -1).map((layer, index) => ({
  name: `${layer}-uses-no-later-layer`,
  severity: "error",
  from: { path: `${LIBRARY}${layer}/` },
  to: { path: `${LIBRARY}((${LAYERS.slice(index + 1).join("|")})/|[^/]+$)` },
}));

/** Who alone may use a package, as one that talks to a library is the only file that imports it. */
const OWNERS = {
  "strophe\\.js": "edges/strophe-link\\.ts$",
  fflate: "protocol/inflate\\.ts$",
  "lit(-html|-element)?": "api/element\\.ts$",
  "(@types/)?react": "api/react\\.ts$",
  vue: "api/vue\\.ts$",
  "@tanstack/db": "api/tanstack(\\.|/)",
};

const owned = Object.entries(OWNERS).map(([name, owner]) => ({
  name: `${name.replaceAll(/\W/g, "")}-has-one-place`,
  severity: "error",
  from: { path: LIBRARY, pathNot: `${LIBRARY}${owner}` },
  to: { path: `node_modules/${name}/` },
}));

export default {
  forbidden: [
    ...later,
    ...owned,
    {
      name: "page-uses-the-library-by-its-name",
      severity: "error",
      from: { path: "^packages/page/src/" },
      to: { path: LIBRARY, pathNot: `${LIBRARY}(index|api/tabs)\\.ts$` },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "packages/page/tsconfig.json" },
    // Some packages export modules alone.
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default"] },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "\\.css$" },
  },
};
