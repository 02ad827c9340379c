import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { causeText, remedyText } from "../src/causes";
import { translatorFor } from "../src/locale";
import { english } from "../src/messages-en";

const CONTRACTS = join(import.meta.dirname, "../../../../../contracts/README.md");
const [, section = ""] = readFileSync(CONTRACTS, "utf8").split("\n## Causes\n");
const table = section.slice(0, section.indexOf("\nWhy a feed was reset"));
const causes = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, cause = ""]) => cause);

const t = translatorFor("en");
/** `too-deep` is `causeTooDeep`. */
const keyOf = (cause: string) =>
  `cause-${cause}`.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

test("the page has words for each cause of the contract, and for no other", () => {
  const around = ["causeIntro", "causeOther", "causeOutro"];
  const written = Object.keys(english).filter((key) => key.startsWith("cause"));

  expect(written.sort()).toEqual([...around, ...causes.map(keyOf)].sort());
  expect(causes.map((cause) => causeText(cause, t))).toEqual(
    causes.map((cause) => t(keyOf(cause) as keyof typeof english)),
  );
});

test("a cause of a later contract is told as it was given", () => {
  expect(causeText("too-heavy", t)).toBe(t("causeOther", { cause: "too-heavy" }));
  expect(causeText("toString", t)).toBe(t("causeOther", { cause: "toString" }));
});

test("only what somebody still has can be sent again", () => {
  const without = causes.filter((cause) => remedyText(cause, t) === "");
  expect(without).toEqual(["pruned", "no-form"]);
});
