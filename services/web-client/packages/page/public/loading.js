// Asks for the page again when a script or the stylesheet of it did not come, since the network went or changed
// while they were on their way: the page's own scripts can't, they are what is missing. Later each time.
(() => {
  const KEY = "aviso.loads";
  const LONGEST_MS = 60_000;
  let isMissing = false;

  const count = (next) => {
    try {
      const tries = Number(sessionStorage.getItem(KEY)) || 0;
      if (next === 0) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, String(tries + next));
      return tries;
    } catch {
      // Storage is forbidden: nobody knows how often it was, so it is rarely.
      return 6;
    }
  };
  const onError = ({ target: part }) => {
    const isPart =
      part instanceof HTMLScriptElement ||
      (part instanceof HTMLLinkElement && part.rel === "stylesheet");
    if (isMissing || !isPart) return;
    isMissing = true;
    const longest = Math.min(LONGEST_MS, 1_000 * 2 ** count(1));
    setTimeout(() => location.reload(), longest * (0.5 + Math.random() / 2));
    addEventListener("online", () => location.reload());
  };
  // An error of a part does not bubble.
  addEventListener("error", onError, true);
  addEventListener("load", () => {
    // From here on it is the page that knows what to do.
    removeEventListener("error", onError, true);
    if (!isMissing) count(0);
  });
})();
