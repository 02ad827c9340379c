/** The keys that count wherever the focus is, but where somebody types. */

export interface PageKeys {
  readonly find: () => void;
  readonly feeds: () => void;
  readonly help: () => void;
}

export function onPageKey(event: KeyboardEvent, { find, feeds, help }: PageKeys): void {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const target = event.target as Element | null;
  if (target?.closest("input, textarea, select, dialog[open], [contenteditable]")) return;
  const ways: Readonly<Record<string, () => void>> = { "/": find, g: feeds, "?": help };
  const go = Object.hasOwn(ways, event.key) ? ways[event.key] : undefined;
  if (go === undefined) return;
  event.preventDefault();
  go();
}
