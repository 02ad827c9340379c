// @vitest-environment jsdom
import { RegistrationError } from "aviso-feed";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AccountFault } from "../src/account";
import { AccountDialog } from "../src/account-dialog";
import type { Locale } from "../src/locale";
import { PageModel } from "../src/page-model";
import { readingIn } from "../src/reading";
import { FakeLibrary } from "./fake-library";

let library: FakeLibrary;
let dialog: AccountDialog;
let signIns: { username: string; remember: boolean }[];
let answer: () => Promise<AccountFault | null>;

/** jsdom knows no dialog that opens and closes. */
beforeEach(() => {
  const { prototype } = HTMLDialogElement as unknown as { prototype: HTMLDialogElement };
  prototype.showModal = function () {
    this.open = true;
  };
  prototype.close = function () {
    this.open = false;
    this.dispatchEvent(new Event("close"));
  };
  signIns = [];
  answer = async () => null;
});

afterEach(() => dialog.remove());

async function opened(purpose: "sign-in" | "sign-up", locale: Locale = "en"): Promise<void> {
  library = new FakeLibrary();
  const model = new PageModel(library, { credentials: null, onChange: () => {} });
  vi.spyOn(model, "signIn").mockImplementation((username, _, remember) => {
    signIns.push({ username, remember });
    return answer();
  });
  dialog = new AccountDialog();
  dialog.model = model;
  dialog.reading = readingIn(locale);
  document.body.append(dialog);
  await dialog.updateComplete;
  await dialog.open(purpose);
  await dialog.updateComplete;
}

const box = () => dialog.querySelector("dialog") as HTMLDialogElement;
const field = (name: string) => dialog.querySelector(`[name=${name}]`) as HTMLInputElement;
const note = (name: string) =>
  dialog.querySelector(`#account-${name}-note`)?.textContent?.trim() ?? "";
const general = () => dialog.querySelector(".account-form > .form-error")?.textContent?.trim();
const submit = () => dialog.querySelector("[type=submit]") as HTMLButtonElement;

async function send(username: string, password: string): Promise<void> {
  field("username").value = username;
  field("password").value = password;
  dialog
    .querySelector("form")
    ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
  await vi.waitFor(() => expect(submit().disabled).toBe(false));
  await dialog.updateComplete;
}

test("who signs in is in, without the blanks around the name, and the dialog is closed", async () => {
  await opened("sign-in");
  expect(document.activeElement).toBe(field("username"));
  field("remember").checked = true;
  await send("  ada ", "secret");
  expect(signIns).toEqual([{ username: "ada", remember: true }]);
  await vi.waitFor(() => expect(box().open).toBe(false));
  expect(library.registered).toEqual([]);
});

test("what is wrong stands at its field, which gets the keyboard, and nothing is sent", async () => {
  await opened("sign-in", "es");
  await send("Ada Lovelace", "");
  expect(signIns).toEqual([]);
  expect(note("username")).toBe(readingIn("es").t("errorUserNameForm"));
  expect(note("password")).toBe(readingIn("es").t("errorPasswordMissing"));
  expect(field("username").getAttribute("aria-invalid")).toBe("true");
  await vi.waitFor(() => expect(document.activeElement).toBe(field("username")));
});

test("a password that is wrong stays in its field to be corrected", async () => {
  await opened("sign-in");
  answer = async () => ({ field: "password", message: "errorCredentials" });
  await send("ada", "secret");
  expect(note("password")).toBe(readingIn("en").t("errorCredentials"));
  expect(box().open).toBe(true);
  expect(field("password").value).toBe("secret");
});

test("a server that is not reached is no fault of a field's", async () => {
  await opened("sign-in");
  answer = async () => ({ field: null, message: "errorUnreachable" });
  await send("ada", "secret");
  expect(general()).toBe(readingIn("en").t("errorUnreachable"));
  expect(field("password").getAttribute("aria-invalid")).toBe("false");
});

test("while it is under way nothing is sent a second time", async () => {
  await opened("sign-in");
  let finish = (_: null) => {};
  answer = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  field("username").value = "ada";
  field("password").value = "secret";
  const form = dialog.querySelector("form") as HTMLFormElement;
  for (let time = 0; time < 2; time += 1) {
    form.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
    await dialog.updateComplete;
  }
  expect(signIns).toHaveLength(1);
  expect(submit().disabled).toBe(true);
  finish(null);
  await vi.waitFor(() => expect(box().open).toBe(false));
});

test("a new account is made once, though signing in fails after it", async () => {
  await opened("sign-up");
  answer = async () => ({ field: null, message: "errorUnreachable" });
  await send("ada", "long enough");
  expect(library.registered).toEqual(["ada"]);
  answer = async () => null;
  await send("ada", "long enough");
  expect(library.registered).toEqual(["ada"]);
  expect(signIns).toHaveLength(2);
});

test("a name that is taken is said at the name", async () => {
  await opened("sign-up");
  library.registerError = new RegistrationError("name-taken");
  await send("ada", "long enough");
  expect(note("username")).not.toBe("");
  expect(field("username").getAttribute("aria-invalid")).toBe("true");
  expect(signIns).toEqual([]);
});

for (const close of ["Escape", "its button"]) {
  test(`closed by ${close} it keeps no password, and shows none when it is opened again`, async () => {
    await opened("sign-in");
    field("username").value = "ada";
    field("password").value = "secret";
    dialog.querySelector<HTMLElement>("[aria-pressed]")?.click();
    await dialog.updateComplete;
    expect(field("password").type).toBe("text");
    // A browser closes the dialog by itself on Escape.
    if (close === "Escape") box().close();
    else dialog.querySelector<HTMLElement>(".panel-head button")?.click();
    await dialog.updateComplete;
    expect(field("password").value).toBe("");
    expect(field("password").type).toBe("password");
  });
}

test("where no accounts are made, it says so and offers none", async () => {
  library = new FakeLibrary();
  await opened("sign-up");
  vi.spyOn(library, "aboutServer").mockResolvedValue({ registration: "closed", publicOrigin: "" });
  await dialog.open("sign-up");
  await dialog.updateComplete;
  expect(dialog.purpose).toBe("sign-in");
  expect(dialog.querySelector("[data-registration=closed]")).not.toBeNull();
});

for (const step of ["asked to sign in", "making the account"]) {
  test(`closed while ${step}, nobody is signed in afterwards, and it can be begun anew`, async () => {
    await opened("sign-in");
    vi.restoreAllMocks();
    let made = () => {};
    library.register = () =>
      new Promise((resolve) => {
        made = resolve;
      });
    if (step === "making the account") await dialog.open("sign-up");
    field("username").value = "ada";
    field("password").value = "long enough";
    const form = dialog.querySelector("form") as HTMLFormElement;
    form.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
    await dialog.updateComplete;
    box().close();
    await dialog.updateComplete;
    expect(submit().disabled).toBe(false);
    made();
    await vi.waitFor(() => {
      for (const candidate of library.clients.slice(1)) expect(candidate.isClosed).toBe(true);
    });
    for (const candidate of library.clients.slice(1)) {
      candidate.become({ kind: "online", jid: "ada@localhost" });
    }
    await new Promise((resolve) => setTimeout(resolve));
    expect(dialog.model.credentials.kind).toBe("guest");
    expect(library.clients[0]?.isClosed).toBe(false);
    expect(sessionStorage).toHaveLength(0);
    expect(general()).toBe("");
  });
}

test("an answer to what was given up does not close the dialog that was opened again", async () => {
  await opened("sign-in");
  const answers: ((fault: AccountFault | null) => void)[] = [];
  answer = () => new Promise((resolve) => answers.push(resolve));
  const form = dialog.querySelector("form") as HTMLFormElement;
  const begin = async () => {
    field("username").value = "ada";
    field("password").value = "secret";
    form.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
    await dialog.updateComplete;
  };
  await begin();
  box().close();
  await dialog.open("sign-in");
  await begin();
  answers[0]?.({ field: "password", message: "errorCredentials" });
  await new Promise((resolve) => setTimeout(resolve));
  await dialog.updateComplete;
  expect([box().open, submit().disabled, note("password")]).toEqual([true, true, ""]);
});

describe("an account whose making was not waited for", () => {
  let answers: { resolve: () => void; reject: (error: unknown) => void }[];

  /** The dialog is closed while the server makes it. */
  beforeEach(async () => {
    await opened("sign-up");
    answers = [];
    library.register = (username) =>
      new Promise((resolve, reject) => {
        library.registered.push(username);
        answers.push({ resolve, reject });
      });
    await begin("ada", "long enough");
    box().close();
  });

  async function begin(username: string, password: string): Promise<void> {
    field("username").value = username;
    field("password").value = password;
    dialog
      .querySelector("form")
      ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
    await dialog.updateComplete;
  }

  async function answered(end: () => void): Promise<void> {
    end();
    await new Promise((resolve) => setTimeout(resolve));
    await dialog.updateComplete;
  }

  const intro = () => dialog.querySelector(".form-hint")?.textContent;

  test("is told of when the dialog is opened again, and is there to sign in to", async () => {
    await answered(() => answers[0]?.resolve());
    await dialog.open("sign-in");
    await dialog.updateComplete;
    expect(intro()).toBe(readingIn("en").t("signInMade", { name: "ada" }));
    await send("ada", "long enough");
    expect(signIns).toEqual([{ username: "ada", remember: false }]);
    expect(intro()).toBe(readingIn("en").t("signInIntro"));
  });

  test("is not asked for again, nor called taken, by who asks for it once more", async () => {
    await dialog.open("sign-up");
    await begin("ada", "long enough");
    await answered(() => answers[0]?.resolve());
    expect([library.registered, note("username"), signIns.length]).toEqual([["ada"], "", 1]);
  });

  test("is not told of where none was made, and can be asked for again", async () => {
    await answered(() => answers[0]?.reject(new RegistrationError("unreachable")));
    await dialog.open("sign-up");
    expect(intro()).toBe(readingIn("en").t("signUpIntro"));
    await begin("ada", "long enough");
    expect(library.registered).toEqual(["ada", "ada"]);
  });
});
