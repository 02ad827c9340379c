/**
 * Where a page requires Trusted Types (Content-Security-Policy: require-trusted-types-for 'script') a
 * text becomes a document by a policy only. Ours, `aviso-feed`, is for what the server sends, which is
 * read as XML and runs nothing, and for Lit's templates, which are constants of this library.
 *
 * The builds (trusted-types.plugin.ts) give Strophe and Lit what stands here in the place of the
 * browser's. Nobody else can have the policy: it is not handed out.
 */

import { warn } from "../engine/options";

type Policy = { createHTML(text: string): string };
type Factory = {
  createPolicy(name: string, rules: Policy): Policy;
  readonly emptyScript: string;
};

const REFUSAL =
  "This page's Content-Security-Policy requires Trusted Types: its trusted-types has to list " +
  "aviso-feed (and 'allow-duplicates', where a page has this library twice)";

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy = makePolicy();

/** null: there is no need for one, or the page allows none of this name. */
function makePolicy(): Policy | null {
  try {
    return factory?.createPolicy("aviso-feed", { createHTML: (text) => text }) ?? null;
  } catch {
    return null;
  }
}

/** For Strophe and for us, in the place of the browser's. */
export class XmlParser {
  parseFromString(text: string, type: DOMParserSupportedType): Document {
    return new DOMParser().parseFromString(policy?.createHTML(text) ?? text, type);
  }
}

/** For Lit, in the place of the browser's: it would make a policy of its own, and end where it may not. */
export const litGlobal = {
  trustedTypes:
    policy === null || factory === undefined
      ? undefined
      : { createPolicy: () => policy, emptyScript: factory.emptyScript },
};

/** Why nothing can be read on this page; null: it can. The console is told too, once. */
export function trustedTypesRefusal(): string | null {
  if (policy !== null || factory === undefined) return null;
  try {
    // Without a policy of ours, yet the page may not require one, or have one for everybody.
    new DOMParser().parseFromString("<a/>", "text/xml");
    return null;
  } catch {
    warn(REFUSAL);
    return `${REFUSAL}.`;
  }
}
