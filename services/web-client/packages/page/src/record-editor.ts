/**
 * `<record-editor>`: changes or deletes a record, if it still is what the person saw. Where somebody
 * else was quicker it shows both, and which of them shall hold.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { changeList } from "./change-list";
import { fieldsOfRecord } from "./draft";
import type { DraftEditor } from "./draft-editor";
import { IdempotencyKeys } from "./idempotency";
import type { JsonObject } from "./json";
import type { FeedRecord } from "./library";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import { fieldChanges } from "./record-history";
import { deleteRecord, replaceRecord, type Signature, WriteFailure } from "./record-writing";
import { focusFault, formKeys, isSaidAtKey, signatureOf, signaturePart } from "./signing-form";
import { failureNotice, KEY_MISSING, type ShownFailure, shownFailure } from "./write-outcome";
import "./draft-editor";

/** Somebody has changed it, or deleted it. */
const OVERTAKEN = [404, 412];

/** What stands in the feed by now (null: it is gone), and what the person wants. */
interface Conflict {
  readonly theirs: FeedRecord | null;
  readonly mine: JsonObject | null;
}

export class RecordEditor extends LightElement {
  static override properties = {
    purpose: { attribute: false },
    feed: { attribute: false },
    record: { attribute: false },
    reading: { attribute: false },
    readAgain: { attribute: false },
    base: { state: true },
    failure: { state: true },
    conflict: { state: true },
    isSending: { state: true },
  };
  declare purpose: "edit" | "delete";
  declare feed: string;
  declare record: FeedRecord;
  declare reading: Reading;
  declare readAgain: () => Promise<FeedRecord | null>;
  /** What the person saw when he began: changes are made to this, and not to what came later. */
  declare base: FeedRecord;
  declare failure: ShownFailure | null;
  declare conflict: Conflict | null;
  declare isSending: boolean;

  readonly #keys = new IdempotencyKeys();
  /** Counts what was begun: the answer to an earlier one changes nothing of what is written now. */
  #turn = 0;

  constructor() {
    super();
    this.failure = null;
    this.conflict = null;
    this.isSending = false;
  }

  get #editor(): DraftEditor | null {
    return this.querySelector<DraftEditor>("draft-editor");
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("purpose")) return;
    this.#turn += 1;
    this.base = this.record;
    this.failure = null;
    this.conflict = null;
    this.isSending = false;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("purpose")) return;
    this.#begin(this.base);
    const first = this.purpose === "edit" ? ".draft-value" : "[type=submit]";
    void this.#editor?.updateComplete.then(() => this.querySelector<HTMLElement>(first)?.focus());
  }

  #begin(record: FeedRecord): void {
    this.#editor?.begin(fieldsOfRecord(record.data as JsonObject, this.reading.locale));
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const { failure } = this;
    const isEdit = this.purpose === "edit";
    return html`<form
      class="record-form"
      novalidate
      autocomplete="off"
      aria-label=${t(isEdit ? "edit" : "delete")}
      @submit=${this.#submit}
      @keydown=${this.#onKey}
    >
      ${
        isEdit
          ? html`<draft-editor
              .name=${"edit"}
              .reading=${this.reading}
              .refused=${failure?.field == null ? null : { field: failure.field, detail: failure.detail }}
              .isRefused=${failure !== null && !failure.isAboutKey && !failure.canRetry}
            ></draft-editor>`
          : html`<p>${t("deleteSure")}</p>`
      }
      ${signaturePart(this, "edit")}
      ${this.conflict === null ? this.#failure() : this.#conflict(this.conflict)}
      <div class="form-actions">
        ${
          this.conflict === null
            ? html`<button type="submit" class="button button-primary" ?disabled=${this.isSending}>
                ${t(this.isSending ? "writeSending" : isEdit ? "save" : "delete")}
              </button>`
            : nothing
        }
        <button type="button" class="button" @click=${this.#close}>${t("cancel")}</button>
      </div>
    </form>`;
  }

  #failure(): TemplateResult | typeof nothing {
    const { failure } = this;
    if (failure === null || isSaidAtKey(failure, signatureOf(this)?.kind)) return nothing;
    return failureNotice(failure, this.#editor?.hasRow(failure.field) ?? false, this.reading);
  }

  #conflict({ theirs, mine }: Conflict): TemplateResult {
    const { t } = this.reading;
    if (theirs === null) {
      return html`<p class="notice notice-warn" role="alert" data-conflict="gone">${t("conflictGone")}</p>`;
    }
    const wanted = mine ?? (this.base.data as JsonObject);
    const changes = fieldChanges(theirs.data as JsonObject, wanted);
    return html`<section class="conflict" role="alert" data-conflict="changed">
      <strong>${t("errorConflict")}</strong>
      <p>${t(mine === null ? "conflictDeleteHint" : "conflictHint")}</p>
      <div class="conflict-sides" aria-hidden="true">
        <span>${t("conflictTheirs")}</span
        ><span>${t(mine === null ? "conflictSeen" : "conflictMine")}</span>
      </div>
      ${changeList(
        changes,
        { before: t("conflictTheirs"), after: t(mine === null ? "conflictSeen" : "conflictMine") },
        this.reading,
      )}
      <div class="form-actions">
        <button type="button" class="button button-primary" data-action="keep-mine" @click=${() => this.#insist(theirs)}>
          ${t(mine === null ? "conflictDelete" : "conflictKeepMine")}
        </button>
        <button type="button" class="button" data-action="take-theirs" @click=${() => this.#giveIn(theirs)}>
          ${t("conflictTakeTheirs")}
        </button>
      </div>
    </section>`;
  }

  /** Write over what stands there now, which the person has seen. */
  #insist(theirs: FeedRecord): void {
    this.base = theirs;
    this.conflict = null;
    void this.#write();
  }

  #giveIn(theirs: FeedRecord): void {
    this.base = theirs;
    this.conflict = null;
    this.failure = null;
    if (this.purpose === "edit") this.#begin(theirs);
    else this.#close();
  }

  readonly #submit = (event: Event): void => {
    event.preventDefault();
    if (!this.isSending && this.conflict === null) void this.#write();
  };

  async #write(): Promise<void> {
    const result = this.purpose === "edit" ? (this.#editor?.read() ?? null) : null;
    const signature = signatureOf(this)?.signature ?? null;
    this.failure = signature === null ? KEY_MISSING : null;
    if (signature !== null) {
      if (result === null) await this.#send(null, signature);
      else if (result.ok) await this.#send(result.data, signature);
    }
    await focusFault(this);
  }

  /** `data` null: delete it. */
  async #send(data: JsonObject | null, signature: Signature): Promise<void> {
    const { id, version = 0 } = this.base;
    const address = { feed: this.feed, id, version };
    const key = this.#keys.keyFor(this.purpose, id, version, data);
    // Somebody may leave meanwhile, and begin another.
    const turn = this.#turn;
    const isWaitedFor = (): boolean => this.isConnected && turn === this.#turn;
    this.isSending = true;
    try {
      if (data === null) await deleteRecord(address, signature, key);
      else await replaceRecord(address, data, signature, key);
      if (isWaitedFor()) this.#close();
    } catch (error) {
      if (!(error instanceof WriteFailure)) throw error;
      if (!isWaitedFor()) return;
      if (OVERTAKEN.includes(error.status)) await this.#meet(data, isWaitedFor);
      else this.failure = shownFailure(error, signature.kind);
    } finally {
      if (isWaitedFor()) this.isSending = false;
    }
  }

  /** Somebody else was quicker: what stands there now? */
  async #meet(mine: JsonObject | null, isWaitedFor: () => boolean): Promise<void> {
    try {
      const theirs = await this.readAgain();
      if (isWaitedFor()) this.conflict = { theirs, mine };
    } catch {
      if (!isWaitedFor()) return;
      this.failure = shownFailure(new WriteFailure(0, "", null), "key");
    }
  }

  readonly #close = (): void => {
    this.dispatchEvent(new CustomEvent("editor-close"));
  };

  readonly #onKey = formKeys(this, this.#close);
}

customElements.define("record-editor", RecordEditor);
