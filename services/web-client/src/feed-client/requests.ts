/** The iq requests of one stream that wait for their answers. */

import type { Host, Timer } from "./host";
import { RequestError } from "./wire";
import { bareJid, childOf, NS, raw, xml } from "./xml";

type Open = {
  readonly to: string;
  readonly timer: Timer;
  resolve(answer: Element): void;
  reject(error: RequestError): void;
};

export class Requests {
  readonly #open = new Map<string, Open>();

  constructor(private readonly host: Host) {}

  start(
    request: { id: string; type: "get" | "set"; to: string; payload: string; timeoutMs: number },
    send: (stanza: string) => void,
  ): Promise<Element> {
    const { id, type, to, payload, timeoutMs } = request;
    return new Promise((resolve, reject) => {
      const timer = this.host.setTimer(() => {
        this.#open.delete(id);
        reject(new RequestError("timeout", null));
      }, timeoutMs);
      this.#open.set(id, { to, timer, resolve, reject });
      send(xml`<iq xmlns="${NS.client}" type="${type}" id="${id}" to="${to}">${raw(payload)}</iq>`);
    });
  }

  /** Take an iq; false where it is no answer to a request of ours. */
  settle(iq: Element, ownJid: string): boolean {
    const id = iq.getAttribute("id") ?? "";
    const open = this.#open.get(id);
    const type = iq.getAttribute("type");
    if (open === undefined || (type !== "result" && type !== "error")) return false;
    // RFC 6120 8.1.2.1: an answer without `from` comes from our own account.
    if ((iq.getAttribute("from") ?? bareJid(ownJid)) !== open.to) return false;
    this.#open.delete(id);
    this.host.clearTimer(open.timer);
    if (type === "result") open.resolve(iq);
    else open.reject(readError(iq));
    return true;
  }

  /** The stream died: nothing is answered any more. */
  abandon(): void {
    for (const open of this.#open.values()) {
      this.host.clearTimer(open.timer);
      open.reject(new RequestError("gone", null));
    }
    this.#open.clear();
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
