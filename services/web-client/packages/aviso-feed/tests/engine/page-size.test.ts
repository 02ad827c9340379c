import { expect, test } from "vitest";
import { PageSize } from "../../src/engine/page-size";

const pages = (): PageSize => new PageSize({ first: 16, most: 250 });

test("grows to what a quick line carries, no more than twofold a page, and no further", () => {
  const page = pages();
  const sizes = [1, 2, 3, 4, 5].map(() => {
    page.learn({ count: page.size, bytes: 1_000, ms: 50 });
    return page.size;
  });

  expect(sizes).toEqual([32, 64, 128, 250, 250]);
});

test("falls to what a slow line carries in two seconds, one at least", () => {
  const page = pages();

  page.learn({ count: 16, bytes: 3_200_000, ms: 12_800 });
  expect(page.size).toBe(2);
  page.learn({ count: 2, bytes: 400_000, ms: 16_000 });
  expect(page.size).toBe(1);
});

test("holds no more than a megabyte, however quick the line is", () => {
  const page = pages();

  page.learn({ count: 16, bytes: 16 * 131_072, ms: 100 });

  expect(page.size).toBe(8);
});

test("learns nothing of an empty page, and asks for less after one that did not end", () => {
  const page = pages();

  page.learn({ count: 0, bytes: 0, ms: 9_000 });
  expect(page.size).toBe(16);
  page.shrink();
  expect(page.size).toBe(4);
});

test("asks for no less because there was little, however far away the server is", () => {
  const page = pages();

  page.learn({ count: 1, bytes: 200, ms: 900 });

  expect(page.size).toBe(16);
});
