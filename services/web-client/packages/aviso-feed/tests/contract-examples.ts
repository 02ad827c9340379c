/** Reads contracts/examples, which every service's tests read. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const EXAMPLES = join(import.meta.dirname, "../../../../../contracts/examples");

/** [file name, text] of each file directly in the folder. */
export function examples(folder: string): [string, string][] {
  const directory = join(EXAMPLES, folder);
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(join(directory, entry.name), "utf8")]);
}

export function example(path: string): string {
  return readFileSync(join(EXAMPLES, path), "utf8");
}

export function element(text: string): Element {
  const { documentElement } = new DOMParser().parseFromString(text, "text/xml");
  if (documentElement.localName === "parsererror") throw new Error(`no XML: ${text}`);
  return documentElement;
}
