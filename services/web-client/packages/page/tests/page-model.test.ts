// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PAGE_FEEDS } from "../src/feed-listing";
import { MOST_FOLLOWED, QUIET_LIMIT_MS } from "../src/followed-feeds";
import { MOST_MARKED } from "../src/marked-feeds";
import { PageModel } from "../src/page-model";
import { rememberApiKey, rememberPositions } from "../src/storage";
import { eventOf, type FakeClient, FakeLibrary, feedInfo } from "./fake-library";

let library: FakeLibrary;
let model: PageModel;

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  library = new FakeLibrary();
  library.infos = [feedInfo("orders"), feedInfo("stock")];
  model = new PageModel(library, { credentials: null, onChange: () => {} });
});

const client = () => model.client as unknown as FakeClient;

function goLive(slug: string, sequence: number): void {
  client()
    .subscriptions.get(slug)
    ?.deliver([eventOf(sequence)], false);
  client().subscriptions.get(slug)?.become({ kind: "live" });
}

const slugs = () => model.list.listing.entries.map(({ slug }) => slug);
const shown = () => model.list.shown.map(({ slug }) => slug);
const followed = () => [...model.followed.feeds.keys()];

test("only the feed that is being read is followed", async () => {
  await model.start();
  expect(client().subscriptions.size).toBe(0);
  model.look("orders");
  expect([library.clients.length, [...client().subscriptions.keys()]]).toEqual([1, ["orders"]]);
  expect(client().subscriptions.get("orders")?.isOpen).toBe(true);
});

test("of a muted feed nothing is unread, until it is not muted any more", async () => {
  await model.start();
  model.look("orders");
  goLive("orders", 7);
  model.setTabVisible(false);
  client()
    .subscriptions.get("orders")
    ?.deliver([eventOf(8)]);
  model.mark("orders", "muted", true);
  expect([model.unreadOf("orders"), model.unread]).toEqual([0, 0]);
  model.mark("orders", "muted", false);
  expect([model.unreadOf("orders"), model.unread]).toEqual([1, 1]);
});

test("the unread number is the sum over what is followed and what is listed", async () => {
  vi.useFakeTimers();
  try {
    await model.start();
    model.look("orders");
    goLive("orders", 7);
    model.setTabVisible(false);
    client()
      .subscriptions.get("orders")
      ?.deliver([eventOf(8)]);
    library.write("stock", 2);
    expect([model.unread, library.headsAsked.length]).toEqual([1, 0]);
    model.setTabVisible(true);
    await vi.advanceTimersByTimeAsync(3_000);
    expect([model.unread, model.unreadOf("stock"), library.headsAsked]).toEqual([
      2,
      2,
      [["stock"]],
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test("in a hidden tab the feed being read counts too", async () => {
  await model.start();
  model.look("orders");
  goLive("orders", 7);
  model.setTabVisible(false);
  client()
    .subscriptions.get("orders")
    ?.deliver([eventOf(8)]);
  expect(model.unread).toBe(1);
  model.setTabVisible(true);
  expect(model.unread).toBe(0);
});

test("a feed that is not listed is asked for again", async () => {
  await model.start();
  library.infos = [...library.infos, feedInfo("new")];
  model.look("new");
  await vi.waitFor(() => expect(model.current?.info.slug).toBe("new"));
});

test("nothing is said to be live before the list of feeds is there", async () => {
  library.isReachable = false;
  const starting = model.start();
  client().become({ kind: "online", jid: "guest@guest.localhost/1" });
  expect(model.state.kind).toBe("connecting");
  await starting;
  expect(model.state.kind).toBe("connecting");
  library.isReachable = true;
  await model.list.load();
  expect(model.state.kind).toBe("live");
});

test("a list that cannot be had says so, and a later one is taken", async () => {
  library.isReachable = false;
  await model.start();
  expect(model.list.state).toBe("failed");
  library.isReachable = true;
  await model.list.load();
  expect([model.list.state, slugs()]).toEqual(["ready", ["orders", "stock"]]);
});

test("signing in goes on from the same positions over the new client", async () => {
  await model.start();
  model.look("orders");
  goLive("orders", 7);
  const guest = client();
  library.onConnect = (opened) => opened.become({ kind: "online", jid: "ana@localhost" });
  expect(await model.signIn("ana", "long enough", true)).toBeNull();
  expect(guest.isClosed).toBe(true);
  expect(client().subscriptions.get("orders")?.position?.sequence).toBe(7);
  expect(sessionStorage.getItem("aviso.account")).toContain("ana");
});

test("wrong credentials leave the reader where he was", async () => {
  await model.start();
  const guest = client();
  library.onConnect = (opened) =>
    opened.become({ kind: "refused", code: "credentials", reason: "not-authorized" });
  const fault = await model.signIn("ana", "wrong", true);
  expect(fault?.message).toBe("errorCredentials");
  expect([client() === guest, guest.isClosed, model.credentials.kind]).toEqual([
    true,
    false,
    "guest",
  ]);
  expect(sessionStorage.length).toBe(0);
});

test("without the tick nothing of an account is stored", async () => {
  library.onConnect = (opened) => opened.become({ kind: "online", jid: "ana@localhost" });
  await model.signIn("ana", "long enough", false);
  expect([sessionStorage.length, localStorage.length]).toEqual([0, 0]);
});

test("signing out forgets the account and reads on as a guest", async () => {
  library.onConnect = (opened) => opened.become({ kind: "online", jid: "ana@localhost" });
  await model.signIn("ana", "long enough", true);
  model.signOut();
  expect([model.credentials.kind, sessionStorage.length, client().connects]).toEqual([
    "guest",
    0,
    1,
  ]);
});

test("signing out in another tab is signing out here, once", async () => {
  library.onConnect = (opened) => opened.become({ kind: "online", jid: "ana@localhost" });
  await model.signIn("ana", "long enough", true);
  const account = client();
  const signOut = vi.spyOn(account, "signOut");
  account.beSignedOut();
  expect([model.credentials.kind, account.isClosed, sessionStorage.length]).toEqual([
    "guest",
    true,
    0,
  ]);
  expect(library.clients).toHaveLength(3);
  // The others know. Somebody there may have signed in again by now.
  expect(signOut).not.toHaveBeenCalled();
});

test("trying now opens the connection at once", async () => {
  await model.start();
  client().become({ kind: "offline", reason: "lost", retryAt: new Date(Date.now() + 60_000) });
  model.tryNow();
  expect([client().isClosed, client().connects]).toEqual([true, 2]);
});

test("trying now with only a room shut joins that room again", async () => {
  await model.start();
  model.look("orders");
  goLive("orders", 7);
  client().become({ kind: "online", jid: "guest@localhost" });
  const before = client().subscriptions.get("orders");
  model.tryNow();
  const after = client().subscriptions.get("orders");
  expect([before?.isOpen, after?.isOpen, after?.position?.sequence]).toEqual([false, true, 7]);
});

function hint(change: "granted" | "revoked"): void {
  client().hint("secret", change);
}

test("a feed that was granted appears, and one that was revoked goes", async () => {
  await model.start();
  library.infos = [...library.infos, feedInfo("secret", { visibility: "private" })];
  hint("granted");
  await vi.waitFor(() => expect(slugs()).toEqual(["orders", "secret", "stock"]));
  library.infos = library.infos.slice(0, 2);
  hint("revoked");
  await vi.waitFor(() => expect(slugs()).toEqual(["orders", "stock"]));
});

test("of a revoked feed that is being read nothing stays in sight, and it says why", async () => {
  library.infos = [feedInfo("secret", { visibility: "private" })];
  await model.start();
  model.look("secret");
  goLive("secret", 7);
  library.infos = [];
  hint("revoked");
  await vi.waitFor(() => expect([slugs(), model.current?.isShut]).toEqual([[], true]));
  expect([model.current?.records.size, model.current?.state]).toEqual([
    0,
    { kind: "refused", code: "no-longer-open", reason: "" },
  ]);

  library.infos = [feedInfo("secret", { visibility: "private" })];
  hint("granted");
  await vi.waitFor(() => expect([slugs(), model.current?.isShut]).toEqual([["secret"], false]));
  expect(client().subscriptions.get("secret")?.isOpen).toBe(true);
});

test("many hints at once ask for the list one at a time", async () => {
  vi.useFakeTimers();
  try {
    await model.start();
    const before = library.asked.length;
    for (let n = 0; n < 10; n += 1) hint("granted");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(library.asked.length).toBe(before + 2);
  } finally {
    vi.useRealTimers();
  }
});

test("the list is asked for with what the session gave", async () => {
  client().token = "t1";
  await model.start();
  expect(library.asked).toEqual(["t1"]);
});

test("signing out forgets the key that this tab remembers, and the name that was looked for", async () => {
  await model.start();
  rememberApiKey("the person's");
  void model.list.search("secr");
  model.signOut();
  expect([{ ...sessionStorage }, model.list.listing.sought]).toEqual([{}, ""]);
});

test.each([
  ["of a private feed", "secret", null],
  ["of a feed that is none", "nothing", null],
  ["of a public feed", "orders", "orders"],
])("signing out: the address %s", async (_, slug, after) => {
  library.infos = [feedInfo("orders"), feedInfo("secret", { visibility: "private" })];
  await model.start();
  model.look(slug);
  await vi.waitFor(() => expect(model.isFinding).toBe(false));
  let told: string | null | undefined;
  model.onSignedOut = () => {
    told = model.currentSlug;
  };
  model.signOut();
  expect([told, model.currentSlug]).toEqual([after, after]);
});

test("signing out leaves nothing of a private feed", async () => {
  library.infos = [feedInfo("orders"), feedInfo("secret", { visibility: "private" })];
  await model.start();
  model.look("secret");
  goLive("secret", 7);
  const secret = client().subscriptions.get("secret");
  library.infos = [feedInfo("orders")];
  model.signOut();
  expect([slugs(), followed(), secret?.isOpen]).toEqual([["orders"], [], false]);
  await vi.waitFor(() => expect(model.isFinding).toBe(false));
  model.look("orders");
  expect(JSON.stringify({ ...localStorage })).not.toContain("secret");
});

test.each([
  [{ status: 429, retryAfterMs: 30_000 }, "too-many"],
  [{ status: 0 }, "unreachable"],
  [{ status: 0, isAnswered: true }, "not-understood"],
  [{ status: 503 }, "server-error"],
  [{ status: 421, address: "https://aviso.example" }, "other-address"],
  [{ status: 400 }, "refused"],
  [new Error("odd"), "unreachable"],
])("a list that failed by %o says so, and is asked for again by itself", async (failure, kind) => {
  vi.useFakeTimers();
  try {
    library.isReachable = false;
    library.failure = failure;
    await model.start();
    expect([model.list.state, model.list.failure?.kind]).toEqual(["failed", kind]);
    library.isReachable = true;
    await vi.advanceTimersByTimeAsync(31_000);
    expect([model.list.state, model.list.failure]).toEqual(["ready", null]);
  } finally {
    vi.useRealTimers();
  }
});

test("nothing is live where the feed that was asked for is none", async () => {
  await model.start();
  client().become({ kind: "online", jid: "a@b" });
  model.look("orders");
  expect(model.state).toEqual({ kind: "live" });

  model.look("nosuch");
  await vi.waitFor(() => expect(model.state).toMatchObject({ kind: "refused", code: "not-open" }));
});

describe("with 1,000 feeds", () => {
  const name = (number: number) => `feed-${String(number).padStart(4, "0")}`;

  beforeEach(() => {
    vi.useFakeTimers();
    library.infos = Array.from({ length: 1_000 }, (_, number) => feedInfo(name(number)));
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("one is followed, a page of them listed, and their heads are had by one call", async () => {
    model.look(name(3));
    await model.start();
    await vi.advanceTimersByTimeAsync(10_500);

    expect(client().subscriptions.size).toBe(1);
    expect([library.queries.length, slugs().length]).toEqual([1, PAGE_FEEDS]);
    expect(library.headsAsked.map((asked) => asked.length)).toEqual([PAGE_FEEDS - 1]);
  });

  test("one that the list has not come as far as is opened all the same", async () => {
    model.look(name(900));
    await model.start();

    expect([model.current?.info.slug, client().subscriptions.size]).toEqual([name(900), 1]);
  });

  test("more are loaded where the reader scrolls to, and no more than that", async () => {
    await model.start();
    model.list.show(70, 100);
    await vi.advanceTimersByTimeAsync(0);
    model.list.show(90, 120);
    await vi.advanceTimersByTimeAsync(0);

    expect([slugs().length, slugs().at(-1)]).toEqual([2 * PAGE_FEEDS, name(199)]);
  });

  test("who scrolls on finds the next page there before he has come to the end", async () => {
    await model.start();
    model.list.show(20, 49);
    await vi.advanceTimersByTimeAsync(0);
    expect(library.queries.length).toBe(1);
    model.list.show(21, 50);
    await vi.advanceTimersByTimeAsync(0);

    expect(slugs().length).toBe(2 * PAGE_FEEDS);
  });

  test("those with something unread are found wherever they stand", async () => {
    await model.start();
    model.list.showUnreadOnly(true);
    await vi.advanceTimersByTimeAsync(0);
    expect([slugs().length, shown(), library.queries.length]).toEqual([1_000, [], 2]);

    library.write(name(987), 3);
    library.write(name(500), 1);
    void model.list.load();
    await vi.advanceTimersByTimeAsync(0);
    expect(shown()).toEqual([name(500), name(987)]);

    model.look(name(500));
    client().subscriptions.get(name(500))?.become({ kind: "live" });
    expect([shown(), model.unreadOf(name(500))]).toEqual([[name(500), name(987)], 0]);
    model.look(name(987));
    expect(shown()).toEqual([name(987)]);
    model.list.showUnreadOnly(false);
    expect(shown().length).toBe(1_000);
  });

  test("a muted one is not unread", async () => {
    await model.start();
    model.list.showUnreadOnly(true);
    await vi.advanceTimersByTimeAsync(0);
    library.write(name(500), 1);
    model.mark(name(500), "muted", true);
    void model.list.load();
    await vi.advanceTimersByTimeAsync(0);

    expect(shown()).toEqual([]);
  });

  test("heads are asked for where the reader looks", async () => {
    await model.start();
    model.list.show(70, 100);
    await vi.advanceTimersByTimeAsync(0);
    model.list.show(150, 180);
    await vi.advanceTimersByTimeAsync(16_000);

    expect(library.headsAsked.at(-1)).toContain(name(150));
    expect(library.headsAsked.at(-1)).toContain(name(179));
    expect(library.headsAsked.at(-1)?.length).toBeLessThanOrEqual(PAGE_FEEDS);
  });

  test("one is found by how the words of its name begin", async () => {
    await model.start();
    void model.list.search(" Feed 099 ");
    await vi.advanceTimersByTimeAsync(0);

    expect(slugs()).toEqual(Array.from({ length: 10 }, (_, number) => name(990 + number)));
    void model.list.search("feed zzz");
    await vi.advanceTimersByTimeAsync(0);
    expect(slugs()).toEqual([]);
    void model.list.search("");
    await vi.advanceTimersByTimeAsync(0);
    expect(slugs().length).toBe(PAGE_FEEDS);
  });

  test("however many are opened, few are followed", async () => {
    await model.start();
    for (let number = 0; number < 20; number += 1) model.look(name(number));
    await vi.advanceTimersByTimeAsync(0);

    expect(followed()).toEqual([name(17), name(18), name(19)]);
    const started = [...client().subscriptions.values()].filter((each) => each.isOpen);
    expect(started.length).toBe(MOST_FOLLOWED);
  });

  test("one that nobody came back to is let go of, and counts on from what was seen", async () => {
    await model.start();
    model.look(name(1));
    client()
      .subscriptions.get(name(1))
      ?.deliver([eventOf(7)], false);
    client().subscriptions.get(name(1))?.become({ kind: "live" });
    model.look(name(2));
    library.write(name(1), 9);
    await vi.advanceTimersByTimeAsync(2 * QUIET_LIMIT_MS);

    expect(followed()).toEqual([name(2)]);
    expect(model.unreadOf(name(1))).toBe(2);
  });
});

test("new feeds come into the list by themselves, and those that are gone leave it", async () => {
  vi.useFakeTimers();
  try {
    await model.start();
    library.infos = [feedInfo("orders"), feedInfo("new")];
    await vi.advanceTimersByTimeAsync(16_000);
    expect(slugs()).toEqual(["new", "orders"]);
    const before = library.queries.length;
    await vi.advanceTimersByTimeAsync(60 * 60_000);
    expect(library.queries.length - before).toBeLessThan(85);
  } finally {
    vi.useRealTimers();
  }
});

test("in a hidden tab nobody asks for lists or heads", async () => {
  vi.useFakeTimers();
  try {
    await model.start();
    model.setTabVisible(false);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect([library.queries.length, library.headsAsked.length]).toEqual([1, 0]);
  } finally {
    vi.useRealTimers();
  }
});

test("what was seen is known again after the page was loaded anew", async () => {
  library.infos = [feedInfo("orders", { head: 5 }), feedInfo("stock", { head: 5 })];
  await model.start();
  model.setTabVisible(false);
  library.write("stock", 3);
  model = new PageModel(library, { credentials: null, onChange: () => {} });
  await model.start();
  expect(["orders", "stock"].map((slug) => model.unreadOf(slug))).toEqual([0, 3]);
});

describe("what an account remembers of feeds", () => {
  const ONLINE = { kind: "online", jid: "ana@localhost/a" } as const;

  beforeEach(async () => {
    vi.useFakeTimers();
    library.infos = [feedInfo("orders", { head: 9 }), feedInfo("stock", { head: 9 })];
    library.onConnect = (connecting) => {
      connecting.kept = [
        { feed: "orders", seen: { epoch: "k3f9", sequence: 4 }, marks: ["pinned"] },
        { feed: "stock", seen: { epoch: "k3f9", sequence: 7 }, marks: ["muted"] },
      ];
      connecting.become(ONLINE);
    };
    await model.start();
  });

  afterEach(() => vi.useRealTimers());

  const unread = () => ["orders", "stock"].map((slug) => model.unreadOf(slug));
  const kept = () => JSON.stringify({ ...localStorage });

  test("comes with the sign-in, and goes with the sign-out", async () => {
    model.mark("stock", "pinned", true);
    await model.signIn("ana", "long enough", false);
    await vi.advanceTimersByTimeAsync(0);
    expect([unread(), model.unread]).toEqual([[5, 0], 5]);
    expect(model.pinned.map(({ slug }) => slug)).toEqual(["orders"]);
    model.signOut();
    await vi.advanceTimersByTimeAsync(0);
    expect([unread(), model.pinned.map(({ slug }) => slug)]).toEqual([[0, 0], ["stock"]]);
    expect([kept().includes("muted"), kept().includes('orders","k3f9",4')]).toEqual([false, false]);
  });

  test("is told to the server as it is read, and read elsewhere it is read here", async () => {
    await model.signIn("ana", "long enough", false);
    model.look("orders");
    await vi.advanceTimersByTimeAsync(0);
    goLive("orders", 9);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(client().changes.flat()).toContainEqual({
      feed: "orders",
      seen: { epoch: "k3f9", sequence: 9 },
    });
    model.mark("stock", "muted", false);
    expect(unread()).toEqual([0, 2]);
    client().tellMarks({ feed: "stock", seen: { epoch: "k3f9", sequence: 9 }, marks: [] });
    expect(unread()).toEqual([0, 0]);
  });

  test("counts where a feed is followed and not looked at, too", async () => {
    await model.signIn("ana", "long enough", false);
    model.look("orders");
    await vi.advanceTimersByTimeAsync(0);
    goLive("orders", 9);
    model.setTabVisible(false);
    client()
      .subscriptions.get("orders")
      ?.deliver([eventOf(10), eventOf(11)]);
    expect(model.unreadOf("orders")).toBe(2);
    client().tellMarks({ feed: "orders", seen: { epoch: "k3f9", sequence: 10 }, marks: [] });
    expect(model.unreadOf("orders")).toBe(1);
    client().tellMarks({ feed: "orders", seen: { epoch: "k3f9", sequence: 11 }, marks: [] });
    expect(model.unreadOf("orders")).toBe(0);
  });
});

test("pinned feeds that the list has not come to are asked for, and stand first", async () => {
  library.infos = [
    ...Array.from({ length: PAGE_FEEDS + 5 }, (_, n) => feedInfo(`a-${1000 + n}`)),
    feedInfo("z-last"),
  ];
  model.mark("z-last", "pinned", true);
  await model.start();
  expect(slugs()).not.toContain("z-last");
  expect(model.list.shown[0]?.slug).toBe("z-last");
  const asked = vi.spyOn(library, "findFeed");
  await model.list.load();
  expect(asked).not.toHaveBeenCalled();
});

test("what another tab of a guest reads and marks is so here", async () => {
  library.infos = [feedInfo("orders", { head: 5 }), feedInfo("stock", { head: 5 })];
  await model.start();
  const beside = new PageModel(library, { credentials: null, onChange: () => {} });
  await beside.start();
  library.write("stock", 3);
  await Promise.all([model.list.load(), beside.list.load()]);
  expect(model.unreadOf("stock")).toBe(3);
  beside.mark("orders", "notify", true);
  rememberPositions(new Map([["stock", { epoch: "k3f9", sequence: 8 }]]));
  for (const key of ["aviso.seen", "aviso.marks"]) {
    dispatchEvent(new StorageEvent("storage", { key }));
  }
  await vi.waitFor(() => expect(client().subscriptions.get("orders")?.isOpen).toBe(true));
  expect(model.unreadOf("stock")).toBe(0);
});

test("a pinned feed that is gone is in no other one's way", async () => {
  library.infos = Array.from({ length: MOST_MARKED + 1 }, (_, n) => feedInfo(`a-${100 + n}`));
  library.onConnect = (connecting) => connecting.become({ kind: "online", jid: "ana@localhost/a" });
  await model.start();
  await model.signIn("ana", "long enough", false);
  const all = library.infos.map(({ slug }) => slug);
  for (const slug of all.slice(0, MOST_MARKED)) model.mark(slug, "pinned", true);
  expect(model.marked.isFull("pinned")).toBe(true);
  const [gone] = library.infos.splice(3, 1);
  client().hint(gone?.slug ?? "", "revoked");
  await vi.waitFor(() => expect(model.marked.isFull("pinned")).toBe(false));
  expect(model.pinned.length).toBe(MOST_MARKED - 1);
  model.mark(`a-${100 + MOST_MARKED}`, "pinned", true);
  expect(model.has(gone?.slug ?? "", "pinned")).toBe(false);
  expect([model.marked.isFull("pinned"), model.pinned.length]).toEqual([true, MOST_MARKED]);
});

test("of a muted feed the reader is told nothing", async () => {
  await model.start();
  model.mark("orders", "notify", true);
  model.mark("stock", "notify", true);
  model.mark("stock", "muted", true);
  expect(client().subscriptions.get("orders")?.isOpen).toBe(true);
  expect(client().subscriptions.get("stock")?.isOpen).toBe(false);
});
