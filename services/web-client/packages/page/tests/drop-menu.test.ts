// @vitest-environment jsdom
import { html } from "lit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DropMenu } from "../src/drop-menu";

let menu: DropMenu;
let elsewhere: HTMLButtonElement;

beforeEach(async () => {
  elsewhere = document.createElement("button");
  menu = new DropMenu();
  menu.label = "Columns";
  menu.icon = html`<svg></svg>`;
  menu.body = html`<button class="one"></button><button class="two"></button>`;
  document.body.append(menu, elsewhere);
  await menu.updateComplete;
});

afterEach(() => {
  menu.remove();
  elsewhere.remove();
});

const details = () => menu.querySelector("details") as HTMLDetailsElement;
const inside = (selector: string) => menu.querySelector(selector) as HTMLElement;
const press = (place: Element) =>
  place.dispatchEvent(new Event("pointerdown", { bubbles: true, composed: true }));

function pressEscape(place: Element): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
  place.dispatchEvent(event);
  return event;
}

test("Escape closes it, leads back to its button, and does nothing else", () => {
  details().open = true;
  inside(".two").focus();
  expect(pressEscape(inside(".two")).defaultPrevented).toBe(true);
  expect([details().open, document.activeElement]).toEqual([false, inside("summary")]);
});

test("while it is closed, Escape is somebody else's", () => {
  expect(pressEscape(inside("summary")).defaultPrevented).toBe(false);
});

test("it is closed by a press elsewhere, not by one in it", () => {
  details().open = true;
  press(inside(".one"));
  expect(details().open).toBe(true);
  press(elsewhere);
  expect(details().open).toBe(false);
});

test("it does not stay open over what one goes on to by keyboard", () => {
  details().open = true;
  inside(".one").focus();
  inside(".two").focus();
  expect(details().open).toBe(true);
  elsewhere.focus();
  expect(details().open).toBe(false);
  expect(document.activeElement).toBe(elsewhere);
});

test("it stays open where what had the focus goes", () => {
  details().open = true;
  inside(".two").focus();
  inside(".two").blur();
  expect(details().open).toBe(true);
});

test("once it has left the page, nothing there is listened to", async () => {
  details().open = true;
  menu.remove();
  press(elsewhere);
  expect(details().open).toBe(true);
  document.body.append(menu);
  press(elsewhere);
  expect(details().open).toBe(false);
});

test("who listens is told when it opens and closes", async () => {
  const told = vi.fn();
  menu.addEventListener("toggle", told);
  details().open = true;
  await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
  details().open = false;
  await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(2));
});
