/**
 * Gives Strophe and Lit our Trusted Types policy, as they are bundled: an import takes the place of the
 * browser's global of its name. On the first line, so that the lines of the source maps stay.
 */
import { join } from "node:path";

const OURS = JSON.stringify(join(import.meta.dirname, "src/edges/trusted-types.ts"));
const IMPORTS: readonly (readonly [RegExp, string])[] = [
  [/[\\/]strophe\.js[\\/]/, "XmlParser as DOMParser"],
  [/[\\/]lit-html[\\/](development[\\/])?lit-html\.js$/, "litGlobal as globalThis"],
];

export const trustedTypes = {
  name: "trusted-types",
  transform(code: string, id: string) {
    const found = IMPORTS.find(([file]) => file.test(id));
    if (found === undefined) return null;
    return { code: `import { ${found[1]} } from ${OURS}; ${code}`, map: null };
  },
};
