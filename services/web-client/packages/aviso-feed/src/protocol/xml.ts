/** Small words for XML: read elements by name and namespace, write escaped strings. Pure. */

export const NS = {
  client: "jabber:client",
  dataForm: "jabber:x:data",
  delay: "urn:xmpp:delay",
  events: "urn:aviso:feed:2",
  forward: "urn:xmpp:forward:0",
  json: "urn:xmpp:json:0",
  mam: "urn:xmpp:mam:2",
  marks: "urn:aviso:marks:0",
  muc: "http://jabber.org/protocol/muc",
  mucUser: "http://jabber.org/protocol/muc#user",
  ping: "urn:xmpp:ping",
  rsm: "http://jabber.org/protocol/rsm",
  token: "urn:aviso:token:0",
  stanzaErrors: "urn:ietf:params:xml:ns:xmpp-stanzas",
  stanzaId: "urn:xmpp:sid:0",
  streamErrors: "urn:ietf:params:xml:ns:xmpp-streams",
} as const;

/** Direct children only: what is deeper was said by somebody else. */
export function childrenOf(parent: Element, name: string, namespace: string): Element[] {
  return Array.from(parent.children).filter(
    (child) => child.localName === name && child.namespaceURI === namespace,
  );
}

export function childOf(parent: Element, name: string, namespace: string): Element | null {
  return childrenOf(parent, name, namespace)[0] ?? null;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&apos;",
  '"': "&quot;",
};

/** Escaped for text and attributes; what XML 1.0 cannot carry is left out. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what XML refuses
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
      .replace(/[&<>'"]/g, (character) => ESCAPES[character] as string)
  );
}

/** `xml\`<a b="${value}"/>\`` escapes every value that is no `raw(…)`. */
export function xml(strings: TemplateStringsArray, ...values: (string | number | Raw)[]): string {
  return String.raw(
    { raw: strings },
    ...values.map((value) => (value instanceof Raw ? value.text : escapeXml(String(value)))),
  );
}

export class Raw {
  constructor(readonly text: string) {}
}

/** XML that is XML already. */
export const raw = (text: string): Raw => new Raw(text);

export const bareJid = (jid: string): string => jid.split("/", 1)[0] as string;

export function resourceOf(jid: string): string | null {
  const slash = jid.indexOf("/");
  return slash === -1 ? null : jid.slice(slash + 1);
}
