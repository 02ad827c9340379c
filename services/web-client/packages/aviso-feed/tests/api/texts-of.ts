/** Returns what gives all the texts that a place had since: what somebody may have seen flash. */
export function textsOf(place: Element): () => string[] {
  const seen: string[] = [];
  const observer = new MutationObserver(() => seen.push(place.textContent ?? ""));
  observer.observe(place, { childList: true, subtree: true, characterData: true });
  return () => {
    observer.disconnect();
    return seen;
  };
}
