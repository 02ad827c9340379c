// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Notifier } from "../src/notifier";

const TEXT = { title: "Orders", body: "1 new" };

let permission: NotificationPermission;
let reads: number;
let answer: NotificationPermission;
let shown: FakeNotification[];
/** The browser's word that a permission is another; null: it has none for notifications. */
let status: EventTarget | null;
let onChange: () => void;

class FakeNotification {
  static get permission(): NotificationPermission {
    reads += 1;
    return permission;
  }
  static async requestPermission(): Promise<void> {
    permission = answer;
  }
  onclick = (): void => {};
  onclose = (): void => {};
  isOpen = true;
  constructor(
    readonly title: string,
    readonly options: NotificationOptions,
  ) {
    shown.push(this);
  }
  close(): void {
    this.isOpen = false;
  }
}

beforeEach(() => {
  permission = "default";
  reads = 0;
  answer = "granted";
  shown = [];
  status = new EventTarget();
  onChange = vi.fn();
  vi.stubGlobal("Notification", FakeNotification);
  vi.stubGlobal("navigator", {
    permissions: {
      query: async () => {
        if (status === null) throw new TypeError("no such permission");
        return status;
      },
    },
  });
});

afterEach(() => vi.unstubAllGlobals());

async function made(): Promise<Notifier> {
  const notifier = new Notifier(onChange);
  await new Promise((resolve) => setTimeout(resolve));
  return notifier;
}

const show = (notifier: Notifier, onClick = () => {}, onClose = () => {}) =>
  notifier.show("aviso:orders", TEXT, onClick, onClose);

test("who has not been asked is, once, and the answer stays", async () => {
  const notifier = await made();
  expect(notifier.state).toBe("ask");
  expect(await notifier.ask()).toBe("granted");
  answer = "denied";
  expect([await notifier.ask(), notifier.state]).toEqual(["granted", "granted"]);
});

test("the browser is not asked again at each drawing", async () => {
  const notifier = await made();
  reads = 0;
  for (let n = 0; n < 100; n += 1) void notifier.state;
  expect(reads).toBe(0);
});

test("a permission that is given or taken elsewhere is told", async () => {
  const notifier = await made();
  permission = "denied";
  status?.dispatchEvent(new Event("change"));
  expect(notifier.state).toBe("denied");
  expect(onChange).toHaveBeenCalledTimes(1);
});

test("a browser that tells of no change is looked at when somebody comes back", async () => {
  status = null;
  const notifier = await made();
  permission = "granted";
  document.dispatchEvent(new Event("visibilitychange"));
  expect(notifier.state).toBe("granted");
  document.dispatchEvent(new Event("visibilitychange"));
  expect(onChange).toHaveBeenCalledTimes(1);
});

test("where it may not, nothing is shown, whatever was permitted before", async () => {
  permission = "granted";
  const notifier = await made();
  permission = "denied";
  show(notifier);
  expect([shown, notifier.state]).toEqual([[], "denied"]);
});

test("what is shown is silent, and says once that it was answered", async () => {
  permission = "granted";
  const notifier = await made();
  const [clicked, closed] = [vi.fn(), vi.fn()];
  show(notifier, clicked, closed);
  const [one] = shown;
  expect([one?.title, one?.options]).toMatchObject([
    "Orders",
    { body: "1 new", tag: "aviso:orders", silent: true },
  ]);
  one?.onclick();
  one?.onclose();
  expect([clicked.mock.calls.length, closed.mock.calls.length, one?.isOpen]).toEqual([1, 0, false]);
});

test("what is taken back was not answered", async () => {
  permission = "granted";
  const notifier = await made();
  const closed = vi.fn();
  show(notifier, () => {}, closed);
  notifier.close("aviso:menu");
  expect(shown[0]?.isOpen).toBe(true);
  notifier.close(null);
  shown[0]?.onclose();
  expect([shown[0]?.isOpen, closed.mock.calls.length]).toEqual([false, 0]);
});

test("a browser that lets no page show one is one without", async () => {
  permission = "granted";
  vi.stubGlobal(
    "Notification",
    class {
      static permission = permission;
      constructor() {
        throw new TypeError("use a worker");
      }
    },
  );
  const notifier = await made();
  show(notifier);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(notifier.state).toBe("unsupported");
});

test("a browser that has none says so, and asks nobody", async () => {
  vi.stubGlobal("Notification", undefined);
  expect(await (await made()).ask()).toBe("unsupported");
});
