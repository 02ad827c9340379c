/** Why an event could not be delivered, in plain words: the words of contracts/README.md. Pure. */

import type { MessageKey, Translate } from "./locale";

const MESSAGES: Readonly<Record<string, MessageKey>> = {
  unreadable: "causeUnreadable",
  "too-deep": "causeTooDeep",
  invalid: "causeInvalid",
  "unknown-type": "causeUnknownType",
  "too-large": "causeTooLarge",
  refused: "causeRefused",
  pruned: "causePruned",
  "no-form": "causeNoForm",
};

export function causeText(cause: string, t: Translate): string {
  const message = Object.hasOwn(MESSAGES, cause) ? MESSAGES[cause] : undefined;
  return message === undefined ? t("causeOther", { cause }) : t(message);
}

/** What can be done about it: nothing, where nobody has the event any more, or ever had. */
export function remedyText(cause: string, t: Translate): string {
  return cause === "pruned" || cause === "no-form" ? "" : t("causeOutro");
}
