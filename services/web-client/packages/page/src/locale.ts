/**
 * Which of the two languages the page speaks, and how a message becomes text. Pure.
 */

import { english, type Messages } from "./messages-en.ts";
import { spanish } from "./messages-es.ts";

export type Locale = "en" | "es";
export const LOCALES: readonly Locale[] = ["en", "es"];

export type MessageKey = keyof Messages;
export type Parameters = Readonly<Record<string, string | number>>;
export type Translate = (key: MessageKey, parameters?: Parameters) => string;

const MESSAGES: Readonly<Record<Locale, Messages>> = { en: english, es: spanish };

export function isLocale(value: unknown): value is Locale {
  return value === "en" || value === "es";
}

/** Return the first language of the reader's that the page speaks; English when there is none. */
export function preferredLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    const primary = language.toLowerCase().split("-")[0];
    if (isLocale(primary)) return primary;
  }
  return "en";
}

/**
 * Return the translator of a language. `{name}` is replaced by a parameter. A message of the form
 * `one form | other form` is chosen by the parameter `count`.
 */
export function translatorFor(locale: Locale): Translate {
  const plural = new Intl.PluralRules(locale);
  const number = new Intl.NumberFormat(locale, { useGrouping: "min2" });
  return (key, parameters = {}) => {
    const count = parameters.count;
    const forms = MESSAGES[locale][key].split(" | ");
    const isOne = typeof count === "number" && plural.select(count) === "one";
    const form = (isOne ? forms[0] : forms.at(-1)) ?? key;
    return form.replace(/\{(\w+)\}/g, (hole, name: string) => {
      const value = parameters[name];
      if (value === undefined) return hole;
      return typeof value === "number" ? number.format(value) : value;
    });
  };
}
