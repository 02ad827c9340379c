/** Language and number formats of whoever reads, handed to every part that writes words. */

import { type Formatting, formattingFor } from "./formatting";
import { type Locale, type Translate, translatorFor } from "./locale";

export interface Reading {
  readonly locale: Locale;
  readonly t: Translate;
  readonly formatting: Formatting;
}

export function readingIn(locale: Locale): Reading {
  const t = translatorFor(locale);
  return { locale, t, formatting: formattingFor(locale, t("now")) };
}
