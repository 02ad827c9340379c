// @vitest-environment jsdom
import { expect, test } from "vitest";
import { archiveQuery } from "../../src/protocol/archive-query";
import { element } from "../contract-examples";

/** What the query's form says, and its page. */
function read(query: string): Record<string, string> {
  const fields = [...element(query).querySelectorAll("field, set > *")];
  return Object.fromEntries(
    fields.map((each) => [each.getAttribute("var") ?? each.localName, each.textContent ?? ""]),
  );
}

test("a query after an id names its time, to the microsecond", () => {
  const id = "1795889868544339";

  expect(read(archiveQuery("q1", { start: BigInt(id), after: id }, 5))).toEqual({
    FORM_TYPE: "urn:xmpp:mam:2",
    start: "2026-11-28T18:17:48.544339Z",
    max: "5",
    after: id,
  });
});

test("a query for the newest has an empty `before`, and an end where one is given", () => {
  const range = { start: 1_795_889_868_000_001n, end: 1_795_889_868_000_010n };

  expect(read(archiveQuery("q1", range, 1))).toEqual({
    FORM_TYPE: "urn:xmpp:mam:2",
    start: "2026-11-28T18:17:48.000001Z",
    end: "2026-11-28T18:17:48.000010Z",
    max: "1",
    before: "",
  });
});

test("a query from before 1970 begins there", () => {
  expect(read(archiveQuery("q1", { start: -1n }, 1)).start).toBe("1970-01-01T00:00:00.000000Z");
});
