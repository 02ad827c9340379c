/** Moving through the records by keyboard. The keys count only while the focus is in the list. */

import type { RecordList } from "./record-list";
import type { RecordRow } from "./record-row";

/** Handle a key in the list: j, k, arrows, Home, End move; Enter opens the JSON, Esc closes it. */
export function moveInList(list: RecordList, event: KeyboardEvent): void {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const target = event.target as Element;
  const row = target.closest<RecordRow>("record-row");
  if (row === null && target !== list) return;
  if (row !== null && moveAmongValues(row, target, event.key)) {
    event.preventDefault();
    return;
  }
  if (event.key === "Escape") {
    if (row?.closeJson()) {
      event.preventDefault();
      row.focus();
    }
    return;
  }
  if (event.key === "Enter" || event.key === " ") {
    // Buttons and links inside a row keep their own Enter.
    if (target !== row) return;
    event.preventDefault();
    row.toggleJson();
    return;
  }
  if (event.key === "o" && row !== null) {
    event.preventDefault();
    row.querySelector<HTMLElement>("[data-record-link]")?.click();
    return;
  }
  if (target.closest("pre, a, summary") !== null && event.key.startsWith("Arrow")) return;
  const next = rowFor(event.key, list, row);
  if (next === null) return;
  event.preventDefault();
  focusRow(list, next);
}

/** `f` leads to a row's values, arrows from one to the next, Esc back. Says whether the key was it. */
function moveAmongValues(row: RecordRow, target: Element, key: string): boolean {
  const values = [...row.querySelectorAll<HTMLElement>("[data-pick]")];
  const at = values.indexOf(target as HTMLElement);
  if (key === "f" && at === -1) values[0]?.focus();
  else if (at === -1) return false;
  else if (key === "ArrowRight") values[at + 1]?.focus();
  else if (key === "ArrowLeft") values[at - 1]?.focus();
  else if (key === "Escape") row.focus();
  else return false;
  return true;
}

function rowFor(key: string, list: RecordList, row: RecordRow | null): RecordRow | null {
  switch (key) {
    case "j":
    case "ArrowDown":
      return row === null ? list.firstRow : list.rowBeside(row, 1);
    case "k":
    case "ArrowUp":
      return row === null ? null : list.rowBeside(row, -1);
    case "Home":
      return list.firstRow;
    case "End":
      return list.lastRow;
    default:
      return null;
  }
}

function focusRow(list: RecordList, to: RecordRow): void {
  list.bringNear(to);
  to.focus({ preventScroll: true });
  const block = to === list.firstRow ? "end" : "nearest";
  // A row that was far has no height before it is drawn.
  void to.updateComplete.then(() => to.scrollIntoView({ block }));
}
