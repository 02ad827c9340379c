/** `<feed-form>`: makes a feed, for whoever may, and leads to it. */

import { html, nothing, type TemplateResult } from "lit";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import { createFeed, WriteFailure } from "./record-writing";
import { hashOfFeed } from "./route";
import { focusFault, isSaidAtKey, signatureOf, signaturePart } from "./signing-form";
import { failureNotice, KEY_MISSING, type ShownFailure, shownFailure } from "./write-outcome";

const SLUG = /^[a-z0-9-]{1,64}$/;

export class FeedForm extends LightElement {
  static override properties = {
    reading: { attribute: false },
    isSlugWrong: { state: true },
    failure: { state: true },
    isSending: { state: true },
  };
  declare reading: Reading;
  declare isSlugWrong: boolean;
  declare failure: ShownFailure | null;
  declare isSending: boolean;

  constructor() {
    super();
    this.isSlugWrong = false;
    this.failure = null;
    this.isSending = false;
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const { failure } = this;
    return html`<form class="feed-form" novalidate autocomplete="off" @submit=${this.#submit}>
      <h2>${t("feedMake")}</h2>
      <div class="form-field">
        <label for="feed-slug">${t("feedSlug")}</label>
        <input
          id="feed-slug"
          class="input"
          maxlength="64"
          autocapitalize="none"
          spellcheck="false"
          placeholder="orders"
          aria-invalid=${this.isSlugWrong}
          aria-describedby="feed-slug-hint"
          @input=${() => {
            this.isSlugWrong = false;
          }}
        />
        <p class=${this.isSlugWrong ? "form-error" : "form-hint"} id="feed-slug-hint">
          ${t("feedSlugHint")}
        </p>
      </div>
      <label class="check">
        <input type="checkbox" name="private" />
        <span>${t("feedMakePrivate")}</span>
      </label>
      ${signaturePart(this, "feed")}
      ${failure === null || isSaidAtKey(failure, signatureOf(this)?.kind) ? nothing : failureNotice(failure, false, this.reading)}
      <button type="submit" class="button button-primary button-wide" ?disabled=${this.isSending}>
        ${t("feedMake")}
      </button>
    </form>`;
  }

  readonly #submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (this.isSending) return;
    const slug = this.querySelector<HTMLInputElement>("#feed-slug")?.value.trim() ?? "";
    const isPrivate = this.querySelector<HTMLInputElement>("[name=private]")?.checked ?? false;
    const signature = signatureOf(this)?.signature ?? null;
    this.isSlugWrong = !SLUG.test(slug);
    this.failure = signature === null ? KEY_MISSING : null;
    if (!this.isSlugWrong && signature !== null) {
      this.isSending = true;
      try {
        await createFeed({ slug, visibility: isPrivate ? "private" : "public" }, signature);
        location.hash = hashOfFeed(slug);
      } catch (error) {
        if (!(error instanceof WriteFailure)) throw error;
        this.failure = shownFailure(error, signature.kind, "feed");
      } finally {
        this.isSending = false;
      }
    }
    await focusFault(this);
  };
}

customElements.define("feed-form", FeedForm);
