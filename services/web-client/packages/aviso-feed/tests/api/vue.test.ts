// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type App,
  type Component,
  createApp,
  createSSRApp,
  defineComponent,
  h,
  nextTick,
  Suspense,
} from "vue";
import { renderToString } from "vue/server-renderer";
import type { FeedViewOptions } from "../../src/api/feed-view";
import type { RecordsPage } from "../../src/api/records-client";
import { useFeed } from "../../src/api/vue";
import { type Order, ServedFeed } from "./served-feed";
import { textsOf } from "./texts-of";

let served: ServedFeed;
let place: HTMLElement;
let app: App | null = null;
let draws = 0;

beforeEach(() => {
  served = new ServedFeed();
  place = document.createElement("main");
  draws = 0;
});

afterEach(async () => {
  app?.unmount();
  app = null;
  await served.rest();
  vi.unstubAllGlobals();
});

const ordersWith = (options: FeedViewOptions<Order>): Component =>
  defineComponent(() => {
    const orders = useFeed<Order>(served.client, "orders", options);
    return () => {
      draws += 1;
      const numbers = orders.value.records.map(({ id, data }) => h("b", { key: id }, data.n));
      return h("p", [`${orders.value.state.kind} `, numbers]);
    };
  });

async function draw(options: FeedViewOptions<Order>): Promise<void> {
  app = createApp(ordersWith(options));
  app.mount(place);
  await settle();
}

async function settle(): Promise<void> {
  await served.rest();
  await nextTick();
}

test("a component draws the newest records until it is unmounted", async () => {
  await served.write(1);
  app = createApp(ordersWith({ limit: 2 }));
  app.mount(place);
  expect(place.textContent).toBe("connecting ");
  await settle();
  await served.write(2);
  await nextTick();
  expect(place.textContent).toBe("live 32");

  app.unmount();
  app = null;
  await served.rest();
  expect(served.isFollowed).toBe(false);
});

test("draws nothing again that did not change, and what comes at once, at once", async () => {
  await draw({});
  const before = draws;
  await settle();
  expect(draws).toBe(before);
  await served.write(50);
  await nextTick();
  expect(draws - before).toBeLessThanOrEqual(2);
});

test("with a filter it draws what matches, as long as it does, and lists it once", async () => {
  await served.write(3);
  served.list([3, 1], [2, 2], [1, 1]);
  await draw({ filter: { n: 1 } });
  expect(place.textContent).toBe("live 11");
  const kept = place.querySelectorAll("b")[1];
  await served.set(3, 4);
  await nextTick();
  expect([place.textContent, place.querySelector("b")]).toEqual(["live 1", kept]);
  await served.set(2, 1);
  await nextTick();
  expect([place.textContent, served.listings, served.joins]).toEqual(["live 11", 1, 1]);
});

describe("with the page that the server made", () => {
  let initial: RecordsPage<Order>;

  beforeEach(async () => {
    await served.write(2);
    served.list([2, 2], [1, 1]);
    initial = await served.page(10);
  });

  async function drawOnServer(component: Component): Promise<string> {
    vi.stubGlobal("window", undefined);
    const text = await renderToString(createSSRApp(component));
    vi.unstubAllGlobals();
    return text;
  }

  test.each([
    ["alone", (orders: Component) => orders],
    ["in a Suspense", (orders: Component) => () => h(Suspense, () => h(orders))],
  ])("%s, both draw its records, and the browser goes on from it", async (_where, inside) => {
    const page = inside(ordersWith({ initial }));
    const text = await drawOnServer(page);
    expect(text).toContain("connecting <!--[--><b>2</b><b>1</b>");
    expect(served.joins).toBe(0);
    await served.write(1);
    const warned = vi.spyOn(console, "warn");
    place.innerHTML = text;
    const drawn = [...place.querySelectorAll("b")];
    const seen = textsOf(place);

    app = createSSRApp(page);
    app.mount(place);
    await settle();

    expect(place.textContent).toBe("live 321");
    expect([...place.querySelectorAll("b")].slice(1)).toEqual(drawn);
    expect(seen().filter((each) => !each.endsWith("21"))).toEqual([]);
    expect([served.listings, served.joins]).toEqual([1, 1]);
    expect(warned).not.toHaveBeenCalled();
  });
});
