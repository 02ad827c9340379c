// Asks again for a part of the page that did not come, since the network went or changed while it was on its way:
// the page's own scripts can't, they are what is missing. Later each time, and at once when the network is back.
(() => {
  const KEY = "aviso.loads";
  const LONGEST_MS = 60_000;
  let isWhole = true;
  let sheets = 0;

  const later = (tries, ask) => {
    const longest = Math.min(LONGEST_MS, 1_000 * 2 ** tries);
    setTimeout(ask, longest * (0.5 + Math.random() / 2));
    addEventListener("online", ask, { once: true });
  };
  /** How often the page was asked for again; this time counts too. */
  const countPages = () => {
    try {
      const tries = Number(sessionStorage.getItem(KEY)) || 0;
      sessionStorage.setItem(KEY, String(tries + 1));
      return tries;
    } catch {
      // Storage is forbidden: nobody knows how often it was, so it is rarely.
      return 6;
    }
  };

  // An error of a part does not bubble.
  addEventListener(
    "error",
    ({ target: part }) => {
      if (part instanceof HTMLScriptElement && isWhole) {
        isWhole = false;
        later(countPages(), () => location.reload());
      } else if (part instanceof HTMLLinkElement && part.rel === "stylesheet") {
        // What somebody has begun to write on the page stays.
        later(sheets, () => part.replaceWith(part.cloneNode()));
        sheets += 1;
      }
    },
    true,
  );
  addEventListener("load", () => {
    try {
      if (isWhole) sessionStorage.removeItem(KEY);
    } catch {
      // Nothing was counted either.
    }
  });
})();
