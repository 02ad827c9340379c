/** The keys that count wherever the focus is, but where somebody types. */

export interface PageKeys {
  readonly find: () => void;
  readonly help: () => void;
}

export function onPageKey(event: KeyboardEvent, { find, help }: PageKeys): void {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const target = event.target as Element | null;
  if (target?.closest("input, textarea, select, dialog[open], [contenteditable]")) return;
  if (event.key !== "/" && event.key !== "?") return;
  event.preventDefault();
  if (event.key === "/") find();
  else help();
}
