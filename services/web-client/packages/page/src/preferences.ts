/** The switches for language and appearance. Templates; the page keeps what is chosen. */

import { html, type TemplateResult } from "lit";
import { moonIcon, sunIcon, systemIcon } from "./icons";
import { LOCALES, type Locale, type MessageKey } from "./locale";
import type { Reading } from "./reading";
import { THEMES, type Theme } from "./storage";

/** A language is called by its own name, for whoever does not read the other one. */
const LOCALE_NAMES: Readonly<Record<Locale, string>> = { en: "English", es: "Español" };
const THEME_NAMES: Readonly<Record<Theme, MessageKey>> = {
  system: "themeSystem",
  light: "themeLight",
  dark: "themeDark",
};
const THEME_ICONS: Readonly<Record<Theme, TemplateResult>> = {
  system: systemIcon,
  light: sunIcon,
  dark: moonIcon,
};

export function localeSwitch(reading: Reading, choose: (locale: Locale) => void): TemplateResult {
  const { t } = reading;
  return html`<div class="segments segments-small" role="group" aria-label=${t("language")}>
    ${LOCALES.map(
      (locale) =>
        html`<button
          type="button"
          aria-pressed=${reading.locale === locale}
          title=${LOCALE_NAMES[locale]}
          lang=${locale}
          data-locale=${locale}
          @click=${() => choose(locale)}
        >
          ${locale.toUpperCase()}<span class="visually-hidden">, ${LOCALE_NAMES[locale]}</span>
        </button>`,
    )}
  </div>`;
}

export function themeSwitch(
  theme: Theme,
  reading: Reading,
  choose: (theme: Theme) => void,
): TemplateResult {
  const { t } = reading;
  return html`<div class="segments segments-small" role="group" aria-label=${t("theme")}>
    ${THEMES.map(
      (choice) =>
        html`<button
          type="button"
          aria-pressed=${theme === choice}
          aria-label=${t(THEME_NAMES[choice])}
          title=${t(THEME_NAMES[choice])}
          data-theme-choice=${choice}
          @click=${() => choose(choice)}
        >
          ${THEME_ICONS[choice]}
        </button>`,
    )}
  </div>`;
}
