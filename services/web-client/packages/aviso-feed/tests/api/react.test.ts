// @vitest-environment jsdom
import { act, createElement, type ReactElement, StrictMode, Suspense } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server.browser";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AvisoProvider, type UseFeedOptions, useFeed } from "../../src/api/react";
import type { RecordsPage } from "../../src/api/records-client";
import { type Order, ServedFeed } from "./served-feed";
import { textsOf } from "./texts-of";

let served: ServedFeed;
let place: HTMLElement;
let root: Root | null = null;
let draws = 0;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  served = new ServedFeed();
  place = document.body.appendChild(document.createElement("main"));
  draws = 0;
});

afterEach(async () => {
  await act(async () => root?.unmount());
  root = null;
  await served.rest();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

function Orders(options: UseFeedOptions<Order>): ReactElement {
  draws += 1;
  const { records, state, behind } = useFeed<Order>("orders", options);
  const numbers = records.map(({ id, data }) => createElement("b", { key: id }, data.n));
  return createElement("p", null, `${state.kind} ${behind} `, numbers);
}

const page = (options: UseFeedOptions<Order> = {}): ReactElement =>
  createElement(
    StrictMode,
    null,
    createElement(AvisoProvider, { client: served.client }, createElement(Orders, options)),
  );

async function draw(element: ReactElement): Promise<void> {
  await act(async () => {
    root ??= createRoot(place);
    root.render(element);
  });
  await settle();
}

const settle = (): Promise<void> =>
  act(async () => {
    await served.rest();
  });

const write = (count: number): Promise<void> => act(() => served.write(count));

test("draws the newest records, and each that comes", async () => {
  await served.write(2);
  await draw(page({ limit: 2 }));
  expect(place.textContent).toBe("live 0 21");
  await write(1);
  expect(place.textContent).toBe("live 0 32");
});

test("StrictMode, which mounts twice, follows the feed once", async () => {
  await draw(page());
  expect(served.joins).toBe(1);
  await write(1);
  expect(place.textContent).toBe("live 0 1");
});

test("draws nothing again that did not change", async () => {
  await draw(page());
  const before = draws;
  await settle();
  expect(draws).toBe(before);
  await write(50);
  // StrictMode draws each time twice.
  expect(draws - before).toBeLessThanOrEqual(4);
});

test("another limit is another view, and unmounting lets go of the feed", async () => {
  await served.write(3);
  await draw(page({ limit: 1 }));
  expect(place.textContent).toBe("live 0 3");
  await draw(page({ limit: 3 }));
  expect(place.textContent).toBe("live 0 321");

  await act(async () => root?.unmount());
  root = null;
  await settle();
  expect(served.isFollowed).toBe(false);
});

test("a server draws that it is connecting, asks nobody, and the browser goes on from it", async () => {
  await served.write(1);
  const text = renderToString(page());
  expect(text).toContain("connecting 0");
  await settle();
  expect([served.world.rest.requests, served.world.xmpp.links]).toEqual([[], []]);

  const errors: unknown[] = [];
  place.innerHTML = text;
  await act(async () => {
    root = hydrateRoot(place, page(), { onRecoverableError: (error) => errors.push(error) });
  });
  await settle();

  expect([place.textContent, errors]).toEqual(["live 0 1", []]);
});

test("without a client it says what is missing", () => {
  expect(() => renderToString(createElement(Orders))).toThrow(/AvisoProvider/);
});

test("a filter that says the same is the same, be it made at each drawing", async () => {
  await served.write(2);
  served.list([2, 2], [1, 1]);
  await draw(page({ filter: { n: 1 } }));
  await draw(page({ filter: { n: 1 } }));
  expect([place.textContent, served.listings, served.joins]).toEqual(["live 0 1", 1, 1]);
  await draw(page({ filter: { n: 2 } }));
  expect([place.textContent, served.listings]).toEqual(["live 0 2", 2]);
});

describe("with the page that the server made", () => {
  let initial: RecordsPage<Order>;

  beforeEach(async () => {
    await served.write(2);
    served.list([2, 2], [1, 1]);
    initial = await served.page(10);
  });

  const suspending = (): ReactElement =>
    createElement(Suspense, { fallback: "waiting" }, page({ initial }));

  test("both draw its records, and the browser goes on from it, without a flash", async () => {
    const text = renderToString(page({ initial }));
    expect(text.replace(/<!-- -->/g, "")).toContain("connecting 0 <b>2</b><b>1</b>");
    await served.write(1);
    const errors: unknown[] = [];
    place.innerHTML = text;
    const drawn = [...place.querySelectorAll("b")];
    const seen = textsOf(place);
    await act(async () => {
      root = hydrateRoot(place, page({ initial }), {
        onRecoverableError: (error) => errors.push(error),
      });
    });
    await settle();

    expect([place.textContent, errors]).toEqual(["live 0 321", []]);
    expect([...place.querySelectorAll("b")].slice(1)).toEqual(drawn);
    expect(seen().filter((each) => !each.endsWith("21"))).toEqual([]);
    expect([served.listings, served.joins]).toEqual([1, 1]);
    await act(() => served.change(2, "deleted"));
    expect(place.textContent).toBe("live 0 31");
  });

  test("nothing suspends, on the server and in the browser", async () => {
    const text = renderToString(suspending());
    expect(text).not.toContain("waiting");
    place.innerHTML = text;
    const seen = textsOf(place);
    await act(async () => {
      root = hydrateRoot(place, suspending());
    });
    await settle();
    expect(place.textContent).toBe("live 0 21");
    expect(seen().filter((each) => each.includes("waiting"))).toEqual([]);
  });

  test("another feed or filter is followed without it", async () => {
    await draw(page({ initial }));
    await draw(page({ initial, filter: { n: 1 } }));
    expect(place.textContent).toBe("live 0 1");
  });
});
