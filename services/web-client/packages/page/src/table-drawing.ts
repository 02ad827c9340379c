/** The head and the rows of a table, and how wide its columns are. Templates, and a pure reckoning. */

import { asWritten } from "aviso-feed";
import { html, nothing, type TemplateResult } from "lit";
import { cellOf } from "./cell-text";
import { fieldLabel } from "./field-values";
import { fieldValueOf } from "./find";
import { upIcon } from "./icons";
import { type Json, memberOf } from "./json";
import type { RecordEntry } from "./library";
import type { Reading } from "./reading";
import { shortKey } from "./record-key";
import type { Sorting } from "./route";

/** How many characters a column has room for. */
const LEAST_CHARACTERS = 6;
const MOST_CHARACTERS = 28;
const CHARACTER_REM = 0.56;
const PADDING_REM = 1.5;
const KEY_REM = 7.5;

export interface Columns {
  readonly names: readonly string[];
  /** Those whose head stands above figures. */
  readonly numbers: ReadonlySet<string>;
}

export function tableHead(
  { names, numbers }: Columns,
  sorting: Sorting | null,
  reading: Reading,
  sort: (column: string) => void,
): TemplateResult {
  const { t } = reading;
  return html`<div class="table-head" role="rowgroup">
    <div class="table-head-row" role="row" aria-rowindex="1">
      <span class="table-cell table-key" role="columnheader" aria-colindex="1">${t("columnKey")}</span>
      ${names.map((name, index) => {
        const isSorted = sorting?.column === name;
        const order = isSorted ? (sorting.isDescending ? "descending" : "ascending") : "none";
        return html`<span
          class="table-cell"
          role="columnheader"
          aria-colindex=${index + 2}
          aria-sort=${order}
          ?data-number=${numbers.has(name)}
        >
          <button type="button" class="sort" title=${name} @click=${() => sort(name)}>
            <bdi>${fieldLabel(name)}</bdi>${isSorted ? html`<span class="sort-mark" data-order=${order}>${upIcon}</span>` : nothing}
          </button>
        </span>`;
      })}
    </div>
  </div>`;
}

export interface RowState {
  /** The record's own address. */
  readonly href: string;
  readonly isSelected: boolean;
  readonly isFresh: boolean;
}

export function tableRow(
  entry: RecordEntry,
  index: number,
  columns: readonly string[],
  reading: Reading,
  { href, isSelected, isFresh }: RowState,
): TemplateResult {
  const { t } = reading;
  const id = entry.record?.id ?? entry.key;
  const data = asWritten(entry.record?.data ?? {});
  return html`<div
    class="table-row"
    role="row"
    id=${`row-${index}`}
    aria-rowindex=${index + 2}
    aria-selected=${isSelected}
    data-index=${index}
    data-record-id=${id}
    data-sequence=${entry.event.sequence}
    data-version=${entry.record?.version ?? nothing}
    data-state=${entry.state}
    ?data-fresh=${isFresh}
  >
    <span class="table-cell table-key" role="gridcell" aria-colindex="1"
      ><a href=${href} tabindex="-1" title=${t("recordIdTitle", { id })}><bdi>${shortKey(id)}</bdi></a
      >${entry.state === "deleted" ? html`<span class="tag tag-deleted">${t("recordDeleted")}</span>` : nothing}</span
    >
    ${columns.map((name, place) => tableCell(name, memberOf(data, name), place, reading))}
  </div>`;
}

function tableCell(
  name: string,
  value: Json | undefined,
  place: number,
  reading: Reading,
): TemplateResult {
  const { text, isNumber, isQuiet } = cellOf(value, reading);
  const field = value === undefined ? null : fieldValueOf([name], value);
  return html`<span
    class="table-cell"
    role="gridcell"
    aria-colindex=${place + 2}
    ?data-number=${isNumber}
    ?data-quiet=${isQuiet}
    dir="auto"
    ><span
      class=${field === null ? "cell-text" : "cell-text pick"}
      title=${text.length > MOST_CHARACTERS ? text : nothing}
      data-pick=${field === null ? nothing : JSON.stringify(field)}
      >${text}</span
    ></span
  >`;
}

export interface ColumnMeasures {
  /** As wide as what the newest records have in them, within bounds. */
  readonly template: string;
  /** Of a whole row. */
  readonly least: string;
  /** The columns that have numbers in them, and nothing else. */
  readonly numbers: ReadonlySet<string>;
}

export function measureColumns(
  columns: readonly string[],
  newest: readonly RecordEntry[],
  reading: Reading,
): ColumnMeasures {
  const numbers = new Set<string>();
  const widths = columns.map((name) => {
    const values = newest.map(({ record }) => memberOf(record?.data ?? {}, name) ?? undefined);
    const cells = values.map((value) => cellOf(value, reading));
    const isThere = values.map((value) => value !== undefined);
    const isNumbers = cells.every(({ isNumber }, at) => isNumber || !isThere[at]);
    if (isNumbers && isThere.includes(true)) numbers.add(name);
    // The head is in letters as wide, and has room for its mark.
    const longest = Math.max(fieldLabel(name).length + 2, ...cells.map(({ text }) => text.length));
    const characters = Math.min(MOST_CHARACTERS, Math.max(LEAST_CHARACTERS, longest));
    return PADDING_REM + characters * CHARACTER_REM;
  });
  const least = widths.reduce((sum, width) => sum + width, KEY_REM);
  const tracks = widths.map((width) => `minmax(${width.toFixed(2)}rem, ${width.toFixed(2)}fr)`);
  const template = [`${KEY_REM}rem`, ...tracks].join(" ");
  return { template, least: `${least.toFixed(2)}rem`, numbers };
}
