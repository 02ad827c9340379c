/**
 * Draws a record's fields: names and values, nested ones indented, long ones folded. Templates only;
 * every value is a text binding, so that nothing in a record can become markup.
 */

import { html, nothing, type TemplateResult } from "lit";
import { fieldLabel, type Shown, shownValue, widthOf } from "./field-values";
import { fieldValueOf } from "./find";
import { isNumber, type Json, type JsonObject } from "./json";
import type { Reading } from "./reading";
import "./fold-out";

/** Fields and items beyond these numbers are folded; nesting beyond the depth is left to the JSON. */
const FIELDS_SHOWN = 12;
const ITEMS_SHOWN = 5;
const DEPTH_SHOWN = 3;

/** The fields that the newest update touched; `turn` alternates, so that a flash can begin again. */
export interface Changed {
  readonly names: ReadonlySet<string>;
  readonly turn: "odd" | "even";
}

export const NOTHING_CHANGED: Changed = { names: new Set(), turn: "even" };

/** `path`: the names that lead to these fields; null where no filter can. */
export function fieldList(
  fields: JsonObject,
  reading: Reading,
  changed: Changed = NOTHING_CHANGED,
  depth = 0,
  path: readonly string[] | null = [],
): TemplateResult {
  const entries = Object.entries(fields);
  // One more than the limit is shown rather than a fold of one.
  const limit = entries.length <= FIELDS_SHOWN + 1 ? entries.length : FIELDS_SHOWN;
  const shown = entries.slice(0, limit);
  const folded = entries.slice(limit);
  const field = ([name, value]: [string, Json]) =>
    fieldRow(name, value, reading, changed, depth, path === null ? null : [...path, name]);
  const className = depth === 0 ? "fields" : "fields fields-nested";
  return html`
    <dl class=${className}>
      ${shown.map(field)}
    </dl>
    ${
      folded.length === 0
        ? nothing
        : html`<fold-out
            .count=${folded.length}
            .label=${reading.t("moreFields", { count: folded.length })}
            .draw=${(from: number, to: number) =>
              html`<dl class=${className}>${folded.slice(from, to).map(field)}</dl>`}
            .reading=${reading}
          ></fold-out>`
    }
  `;
}

function fieldRow(
  name: string,
  value: Json,
  reading: Reading,
  changed: Changed,
  depth: number,
  path: readonly string[] | null,
): TemplateResult {
  const width = widthOf(value);
  const isChanged = changed.names.has(name);
  return html`
    <div class="field" data-width=${depth === 0 || width === "line" ? width : nothing} data-changed=${isChanged ? changed.turn : nothing}>
      <dt dir="auto" title=${name}>
        ${fieldLabel(name)}${
          isChanged
            ? html`<span class="visually-hidden"> (${reading.t("recordChangedField")})</span>`
            : nothing
        }
      </dt>
      <dd dir="auto">${pickable(value, path, reading, fieldValue(value, reading, depth, path))}</dd>
    </div>
  `;
}

/** What can be looked for by its value says so; whoever draws the page listens (filter-picking.ts). */
function pickable(
  value: Json,
  path: readonly string[] | null,
  reading: Reading,
  drawn: TemplateResult,
): TemplateResult {
  const { kind } = shownValue(value);
  const field = path === null || kind === "link" ? null : fieldValueOf(path, value);
  if (field === null) return drawn;
  return html`<span
    class="pick"
    role="button"
    tabindex="-1"
    title=${reading.t("findPick")}
    data-pick=${JSON.stringify(field)}
    >${drawn}</span
  >`;
}

/** A value alone, as a table's cell has it too. */
export function fieldValue(
  value: Json,
  reading: Reading,
  depth = 0,
  path: readonly string[] | null = null,
): TemplateResult {
  const shown = shownValue(value);
  switch (shown.kind) {
    case "nothing":
      return html`<span class="value-quiet">${reading.t("valueNone")}</span>`;
    case "empty-text":
      return html`<span class="value-quiet">${reading.t("valueEmpty")}</span>`;
    case "boolean":
      return html`<span class="value-boolean" data-value=${String(shown.value)}
        >${reading.t(shown.value ? "valueYes" : "valueNo")}</span
      >`;
    case "number":
      return html`<span class="value-number">${reading.formatting.value(shown.value)}</span>`;
    case "time":
      return timeValue(shown, reading.formatting.time(shown.value));
    case "day":
      return timeValue(shown, reading.formatting.day(shown.value));
    case "link":
      return html`<a href=${shown.href} target="_blank" rel="noopener noreferrer nofollow"
        >${shown.text}</a
      >`;
    case "text":
      return shown.isLong
        ? longText(shown.text, reading)
        : html`<span class="value-text">${shown.text}</span>`;
    case "words":
      return words(shown.items, reading);
    case "list":
      return list(shown.items, reading, depth);
    case "object":
      return object(shown.fields, reading, depth, path);
  }
}

function timeValue(shown: Extract<Shown, { kind: "time" | "day" }>, text: string): TemplateResult {
  return html`<time datetime=${shown.source} title=${shown.source}>${text}</time>`;
}

function longText(text: string, reading: Reading): TemplateResult {
  return html`<details class="long-text">
    <summary>
      <span class="long-text-start">${text.slice(0, 600)}</span>
      <span class="long-text-more">${reading.t("moreText")}</span>
      <span class="long-text-less">${reading.t("lessText")}</span>
    </summary>
    <p>${text}</p>
  </details>`;
}

function words(items: readonly Json[], reading: Reading): TemplateResult {
  if (items.length === 0) return html`<span class="value-quiet">${reading.t("valueEmpty")}</span>`;
  return html`<span class="words"
    >${items.map(
      (item) =>
        html`<span class="word" dir="auto"
          >${isNumber(item) ? reading.formatting.value(item) : String(item)}</span
        >`,
    )}</span
  >`;
}

function list(items: readonly Json[], reading: Reading, depth: number): TemplateResult {
  if (depth >= DEPTH_SHOWN) {
    return html`<span class="value-quiet">${reading.t("listItems", { count: items.length })}</span>`;
  }
  const limit = items.length <= ITEMS_SHOWN + 1 ? items.length : ITEMS_SHOWN;
  const item = (value: Json) => html`<li>${fieldValue(value, reading, depth + 1)}</li>`;
  const folded = items.slice(limit);
  return html`
    <ol class="items">
      ${items.slice(0, limit).map(item)}
    </ol>
    ${
      folded.length === 0
        ? nothing
        : html`<fold-out
            .count=${folded.length}
            .label=${reading.t("moreItems", { count: folded.length })}
            .draw=${(from: number, to: number) =>
              html`<ol class="items" start=${limit + from + 1}>${folded.slice(from, to).map(item)}</ol>`}
            .reading=${reading}
          ></fold-out>`
    }
  `;
}

function object(
  fields: JsonObject,
  reading: Reading,
  depth: number,
  path: readonly string[] | null,
): TemplateResult {
  const count = Object.keys(fields).length;
  if (count === 0) return html`<span class="value-quiet">${reading.t("valueEmpty")}</span>`;
  if (depth >= DEPTH_SHOWN) {
    return html`<span class="value-quiet">${reading.t("nestedFields", { count })}</span>`;
  }
  return fieldList(fields, reading, NOTHING_CHANGED, depth + 1, path);
}
