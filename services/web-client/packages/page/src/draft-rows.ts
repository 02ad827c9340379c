/** The friendly way to enter a record: one row a field. A template; the panel keeps the rows. */

import { html, nothing, type TemplateResult } from "lit";
import { type DraftFault, type DraftField, FIELD_KINDS, type FieldKind } from "./draft";
import { closeIcon, plusIcon } from "./icons";
import type { MessageKey } from "./locale";
import type { Reading } from "./reading";

export interface RowsHandler {
  change(row: number, change: Partial<DraftField>): void;
  add(): void;
  remove(row: number): void;
  /** Draw more of those that are folded away. */
  unfold(): void;
}

/** Rows from the first number up to the second, and without it, are drawn only where they are at fault. */
export type Folded = readonly [from: number, to: number];

const KIND_NAMES: Readonly<Record<FieldKind, MessageKey>> = {
  text: "typeText",
  number: "typeNumber",
  boolean: "typeBoolean",
  json: "typeJson",
};

/** The field that the server found fault with, and what it said. */
export interface RefusedField {
  readonly field: string;
  readonly detail: string;
}

export function draftRows(
  fields: readonly DraftField[],
  faults: readonly DraftFault[],
  refused: RefusedField | null,
  folded: Folded,
  reading: Reading,
  handler: RowsHandler,
): TemplateResult {
  const { t } = reading;
  const [from, to] = folded;
  const faultAt = new Map(faults.map((fault) => [fault.row, fault]));
  const draw = (field: DraftField, row: number) => {
    const fault = faultAt.get(row) ?? null;
    const detail = refused?.field === field.name.trim() ? refused.detail : null;
    const isFolded = row >= from && row < to && fault === null && detail === null;
    return isFolded ? [] : [draftRow(field, row, fault, detail, reading, handler)];
  };
  return html`
    <div class="draft">
      ${fields.slice(0, to).flatMap(draw)}
      ${
        from >= to
          ? nothing
          : html`<button
              type="button"
              class="button button-small"
              data-action="more-fields"
              @click=${handler.unfold}
            >
              ${t("moreFields", { count: to - from })}
            </button>`
      }
      ${fields.slice(to).flatMap((field, at) => draw(field, to + at))}
      <div class="draft-foot">
        <button type="button" class="button button-quiet button-small" @click=${handler.add}>
          ${plusIcon}${t("writeFieldAdd")}
        </button>
        <span class="form-hint">${t("writeFieldsHint")}</span>
      </div>
    </div>
  `;
}

function draftRow(
  field: DraftField,
  row: number,
  fault: DraftFault | null,
  refusal: string | null,
  reading: Reading,
  handler: RowsHandler,
): TemplateResult {
  const { t } = reading;
  const nth = row + 1;
  const errorId = `draft-error-${row}`;
  const setKind = (event: Event) => {
    const kind = (event.target as HTMLSelectElement).value as FieldKind;
    handler.change(row, kind === "boolean" ? { kind, value: "true" } : { kind });
  };
  return html`
    <div class="draft-row" role="group" aria-label=${field.name || t("writeFieldNameNth", { nth })}>
      <input
        class="input draft-name"
        type="text"
        dir="auto"
        placeholder=${t("writeFieldName")}
        aria-label=${t("writeFieldNameNth", { nth })}
        aria-invalid=${fault?.part === "name"}
        aria-describedby=${errorId}
        .value=${field.name}
        @input=${(event: Event) =>
          handler.change(row, { name: (event.target as HTMLInputElement).value })}
      />
      <select
        class="input draft-kind"
        aria-label=${t("writeFieldType", { nth })}
        .value=${field.kind}
        @change=${setKind}
      >
        ${FIELD_KINDS.map(
          (kind) =>
            html`<option value=${kind} ?selected=${kind === field.kind}>${t(KIND_NAMES[kind])}</option>`,
        )}
      </select>
      <button
        type="button"
        class="button button-quiet button-icon draft-remove"
        aria-label=${t("writeFieldRemove", { nth })}
        title=${t("writeFieldRemove", { nth })}
        @click=${() => handler.remove(row)}
      >
        ${closeIcon}
      </button>
      ${valueInput(field, row, fault?.part === "value" || refusal !== null, errorId, reading, handler)}
      <p class="form-error" id=${errorId} role="alert">
        ${fault === null ? (refusal ?? nothing) : t(fault.message, fault.parameters)}
      </p>
    </div>
  `;
}

function valueInput(
  field: DraftField,
  row: number,
  isInvalid: boolean,
  errorId: string,
  reading: Reading,
  handler: RowsHandler,
): TemplateResult {
  const { t } = reading;
  const label = t("writeFieldValueNth", { nth: row + 1 });
  const set = (event: Event) =>
    handler.change(row, { value: (event.target as HTMLInputElement).value });
  if (field.kind === "boolean") {
    return html`<select
      class="input draft-value"
      aria-label=${label}
      aria-invalid=${isInvalid}
      aria-describedby=${errorId}
      .value=${field.value}
      @change=${set}
    >
      <option value="">–</option>
      <option value="true">${t("valueYes")}</option>
      <option value="false">${t("valueNo")}</option>
    </select>`;
  }
  return html`<textarea
    class=${field.kind === "json" ? "input input-code draft-value" : "input draft-value"}
    rows="1"
    dir="auto"
    inputmode=${field.kind === "number" ? "decimal" : nothing}
    placeholder=${t("writeFieldValue")}
    aria-label=${label}
    aria-invalid=${isInvalid}
    aria-describedby=${errorId}
    .value=${field.value}
    @input=${set}
  ></textarea>`;
}
