import { expect, test } from "vitest";
import { columnNames, firstColumns, MOST_COLUMNS } from "../src/columns";
import { feedInfo } from "./fake-library";

test("columns are the table's, then the schema's, then those of the data, each once", () => {
  const table = { schema: "public", name: "t", columns: ["id", "status"], key: ["id"] };
  const schema = { properties: { status: {}, total: {} } };
  const info = feedInfo("orders", { table, schema });
  expect(columnNames(info, [{ id: 1, note: "x" }, { other: 1 }])).toEqual([
    "id",
    "status",
    "total",
    "note",
    "other",
  ]);
});

test("of thousands of fields there are so many columns, and a table begins with few", () => {
  const data = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, i]));
  const names = columnNames(feedInfo("wide"), [data]);
  expect(names).toHaveLength(MOST_COLUMNS);
  expect(firstColumns(names)).toHaveLength(8);
});
