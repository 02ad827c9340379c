/** A part of the build: tells the service worker which files there are, by a word for each build. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** `worker`: the file that is told. `publicFolder`: what is served as it is. */
export function builtFiles(worker: string, publicFolder: string): Plugin {
  return {
    name: "built-files",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const chunk = bundle[worker];
      if (chunk?.type !== "chunk") throw new Error(`${worker} was not built`);
      const hash = createHash("sha256").update(chunk.code);
      const built = Object.values(bundle)
        .filter(({ fileName }) => fileName.startsWith("assets/") && !fileName.endsWith(".map"))
        .map(({ fileName }) => fileName);
      const asTheyAre = readdirSync(publicFolder);
      for (const name of asTheyAre) hash.update(readFileSync(join(publicFolder, name)));
      // The document names the built files, and is the same where they and its source are.
      hash.update(readFileSync(join(publicFolder, "../index.html")));
      const files = [...built, ...asTheyAre].sort().map((name) => `/${name}`);
      for (const name of files) hash.update(name);
      const version = hash.digest("hex").slice(0, 12);
      chunk.code = `const BUILT = ${JSON.stringify({ version, files })};\n${chunk.code}`;
    },
  };
}
