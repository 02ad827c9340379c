/** What the forms have in common that write with a key or a session. */

import { html, type LitElement, type TemplateResult } from "lit";
import type { Reading } from "./reading";
import type { Signature } from "./record-writing";
import type { SignatureFields } from "./signature-fields";
import type { ShownFailure } from "./write-outcome";
import "./signature-fields";

interface SigningForm extends LitElement {
  failure: ShownFailure | null;
  readonly reading: Reading;
}

/** With what it is written. `name`: of the form, for its fields' names. */
export function signaturePart(form: SigningForm, name: string): TemplateResult {
  const { failure, reading } = form;
  return html`<signature-fields
    .name=${name}
    .reading=${reading}
    .fault=${failure?.isAboutKey ? reading.t(failure.message, failure.parameters) : null}
    @signature-change=${() => {
      if (failure?.isAboutKey) form.failure = null;
    }}
  ></signature-fields>`;
}

export const signatureOf = (form: SigningForm): SignatureFields | null =>
  form.querySelector<SignatureFields>("signature-fields");

/** Whether a failure stands at the key's field already. */
export function isSaidAtKey(failure: ShownFailure, kind: Signature["kind"] | undefined): boolean {
  return failure.isAboutKey && kind !== "session";
}

/** Go to the first field at which something is said, when all of them say it. */
export async function focusFault(form: SigningForm): Promise<void> {
  await form.updateComplete;
  for (const part of form.querySelectorAll<LitElement>("draft-editor, signature-fields")) {
    await part.updateComplete;
  }
  form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
}

/** Escape leaves, Ctrl or Cmd with Enter sends. */
export function formKeys(form: HTMLElement, close: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    const isSend = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (event.key !== "Escape" && !isSend) return;
    event.preventDefault();
    if (isSend) form.querySelector("form")?.requestSubmit();
    else close();
  };
}
