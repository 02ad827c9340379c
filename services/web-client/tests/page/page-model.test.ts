import { beforeEach, expect, test, vi } from "vitest";
import { PageModel } from "../../src/page/page-model";
import { eventOf, FakeLibrary, type FakeSession, feedInfo } from "./fake-library";

let library: FakeLibrary;
let model: PageModel;

beforeEach(() => {
  sessionStorage.clear();
  library = new FakeLibrary();
  library.infos = [feedInfo("orders"), feedInfo("stock")];
  model = new PageModel(library, { credentials: null, onChange: () => {} });
});

const session = () => model.session as unknown as FakeSession;

function goLive(slug: string, sequence: number): void {
  session()
    .clients.get(slug)
    ?.deliver([eventOf(sequence)], false);
  session().clients.get(slug)?.become({ kind: "live" });
}

test("every listed feed is followed over one session", async () => {
  await model.start();
  expect(library.sessions.length).toBe(1);
  expect([...session().clients.values()].map((client) => client.isStarted)).toEqual([true, true]);
});

test("the unread number is the sum over all feeds", async () => {
  await model.start();
  model.look("orders");
  for (const slug of ["orders", "stock"]) goLive(slug, 7);
  session()
    .clients.get("orders")
    ?.deliver([eventOf(8)]);
  session()
    .clients.get("stock")
    ?.deliver([eventOf(8), eventOf(9)]);
  expect(model.unread).toBe(2);
});

test("in a hidden tab the feed being read counts too", async () => {
  await model.start();
  model.look("orders");
  goLive("orders", 7);
  model.setTabVisible(false);
  session()
    .clients.get("orders")
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
  session().become({ kind: "online", jid: "guest@guest.localhost/1" });
  expect(model.state.kind).toBe("connecting");
  await starting;
  expect(model.state.kind).toBe("connecting");
  library.isReachable = true;
  await model.loadFeeds();
  expect(model.state.kind).toBe("live");
});

test("a list that cannot be had says so, and a later one is taken", async () => {
  library.isReachable = false;
  await model.start();
  expect(model.listState).toBe("failed");
  library.isReachable = true;
  await model.loadFeeds();
  expect([model.listState, model.feeds.size]).toEqual(["ready", 2]);
});

test("signing in goes on from the same positions over the new session", async () => {
  await model.start();
  goLive("orders", 7);
  const guest = session();
  library.onConnect = (opened) => opened.become({ kind: "online", jid: "ana@localhost" });
  expect(await model.signIn("ana", "long enough", true)).toBeNull();
  expect(guest.isClosed).toBe(true);
  expect(session().clients.get("orders")?.position?.sequence).toBe(7);
  expect(sessionStorage.getItem("aviso.account")).toContain("ana");
});

test("wrong credentials leave the reader where he was", async () => {
  await model.start();
  const guest = session();
  library.onConnect = (opened) =>
    opened.become({ kind: "refused", code: "credentials", reason: "not-authorized" });
  const fault = await model.signIn("ana", "wrong", true);
  expect(fault?.message).toBe("errorCredentials");
  expect([session() === guest, guest.isClosed, model.credentials.kind]).toEqual([
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
  expect([model.credentials.kind, sessionStorage.length, session().connects]).toEqual([
    "guest",
    0,
    1,
  ]);
});

test("trying now opens the connection at once", async () => {
  await model.start();
  session().become({ kind: "offline", reason: "lost", retryAt: new Date(Date.now() + 60_000) });
  model.tryNow();
  expect([session().isClosed, session().connects]).toEqual([true, 2]);
});

test("trying now with only a room shut joins that room again", async () => {
  await model.start();
  model.look("orders");
  goLive("orders", 7);
  session().become({ kind: "online", jid: "guest@localhost" });
  const before = session().clients.get("orders");
  model.tryNow();
  const after = session().clients.get("orders");
  expect([before?.isStarted, after?.isStarted, after?.position?.sequence]).toEqual([
    false,
    true,
    7,
  ]);
});

const listed = () =>
  [...model.feeds.values()].filter((feed) => !feed.isShut).map((feed) => feed.info.slug);

function hint(change: "granted" | "revoked"): void {
  session().dispatchEvent(new CustomEvent("reader", { detail: { feed: "secret", change } }));
}

test("a feed that was granted appears, and one that was revoked goes", async () => {
  await model.start();
  library.infos = [...library.infos, feedInfo("secret", { visibility: "private" })];
  hint("granted");
  await vi.waitFor(() => expect(listed()).toEqual(["orders", "stock", "secret"]));
  library.infos = library.infos.slice(0, 2);
  hint("revoked");
  await vi.waitFor(() => expect([...model.feeds.keys()]).toEqual(["orders", "stock"]));
});

test("of a revoked feed that is being read nothing stays in sight, and it says why", async () => {
  library.infos = [feedInfo("secret", { visibility: "private" })];
  await model.start();
  model.look("secret");
  goLive("secret", 7);
  library.infos = [];
  hint("revoked");
  await vi.waitFor(() => expect(listed()).toEqual([]));
  expect([model.current?.records.size, model.current?.state]).toEqual([
    0,
    { kind: "refused", code: "no-longer-open", reason: "" },
  ]);

  library.infos = [feedInfo("secret", { visibility: "private" })];
  hint("granted");
  await vi.waitFor(() => expect(listed()).toEqual(["secret"]));
  expect(session().clients.get("secret")?.isStarted).toBe(true);
});

test("many hints at once ask for the list one at a time", async () => {
  await model.start();
  const before = library.asked.length;
  for (let n = 0; n < 10; n += 1) hint("granted");
  await vi.waitFor(() => expect(library.asked.length).toBe(before + 2));
});

test("the list is asked for with what the session gave", async () => {
  session().token = "t1";
  await model.start();
  expect(library.asked).toEqual(["t1"]);
});

test("signing out leaves nothing of a private feed", async () => {
  library.infos = [feedInfo("orders"), feedInfo("secret", { visibility: "private" })];
  await model.start();
  const client = session().clients.get("secret");
  library.infos = [feedInfo("orders")];
  model.signOut();
  expect([[...model.feeds.keys()], client?.isStarted]).toEqual([["orders"], false]);
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
    expect([model.listState, model.listFailure?.kind]).toEqual(["failed", kind]);
    library.isReachable = true;
    await vi.advanceTimersByTimeAsync(31_000);
    expect([model.listState, model.listFailure]).toEqual(["ready", null]);
  } finally {
    vi.useRealTimers();
  }
});

test("nothing is live where the feed that was asked for is none", async () => {
  await model.start();
  session().become({ kind: "online", jid: "a@b" });
  model.look("orders");
  expect(model.state).toEqual({ kind: "live" });

  model.look("nosuch");
  await vi.waitFor(() => expect(library.asked.length).toBe(2));

  expect(model.state).toMatchObject({ kind: "refused", code: "not-open" });
});
