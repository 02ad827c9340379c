/** Requests over the stream: how they fail, and what is answered to others'. Pure over DOM elements: no Strophe, no clock, no network. */

import { childOf, NS, raw, xml } from "./xml";

/** The other side answered with an error, or did not answer. */
export class RequestError extends Error {
  override readonly name = "RequestError";

  /** `condition` is RFC 6120's, or `timeout`, or `gone` where the stream died. */
  constructor(
    readonly condition: string,
    text: string | null,
  ) {
    super(text ?? condition);
  }

  /** Nobody answered: says nothing about the request. */
  get isUnanswered(): boolean {
    return this.condition === "timeout" || this.condition === "gone";
  }
}

/** RFC 6120 8.3: the condition and the text of a stanza's error. */
export function readError(stanza: Element): RequestError {
  const error = childOf(stanza, "error", NS.client);
  const parts = Array.from(error?.children ?? []).filter(
    (child) => child.namespaceURI === NS.stanzaErrors,
  );
  const condition = parts.find((part) => part.localName !== "text")?.localName;
  const text = parts.find((part) => part.localName === "text")?.textContent;
  return new RequestError(condition ?? "undefined-condition", text ?? null);
}

/** RFC 6120 8.2.3: every get and set wants an answer; null for what wants none. */
export function answerTo(iq: Element): string | null {
  const type = iq.getAttribute("type");
  if (type !== "get" && type !== "set") return null;
  const id = iq.getAttribute("id") ?? "";
  const from = iq.getAttribute("from");
  const to = from === null ? "" : xml` to="${from}"`;
  const isPing = type === "get" && childOf(iq, "ping", NS.ping) !== null;
  const head = xml`<iq xmlns="${NS.client}" id="${id}"${raw(to)}`;
  return isPing
    ? `${head} type="result"/>`
    : `${head} type="error"><error type="cancel">` +
        `<service-unavailable xmlns="${NS.stanzaErrors}"/></error></iq>`;
}
