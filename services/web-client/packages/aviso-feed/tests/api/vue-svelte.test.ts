// @vitest-environment jsdom
import { get } from "svelte/store";
import { beforeEach, expect, test } from "vitest";
import { createApp, defineComponent, h, nextTick } from "vue";
import { feedStore } from "../../src/api/svelte";
import { useFeed } from "../../src/api/vue";
import { type Order, ServedFeed } from "./served-feed";

let served: ServedFeed;

beforeEach(() => {
  served = new ServedFeed();
});

test("a Vue component draws the newest records until it is unmounted", async () => {
  await served.write(1);
  const Orders = defineComponent(() => {
    const orders = useFeed<Order>(served.client, "orders", { limit: 2 });
    return () =>
      h("p", `${orders.value.state.kind} ${orders.value.records.map(({ data }) => data.n)}`);
  });
  const place = document.createElement("main");
  const app = createApp(Orders);
  app.mount(place);
  expect(place.textContent).toBe("connecting ");
  await served.world.clock.advance(0);
  await served.write(2);
  await nextTick();
  expect(place.textContent).toBe("live 3,2");

  app.unmount();
  await served.rest();
  expect(served.isFollowed).toBe(false);
});

test("a Svelte store has the newest records while anything is subscribed to it", async () => {
  await served.write(1);
  const orders = feedStore<Order>(served.client, "orders", { limit: 2 });
  const seen: string[] = [];
  const off = orders.subscribe(({ state, records }) =>
    seen.push(`${state.kind} ${records.map(({ data }) => data.n)}`),
  );
  await served.world.clock.advance(0);
  await served.write(2);
  expect([seen[0], seen.at(-1)]).toEqual(["connecting ", "live 3,2"]);
  expect(get(orders).records.length).toBe(2);

  off();
  await served.rest();
  expect(served.isFollowed).toBe(false);
});
