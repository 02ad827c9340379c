/**
 * What `<record-feed>` says, in the language of the place where it stands: `lang` of the element or of
 * what it stands in, else the browser's languages. English where it is none of ours.
 */

import type { ProblemDetail } from "../engine/emitted";
import type { FeedState, OfflineCode, RefusalCode } from "../engine/states";

export type Words = {
  /** What these words are in; for the elements that carry them. */
  readonly lang: string;
  readonly connecting: string;
  catchingUp(left: string): string;
  readonly live: string;
  readonly offline: string;
  readonly offlineBy: Readonly<Record<OfflineCode, string>>;
  readonly noTicket: string;
  kept(time: string): string;
  unavailable(cause: string): string;
  readonly refused: Readonly<Record<RefusalCode, string>>;
  readonly problem: Readonly<Record<ProblemDetail["code"], string>>;
};

const ENGLISH: Words = {
  lang: "en",
  connecting: "Connecting …",
  catchingUp: (left) => `Catching up: ${left} left`,
  live: "Live",
  offline: "Offline. Trying again by itself; nothing is lost.",
  offlineBy: {
    "too-many-requests": "Too many requests came from here. Trying again by itself.",
    "server-error": "The server has an error at the moment. Trying again by itself.",
    "other-address": "The server is not to be had at this address.",
  },
  noTicket: "This site gives no ticket for the feed at the moment. Trying again by itself.",
  kept: (time) => `Kept by this browser (${time}); what came since is not here yet.`,
  unavailable: (cause) => `One event could not be delivered (${cause}).`,
  refused: {
    credentials: "The server does not accept this name and password.",
    "not-open": "There is no such feed, or it is not open to you.",
    "no-longer-open": "This feed is no longer open to you.",
    "too-many-sessions":
      "You have this open in too many places, and a newer one took this one's place. Load the page again to read here.",
    "signed-out": "You signed out.",
    "filter-refused": "The server does not know this filter.",
    "ticket-ended": "The ticket has ended; a fresh one is needed.",
    "ticket-malformed": "The ticket cannot be read.",
    "ticket-refused": "The server does not accept this ticket.",
  },
  problem: {
    malformed: "Something unreadable was sent to this feed and left out.",
    missing: "Some events of this feed can no longer be read.",
    "page-too-old": "This page is too old for some of the feed's events. Load it again.",
    untrusted: "Somebody who may not speak for the feed did; it is not shown.",
  },
};

const SPANISH: Words = {
  lang: "es",
  connecting: "Conectando…",
  catchingUp: (left) => `Poniéndose al día: faltan ${left}`,
  live: "En directo",
  offline: "Sin conexión. Se reintenta solo; no se pierde nada.",
  offlineBy: {
    "too-many-requests": "Llegaron demasiadas peticiones desde aquí. Se reintenta solo.",
    "server-error": "El servidor tiene ahora un error. Se reintenta solo.",
    "other-address": "El servidor no está en esta dirección.",
  },
  noTicket: "Este sitio no da ahora ningún tique para el canal. Se reintenta solo.",
  kept: (time) => `Guardado por este navegador (${time}); lo posterior aún no está.`,
  unavailable: (cause) => `Un evento no se pudo entregar (${cause}).`,
  refused: {
    credentials: "El servidor no acepta este nombre y contraseña.",
    "not-open": "No existe ese canal, o no está abierto para usted.",
    "no-longer-open": "Este canal ya no está abierto para usted.",
    "too-many-sessions":
      "Lo tiene abierto en demasiados sitios y uno más nuevo ocupó el lugar de este. Recargue la página para leer aquí.",
    "signed-out": "Cerró la sesión.",
    "filter-refused": "El servidor no conoce este filtro.",
    "ticket-ended": "El tique ha caducado; hace falta uno nuevo.",
    "ticket-malformed": "El tique no se puede leer.",
    "ticket-refused": "El servidor no acepta este tique.",
  },
  problem: {
    malformed: "A este canal llegó algo ilegible, que se dejó fuera.",
    missing: "Algunos eventos de este canal ya no se pueden leer.",
    "page-too-old":
      "Esta página es demasiado antigua para algunos eventos del canal. Vuelva a cargarla.",
    untrusted: "Alguien sin derecho habló en este canal; no se muestra.",
  },
};

/** One state in a sentence. */
export function stateWords(state: FeedState, words: Words, number: (n: number) => string): string {
  switch (state.kind) {
    case "connecting":
      return words.connecting;
    case "catching-up":
      return words.catchingUp(number(state.left));
    case "live":
      return words.live;
    case "offline":
      return state.code === undefined ? words.offline : words.offlineBy[state.code];
    case "refused":
      return words.refused[state.code];
  }
}

export type ElementReading = {
  readonly words: Words;
  time(time: Date): string;
  number(count: number): string;
};

const readings = new Map<string, ElementReading>();

/** `languages`: the first that we speak counts. Times and numbers follow the first that is one. */
export function readingFor(languages: readonly string[]): ElementReading {
  const key = languages.join();
  let reading = readings.get(key);
  if (reading === undefined) {
    reading = makeReading(languages);
    readings.set(key, reading);
  }
  return reading;
}

function makeReading(languages: readonly string[]): ElementReading {
  const locale = languages.find(isLocale) ?? "en";
  const spoken = languages.map((language) => language.toLowerCase().split(/[-_]/)[0]);
  const first = spoken.find((language) => language === "es" || language === "en");
  const time = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium" });
  const number = new Intl.NumberFormat(locale);
  return {
    words: first === "es" ? SPANISH : ENGLISH,
    time: (value) => time.format(value),
    number: (count) => number.format(count),
  };
}

function isLocale(language: string): boolean {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(language).length > 0;
  } catch {
    return false;
  }
}

/** The languages of the place where an element stands; out of shadow roots, to the document's. */
export function languagesOf(element: Element): readonly string[] {
  let place: Element | null = element;
  while (place !== null) {
    const named: Element | null = place.closest("[lang]");
    const language = named?.getAttribute("lang")?.trim();
    if (language) return [language];
    const root: Node = (named ?? place).getRootNode();
    if (named?.parentElement) place = named.parentElement;
    else place = root instanceof ShadowRoot ? root.host : null;
  }
  return navigator.languages;
}
