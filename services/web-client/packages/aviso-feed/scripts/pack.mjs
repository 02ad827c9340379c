/**
 * Packs what was built, as `npm install` takes it, into the workspace's dist/feed-client/aviso-feed.tgz:
 * every server hands it out.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = join(import.meta.dirname, "..");
const SERVED = join(PACKAGE, "../../dist/feed-client");

// The file for a server and the package are made of the same.
copyFileSync(join(SERVED, "licenses.md"), join(PACKAGE, "THIRD-PARTY-NOTICES.md"));
const { name, version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
execFileSync("npm", ["pack", "--silent", "--pack-destination", SERVED], { cwd: PACKAGE });
renameSync(join(SERVED, `${name}-${version}.tgz`), join(SERVED, `${name}.tgz`));
