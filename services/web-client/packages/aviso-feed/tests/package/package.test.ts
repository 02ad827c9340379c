/**
 * The package as `npm install` gets it: what was built and packed, in a folder of its own, outside
 * the repository. `npm run build` comes first.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

const WORKSPACE = join(import.meta.dirname, "../../../..");
const TARBALL = join(WORKSPACE, "dist/feed-client/aviso-feed.tgz");
const TSC = join(WORKSPACE, "node_modules/typescript/bin/tsc");

// A compiler takes its time where the machine has much else to do.
vi.setConfig({ testTimeout: 300_000 });

let folder: string;

beforeAll(() => {
  if (!existsSync(TARBALL)) throw new Error(`${TARBALL} is not there: run npm run build`);
  folder = mkdtempSync(join(tmpdir(), "aviso-feed-"));
  const installed = join(folder, "node_modules/aviso-feed");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["xzf", TARBALL, "-C", installed, "--strip-components=1"]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return execFileSync(process.execPath, [name], { cwd: folder, encoding: "utf8" }).trim();
}

test.each(["aviso-feed", "aviso-feed/element", "aviso-feed/tabs", "aviso-feed/tanstack"])(
  "%s is imported and required where there is no DOM, and does nothing",
  (name) => {
    const told = `console.log(Object.keys(all).length > 0, typeof document)`;
    expect(run("a.mjs", `import * as all from "${name}"; ${told}`)).toBe("true undefined");
    expect(run("a.cjs", `const all = require("${name}"); ${told}`)).toBe("true undefined");
  },
);

test("a client is made where there is no DOM, and asks for nothing by itself", () => {
  const text = `
    import { AvisoClient } from "aviso-feed";
    import { shareTabs } from "aviso-feed/tabs";
    globalThis.fetch = () => { throw new Error("asked") };
    const client = new AvisoClient("https://aviso.example", { tabs: shareTabs() });
    console.log(client.state.kind, client.url);`;
  expect(run("b.mjs", text)).toBe("offline https://aviso.example");
});

test.each([
  ["nodenext", "use.mts"],
  ["nodenext", "use.cts"],
  ["bundler", "use.ts"],
])("its types hold under %s in %s", (resolution, file) => {
  writeFileSync(
    join(folder, file),
    `import { AvisoClient, type Change } from "aviso-feed";
     import { RecordFeed } from "aviso-feed/element";
     import { shareTabs } from "aviso-feed/tabs";
     type Order = { readonly item: string };
     const client = new AvisoClient("https://aviso.example", { tabs: shareTabs() });
     const orders = client.subscribe<Order>("orders");
     export const items: Promise<readonly string[]> = client
       .list<Order>("orders", { filter: { item: "tea" } })
       .then(({ records }) => records.map(({ data }) => data.item));
     // @ts-expect-error: no member of an order.
     client.update<Order>("orders", "a", { count: 1 });
     const take = (change: Change<Order>): string | undefined =>
       change.type === "reset" ? undefined : change.record?.data.item;
     export const off: () => void = orders.on("change", take);
     export const shown: InstanceType<typeof RecordFeed> = new RecordFeed();
     // @ts-expect-error: no event of a subscription.
     orders.on("changed", take);
     // @ts-expect-error: not for callers.
     orders.start();
    `,
  );
  const settings = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"];
  const module = resolution === "bundler" ? "preserve" : resolution;
  const how = ["--module", module, "--moduleResolution", resolution];
  const outcome = (() => {
    try {
      return execFileSync(process.execPath, [TSC, ...settings, ...how, file], {
        cwd: folder,
        encoding: "utf8",
      });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  })();
  expect(outcome).toBe("");
});

test("it brings its licence and those of what is bundled in it", () => {
  const read = (name: string): string =>
    readFileSync(join(folder, "node_modules/aviso-feed", name), "utf8");
  expect(read("LICENSE")).toBe(readFileSync(join(WORKSPACE, "../../LICENSE"), "utf8"));
  for (const name of ["strophe.js", "fflate", "lit-html"]) {
    expect(read("THIRD-PARTY-NOTICES.md")).toContain(`## ${name} - `);
  }
});
