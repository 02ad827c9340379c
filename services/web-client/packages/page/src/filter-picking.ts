/** A click on a value, or Enter on it, looks for its like. Whoever selects text does not click. */

import type { FieldValue } from "aviso-feed";

/** Have `pick` told of the values that are picked within an element. */
export function listenForPicks(element: HTMLElement, pick: (field: FieldValue) => void): void {
  const pickAt = (event: Event) => {
    const picked = (event.target as Element).closest<HTMLElement>("[data-pick]");
    if (picked === null) return;
    event.preventDefault();
    pick(JSON.parse(picked.dataset.pick as string) as FieldValue);
  };
  element.addEventListener("click", (event) => {
    if (getSelection()?.isCollapsed ?? true) pickAt(event);
  });
  element.addEventListener("keydown", (event) => {
    const isPick = (event.target as Element).matches("[data-pick]");
    if (isPick && (event.key === "Enter" || event.key === " ")) pickAt(event);
  });
}
