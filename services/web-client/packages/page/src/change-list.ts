/** Fields with what they were and what they are. Templates. */

import { html, nothing, type TemplateResult } from "lit";
import { fieldValue } from "./field-list";
import { fieldLabel } from "./field-values";
import type { Json } from "./json";
import type { Reading } from "./reading";
import type { FieldChange } from "./record-history";

/** So many changes are shown at once; a record may have thousands of fields. */
const CHANGES_SHOWN = 30;

/** `before` and `after`: what the two sides are called. */
export function changeList(
  changes: readonly FieldChange[],
  sides: { readonly before: string; readonly after: string },
  reading: Reading,
): TemplateResult {
  const draw = (from: number, to: number) => html`<dl class="changes">
    ${changes.slice(from, to).map(
      ({ name, before, after }) => html`<div class="change">
        <dt dir="auto" title=${name}>${fieldLabel(name)}</dt>
        <dd class="change-before">
          <span class="visually-hidden">${sides.before}: </span>${side(before, reading)}
        </dd>
        <dd class="change-after">
          <span class="visually-hidden">${sides.after}: </span>${side(after, reading)}
        </dd>
      </div>`,
    )}
  </dl>`;
  const more = changes.length - CHANGES_SHOWN;
  return html`${draw(0, CHANGES_SHOWN)}
  ${
    more <= 0
      ? nothing
      : html`<fold-out
          .count=${more}
          .label=${reading.t("moreFields", { count: more })}
          .draw=${(from: number, to: number) => draw(from + CHANGES_SHOWN, to + CHANGES_SHOWN)}
          .reading=${reading}
        ></fold-out>`
  }`;
}

function side(value: Json | undefined, reading: Reading): TemplateResult {
  if (value !== undefined) return fieldValue(value, reading, 1);
  return html`<span class="value-quiet">${reading.t("changeMissing")}</span>`;
}
