// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { KeptFeeds, MOST_KEPT_FEEDS } from "../src/kept-feeds";
import { PageModel } from "../src/page-model";
import { FakeLibrary, feedInfo } from "./fake-library";

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

const slugs = () => new KeptFeeds().entries.map(({ slug }) => slug);

test("feeds that were read are known to the next page, by slug", () => {
  const feeds = new KeptFeeds();
  feeds.note(feedInfo("stock", { schema: { type: "object" } }));
  feeds.note(feedInfo("orders"));
  expect(new KeptFeeds().entries).toEqual([feedInfo("orders"), feedInfo("stock")]);
});

test("a private feed's name is not written down, nor one that became private", () => {
  const feeds = new KeptFeeds();
  feeds.note(feedInfo("wages", { visibility: "private" }));
  feeds.note(feedInfo("orders"));
  feeds.note(feedInfo("orders", { visibility: "private" }));
  expect([slugs(), localStorage.getItem("aviso.feeds")]).toEqual([[], "[]"]);
});

test("the last of them are kept", () => {
  const feeds = new KeptFeeds();
  for (let n = 10; n < 40; n += 1) feeds.note(feedInfo(`feed-${n}`));
  expect([slugs().length, slugs()[0]]).toEqual([MOST_KEPT_FEEDS, "feed-20"]);
});

test("what is no list of feeds is thrown away", () => {
  for (const text of ["{", "7", '[{"slug": 7}]', "[null]"]) {
    localStorage.setItem("aviso.feeds", text);
    expect(slugs()).toEqual([]);
  }
});

test("a page without a server lists and opens what was kept", async () => {
  const library = new FakeLibrary();
  library.infos = [feedInfo("orders"), feedInfo("stock")];
  const before = new PageModel(library, { credentials: null, onChange: () => {} });
  before.look("orders");
  await before.start();
  library.isReachable = false;

  const model = new PageModel(library, { credentials: null, onChange: () => {} });
  model.look("orders");
  await model.start();

  expect(model.list.listing.entries.map(({ slug }) => slug)).toEqual(["orders"]);
  expect([model.current?.info.slug, model.list.failure?.kind]).toEqual(["orders", "unreachable"]);
  library.isReachable = true;
  await model.list.load();
  expect(model.list.listing.entries.map(({ slug }) => slug)).toEqual(["orders", "stock"]);
});

test("a feed that is gone is not opened again", async () => {
  const library = new FakeLibrary();
  library.infos = [feedInfo("orders")];
  const model = new PageModel(library, { credentials: null, onChange: () => {} });
  model.look("orders");
  await model.start();
  library.infos = [];
  await model.list.load();
  expect(slugs()).toEqual([]);
});
