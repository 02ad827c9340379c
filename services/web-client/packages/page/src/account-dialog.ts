/**
 * `<account-dialog>`: signing in, making an account, or staying a guest. The password stays in this
 * element's fields and in the session; it is remembered only where the reader ticks it.
 */

import { html, nothing, type TemplateResult } from "lit";
import {
  type AccountFault,
  type AccountField,
  accountFaults,
  addressFault,
  registrationFault,
} from "./account";
import { closeIcon } from "./icons";
import { LightElement } from "./light-element";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";

type Purpose = "sign-in" | "sign-up";

export class AccountDialog extends LightElement {
  static override properties = {
    model: { attribute: false },
    reading: { attribute: false },
    purpose: { state: true },
    faults: { state: true },
    progress: { state: true },
    isPasswordShown: { state: true },
    isClosed: { state: true },
    made: { state: true },
  };
  declare model: PageModel;
  declare reading: Reading;
  declare purpose: Purpose;
  declare faults: readonly AccountFault[];
  declare progress: "signingIn" | "signingUp" | null;
  declare isPasswordShown: boolean;
  /** This server makes no accounts. */
  declare isClosed: boolean;
  /** Whose account was made though the dialog had been closed; nobody is signed in to it. */
  declare made: string | null;

  /** Nobody can sign in at the address that the page was reached at. */
  #addressFault: AccountFault | null = null;
  /** Of what is under way: whoever closes the dialog has given it up. */
  #attempt: AbortController | null = null;
  /** By name: an account that is being made, or was, is not asked for again. */
  readonly #accounts = new Map<string, Promise<void>>();

  constructor() {
    super();
    this.purpose = "sign-in";
    this.faults = [];
    this.progress = null;
    this.isPasswordShown = false;
    this.isClosed = false;
    this.made = null;
  }

  async open(purpose: Purpose): Promise<void> {
    this.purpose = purpose;
    this.faults = [];
    await this.updateComplete;
    const dialog = this.querySelector("dialog");
    if (dialog?.open === false) dialog.showModal();
    this.querySelector<HTMLElement>("#account-username")?.focus();
    await this.#askServer();
  }

  /** Where nobody can say, signing up is offered: the server says no by itself. */
  async #askServer(): Promise<void> {
    const about = await this.model.library.aboutServer().catch(() => null);
    this.isClosed = about?.registration === "closed";
    if (this.isClosed) this.purpose = "sign-in";
    this.#addressFault = addressFault(globalThis.crypto?.subtle !== undefined, about);
    if (this.#addressFault !== null) this.faults = [this.#addressFault];
  }

  close(): void {
    this.querySelector("dialog")?.close();
  }

  /** However it was closed, also by Escape: no password stays, and nobody is signed in later. */
  readonly #onClosed = (): void => {
    this.#attempt?.abort();
    this.#attempt = null;
    this.progress = null;
    this.querySelector("form")?.reset();
    this.isPasswordShown = false;
  };

  override render(): TemplateResult {
    const { t } = this.reading;
    const isNew = this.purpose === "sign-up";
    const general = this.faults.find((fault) => fault.field === null);
    return html`<dialog class="dialog" aria-labelledby="account-title" @close=${this.#onClosed}>
      <form class="account-form" novalidate @submit=${this.#submit}>
        <div class="panel-head">
          <h2 id="account-title">${t(isNew ? "signUpTitle" : "signInTitle")}</h2>
          <button
            type="button"
            class="button button-quiet button-icon"
            aria-label=${t("close")}
            title=${t("close")}
            @click=${this.close}
          >
            ${closeIcon}
          </button>
        </div>
        <p class="form-hint">${isNew ? t("signUpIntro") : this.#signInIntro()}</p>
        ${this.#nameField(isNew)} ${this.#passwordField(isNew)}
        <label class="check">
          <input type="checkbox" name="remember" />
          <span>${t("rememberMe")}</span>
        </label>
        <p class="form-error" role="alert">
          ${general === undefined ? nothing : t(general.message, general.parameters)}
        </p>
        <button
          type="submit"
          class="button button-primary button-wide"
          ?disabled=${this.progress !== null}
        >
          ${t(this.progress ?? (isNew ? "signUp" : "signIn"))}
        </button>
        <div class="account-other">
          ${
            this.isClosed
              ? html`<p class="form-hint" data-registration="closed">${t("signUpClosed")}</p>`
              : html`<button type="button" class="button button-quiet" @click=${this.#switch}>
                  ${t(isNew ? "haveAccount" : "needAccount")}
                </button>`
          }
          <button type="button" class="button button-quiet" @click=${this.close}>
            ${t("stayGuest")}
          </button>
        </div>
      </form>
    </dialog>`;
  }

  #signInIntro(): string {
    const { t } = this.reading;
    return this.made === null ? t("signInIntro") : t("signInMade", { name: this.made });
  }

  #nameField(isNew: boolean): TemplateResult {
    const { t } = this.reading;
    return html`<div class="form-field">
      <label for="account-username">${t("userName")}</label>
      <input
        id="account-username"
        class="input"
        name="username"
        autocomplete="username"
        autocapitalize="off"
        spellcheck="false"
        aria-invalid=${this.#faultOf("username") !== undefined}
        aria-describedby="account-username-note"
      />
      ${this.#note("username", isNew ? t("userNameHint") : "")}
    </div>`;
  }

  #passwordField(isNew: boolean): TemplateResult {
    const { t } = this.reading;
    const toggle = () => {
      this.isPasswordShown = !this.isPasswordShown;
    };
    return html`<div class="form-field">
      <label for="account-password">${t("password")}</label>
      <div class="input-with-button">
        <input
          id="account-password"
          class="input"
          name="password"
          type=${this.isPasswordShown ? "text" : "password"}
          autocomplete=${isNew ? "new-password" : "current-password"}
          aria-invalid=${this.#faultOf("password") !== undefined}
          aria-describedby="account-password-note"
        />
        <button
          type="button"
          class="button button-quiet button-small"
          aria-pressed=${this.isPasswordShown}
          aria-label=${t(this.isPasswordShown ? "passwordHide" : "passwordShow")}
          @click=${toggle}
        >
          ${t(this.isPasswordShown ? "writeKeyHide" : "writeKeyShow")}
        </button>
      </div>
      ${this.#note("password", isNew ? t("passwordHint") : "")}
    </div>`;
  }

  #faultOf(field: AccountField): AccountFault | undefined {
    return this.faults.find((fault) => fault.field === field);
  }

  #note(field: AccountField, hint: string): TemplateResult {
    const fault = this.#faultOf(field);
    const id = `account-${field}-note`;
    return fault === undefined
      ? html`<p class="form-hint" id=${id}>${hint}</p>`
      : html`<p class="form-error" id=${id} role="alert">
          ${this.reading.t(fault.message, fault.parameters)}
        </p>`;
  }

  readonly #switch = (): void => {
    this.purpose = this.purpose === "sign-up" ? "sign-in" : "sign-up";
    this.faults = [];
    this.querySelector<HTMLElement>("#account-username")?.focus();
  };

  readonly #submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (this.#attempt !== null) return;
    const form = new FormData(event.target as HTMLFormElement);
    const username = String(form.get("username") ?? "").trim();
    const password = String(form.get("password") ?? "");
    const isNew = this.purpose === "sign-up";
    this.faults =
      this.#addressFault === null ? accountFaults(username, password, isNew) : [this.#addressFault];
    if (this.faults.length === 0) {
      const attempt = new AbortController();
      this.#attempt = attempt;
      const remember = form.has("remember");
      const faults = await this.#enter(username, password, isNew, remember, attempt.signal);
      if (attempt.signal.aborted) return;
      this.#attempt = null;
      this.progress = null;
      this.faults = faults;
    }
    if (this.faults.length === 0) this.close();
    else await this.#focusFault();
  };

  async #enter(
    username: string,
    password: string,
    isNew: boolean,
    remember: boolean,
    signal: AbortSignal,
  ): Promise<readonly AccountFault[]> {
    if (isNew) {
      this.progress = "signingUp";
      try {
        await this.#makeAccount(username, password);
      } catch (error) {
        return [registrationFault(error, username)];
      }
      if (signal.aborted) {
        this.made = username;
        return [];
      }
      // The account exists from here on: if signing in fails, trying again must not register again.
      this.purpose = "sign-in";
    }
    this.progress = "signingIn";
    const fault = await this.model.signIn(username, password, remember, signal);
    if (fault !== null) return [fault];
    if (!signal.aborted) {
      this.made = null;
      this.#accounts.delete(username);
    }
    return [];
  }

  #makeAccount(username: string, password: string): Promise<void> {
    const making = this.#accounts.get(username) ?? this.model.library.register(username, password);
    this.#accounts.set(username, making);
    making.catch(() => this.#accounts.delete(username));
    return making;
  }

  async #focusFault(): Promise<void> {
    await this.updateComplete;
    this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }
}

customElements.define("account-dialog", AccountDialog);
