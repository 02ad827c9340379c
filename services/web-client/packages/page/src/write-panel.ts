/**
 * `<write-panel>`: the form that writes a record into the feed being read. It stands beside the list,
 * not over it, so that whoever writes sees the record arrive.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { templateFields } from "./draft";
import type { DraftEditor } from "./draft-editor";
import { checkIcon, closeIcon } from "./icons";
import { IdempotencyKeys } from "./idempotency";
import type { JsonObject } from "./json";
import type { FeedInfo } from "./library";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import { type Signature, WriteFailure, writeRecord } from "./record-writing";
import { focusFault, formKeys, isSaidAtKey, signatureOf, signaturePart } from "./signing-form";
import { failureNotice, KEY_MISSING, type ShownFailure, shownFailure } from "./write-outcome";
import "./draft-editor";

export class WritePanel extends LightElement {
  static override properties = {
    feed: { attribute: false },
    newest: { attribute: false },
    reading: { attribute: false },
    failure: { state: true },
    isSending: { state: true },
    writtenId: { state: true },
  };
  declare feed: FeedInfo;
  declare newest: JsonObject | null;
  declare reading: Reading;
  declare failure: ShownFailure | null;
  declare isSending: boolean;
  declare writtenId: string | null;

  readonly #keys = new IdempotencyKeys();
  #draftOf: string | null = null;

  constructor() {
    super();
    this.failure = null;
    this.isSending = false;
    this.writtenId = null;
  }

  get #editor(): DraftEditor | null {
    return this.querySelector<DraftEditor>("draft-editor");
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("feed") || this.#draftOf === this.feed.slug) return;
    this.failure = null;
    this.writtenId = null;
    this.#keys.forget();
  }

  protected override updated(): void {
    if (this.#draftOf === this.feed.slug) return;
    const isFirst = this.#draftOf === null;
    // A draft belongs to the feed that it was begun for.
    this.#draftOf = this.feed.slug;
    const editor = this.#editor;
    editor?.begin(templateFields(this.feed.schema, this.newest));
    if (isFirst) void editor?.updateComplete.then(() => editor.focusFirst());
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const { failure } = this;
    const feed = this.feed.title || this.feed.slug;
    return html`
      <form
        class="write-form"
        autocomplete="off"
        novalidate
        aria-labelledby="write-title"
        @submit=${this.#submit}
        @keydown=${this.#onKey}
      >
        <div class="panel-head">
          <h2 id="write-title" dir="auto">${t("writeTitle", { feed })}</h2>
          <button
            type="button"
            class="button button-quiet button-icon"
            aria-label=${t("writeClose")}
            title=${t("writeClose")}
            @click=${this.#close}
          >
            ${closeIcon}
          </button>
        </div>
        <draft-editor
          .reading=${this.reading}
          .refused=${failure?.field == null ? null : { field: failure.field, detail: failure.detail }}
          .isRefused=${failure !== null && !failure.isAboutKey && !failure.canRetry}
          @draft-change=${() => {
            this.writtenId = null;
          }}
        ></draft-editor>
        ${signaturePart(this, "write")}
        ${this.#outcome()}
        <button type="submit" class="button button-primary button-wide" ?disabled=${this.isSending}>
          ${t(this.isSending ? "writeSending" : failure?.canRetry ? "writeAgain" : "writeSend")}
        </button>
      </form>
    `;
  }

  #outcome(): TemplateResult {
    const { t } = this.reading;
    const { failure } = this;
    const isShown = failure !== null && !isSaidAtKey(failure, signatureOf(this)?.kind);
    return html`<div class="write-outcome">
      ${isShown ? failureNotice(failure, this.#editor?.hasRow(failure.field) ?? false, this.reading) : nothing}
      <div role="status">
        ${
          this.writtenId === null
            ? nothing
            : html`<div class="notice notice-good" data-write-outcome="written">
                ${checkIcon}
                <div>
                  <strong>${t("writeDone")}</strong>
                  <p>${t("writeDoneHint", { id: this.writtenId.slice(0, 8) })}</p>
                </div>
              </div>`
        }
      </div>
    </div>`;
  }

  readonly #close = (): void => {
    this.dispatchEvent(new CustomEvent("write-toggle", { bubbles: true }));
  };

  readonly #onKey = formKeys(this, this.#close);

  readonly #submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const editor = this.#editor;
    if (this.isSending || editor === null) return;
    const result = editor.read();
    const signature = signatureOf(this)?.signature ?? null;
    this.writtenId = null;
    this.failure = signature === null ? KEY_MISSING : null;
    if (result.ok && signature !== null) await this.#send(result.data, signature, editor);
    await focusFault(this);
  };

  async #send(data: JsonObject, signature: Signature, editor: DraftEditor): Promise<void> {
    const feed = this.feed.slug;
    this.isSending = true;
    try {
      const id = await writeRecord(feed, data, signature, this.#keys.keyFor(feed, data));
      if (feed !== this.feed.slug) return;
      this.#keys.forget();
      this.writtenId = id;
      editor.empty();
    } catch (error) {
      if (!(error instanceof WriteFailure)) throw error;
      if (feed === this.feed.slug) this.failure = shownFailure(error, signature.kind);
    } finally {
      this.isSending = false;
    }
  }
}

customElements.define("write-panel", WritePanel);
