// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test } from "vitest";
import { AlertMenu } from "../src/alert-menu";
import type { BrowserAlerts } from "../src/browser-alerts";
import type { ChimeState } from "../src/chime";
import { MOST_MARKED } from "../src/marked-feeds";
import type { NotifyState } from "../src/notifier";
import { PageModel } from "../src/page-model";
import { readingIn } from "../src/reading";
import { FakeLibrary, feedInfo } from "./fake-library";

const { t } = readingIn("en");

let menu: AlertMenu;
let model: PageModel;
let alerts: { notifier: { state: NotifyState; ask(): Promise<NotifyState> }; chime: object };
/** What the reader says to the browser's question. */
let answer: (state: NotifyState) => void;
let sounds: number;

beforeEach(async () => {
  localStorage.clear();
  sounds = 0;
  model = new PageModel(new FakeLibrary(), { credentials: null, onChange: () => {} });
  await shown({ notify: "ask", sound: "ready" });
});

afterEach(() => menu.remove());

async function shown(may: { notify: NotifyState; sound: ChimeState }): Promise<void> {
  menu?.remove();
  const ask = () =>
    new Promise<NotifyState>((resolve) => {
      answer = (state) => {
        alerts.notifier.state = state;
        resolve(state);
      };
    });
  const sound = () => (sounds += 1);
  alerts = { notifier: { state: may.notify, ask }, chime: { state: may.sound }, sound } as never;
  menu = new AlertMenu();
  menu.model = model;
  menu.alerts = alerts as unknown as BrowserAlerts;
  menu.reading = readingIn("en");
  document.body.append(menu);
  await show("orders");
}

async function show(slug: string): Promise<void> {
  menu.info = feedInfo(slug);
  await drawn();
}

async function drawn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  await menu.updateComplete;
  await menu.querySelector<AlertMenu>("drop-menu")?.updateComplete;
}

const box = (kind: string) => menu.querySelector(`[data-alert=${kind}]`) as HTMLInputElement;
const hint = (kind: string) =>
  menu.querySelector(`[data-alert-hint=${kind}]`)?.textContent?.trim() ?? null;
const state = () => menu.querySelector<HTMLElement>("[data-alerts]")?.dataset.alerts;

async function tick(kind: string): Promise<void> {
  box(kind).click();
  await drawn();
}

test("who wants to be notified is asked by the browser, and then is", async () => {
  await tick("notify");
  expect(model.has("orders", "notify")).toBe(false);
  answer("granted");
  await drawn();
  expect([model.has("orders", "notify"), box("notify").checked, state()]).toEqual([
    true,
    true,
    "on",
  ]);
});

test("where the browser is told no, nothing is ticked, and it is said why", async () => {
  await tick("notify");
  answer("denied");
  await drawn();
  expect([model.has("orders", "notify"), box("notify").checked, state()]).toEqual([
    false,
    false,
    "off",
  ]);
  expect(hint("notify")).toBe(t("alertNotifyDenied"));
});

for (const said of ["granted", "denied"] as const) {
  test(`a feed that is opened while the browser asks is not ticked, and ${said} is not about it`, async () => {
    await tick("notify");
    await show("menu");
    expect(box("notify").checked).toBe(false);
    answer(said);
    await drawn();
    expect(box("notify").checked).toBe(false);
    expect([model.has("orders", "notify"), model.has("menu", "notify")]).toEqual([
      said === "granted",
      false,
    ]);
    await show("orders");
    expect(box("notify").checked).toBe(said === "granted");
  });
}

test("who asks for a sound hears it at once, who takes it back does not", async () => {
  await tick("sound");
  expect([model.has("orders", "sound"), state(), sounds]).toEqual([true, "on", 1]);
  await tick("sound");
  expect([model.has("orders", "sound"), state(), sounds]).toEqual([false, "off", 1]);
});

test("what was asked for elsewhere can be allowed here", async () => {
  model.mark("orders", "notify", true);
  await shown({ notify: "ask", sound: "ready" });
  expect([state(), hint("notify")]).toEqual(["elsewhere", t("alertNotifyHere")]);
  menu.querySelector<HTMLElement>("[data-action=allow]")?.click();
  answer("granted");
  await drawn();
  expect([state(), menu.querySelectorAll("[data-action=allow]").length]).toEqual(["on", 0]);
});

test("a browser that can do neither says so, and offers neither", async () => {
  await shown({ notify: "unsupported", sound: "unsupported" });
  for (const kind of ["notify", "sound"]) expect(box(kind).disabled).toBe(true);
  expect([hint("notify"), hint("sound")]).toEqual([
    t("alertNotifyUnsupported"),
    t("alertSoundUnsupported"),
  ]);
});

test("a muted feed that is to tell says that it does not", async () => {
  model.mark("orders", "sound", true);
  model.mark("orders", "muted", true);
  await shown({ notify: "granted", sound: "ready" });
  expect(menu.querySelector("[data-alert-muted]")?.textContent).toBe(t("alertMuted"));
});

test("no more feeds tell than may, and those that do can stop", async () => {
  for (let n = 0; n < MOST_MARKED; n += 1) model.mark(`feed-${n}`, "sound", true);
  await shown({ notify: "granted", sound: "ready" });
  expect([box("sound").disabled, hint("sound")]).toEqual([
    true,
    t("alertTooMany", { count: MOST_MARKED }),
  ]);
  await show("feed-0");
  expect([box("sound").disabled, box("sound").checked]).toEqual([false, true]);
});
