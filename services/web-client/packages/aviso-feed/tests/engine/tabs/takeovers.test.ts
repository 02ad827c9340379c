// @vitest-environment jsdom
/** Whatever becomes of the tabs, each that lives is complete, in order, and has everything once. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeBrowser, type FakeTab } from "./fake-browser";

type Step = { readonly what: keyof typeof DEEDS; readonly which: number };

/** `which` says which tab, or how many events. */
const DEEDS = {
  publish: (browser: FakeBrowser, which: number) => browser.publish(1 + which),
  open: (browser: FakeBrowser) => {
    if (browser.alive.length < 5) browser.open().follow();
  },
  crashLeader: (browser: FakeBrowser) => {
    if (browser.alive.length > 1) browser.leaders[0]?.crash();
  },
  crash: (browser: FakeBrowser, which: number) => {
    if (browser.alive.length > 1) pick(browser, which).crash();
  },
  close: (browser: FakeBrowser, which: number) => {
    const tab = pick(browser, which);
    if (browser.alive.length < 2) return;
    tab.client.close();
    tab.isGone = true;
  },
  reconnect: (browser: FakeBrowser, which: number) => {
    const { client } = pick(browser, which);
    client.close();
    client.connect();
  },
  leaderStandsStill: (browser: FakeBrowser) => browser.leaders[0]?.standStill(),
  standStill: (browser: FakeBrowser, which: number) => pick(browser, which).standStill(),
  goOn: (browser: FakeBrowser, which: number) => pick(browser, which).goOn(),
  freeze: (browser: FakeBrowser, which: number) => pick(browser, which).freeze(),
  thaw: (browser: FakeBrowser, which: number) => pick(browser, which).thaw(),
  hide: (browser: FakeBrowser, which: number) => {
    pick(browser, which).isVisible = false;
  },
  show: (browser: FakeBrowser, which: number) => pick(browser, which).show(),
  cut: (browser: FakeBrowser) => browser.world.xmpp.links.at(-1)?.die(),
  loseMessages: (browser: FakeBrowser) => {
    browser.isDeaf = true;
    setImmediate(() => {
      browser.isDeaf = false;
    });
  },
} satisfies Record<string, (browser: FakeBrowser, which: number) => unknown>;

const pick = (browser: FakeBrowser, which: number): FakeTab =>
  browser.alive[which % browser.alive.length] as FakeTab;

const step = fc.record({
  what: fc.constantFrom(...(Object.keys(DEEDS) as Step["what"][])),
  which: fc.nat(9),
  pauseMs: fc.constantFrom(0, 0, 5, 200, 700, 2_500),
});

test("every tab is complete, in order, once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
      const browser = new FakeBrowser();
      const { rest } = browser.world;
      rest.feeds.set("orders", { epoch: "k3f9", head: 0 });
      for (let n = 0; n < 3; n += 1) browser.open().follow();
      await browser.advance(0);

      for (const { what, which, pauseMs } of steps) {
        DEEDS[what](browser, which);
        await browser.advance(pauseMs);
      }
      for (const tab of browser.alive) {
        tab.thaw();
        tab.show();
      }
      await browser.advance(15_000);
      browser.publish(1);
      await browser.advance(5_000);

      const all = Array.from({ length: rest.feeds.get("orders")?.head ?? 0 }, (_, n) => n + 1);
      for (const tab of browser.alive) {
        expect(tab.sequences).toEqual(all);
        expect(tab.states.at(-1)).toBe("live");
      }
      expect(browser.leaders).toHaveLength(1);
      expect(browser.openLinks).toBe(1);
    }),
    { numRuns: 12 },
  );
});
