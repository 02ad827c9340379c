// @vitest-environment jsdom
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ExactNumber } from "../../src/model/exact-json";
import { readStanza } from "../../src/protocol/stanzas";
import { deflatedPayload, jsonPayload, message } from "../batch-writer";
import { element, example, examples } from "../contract-examples";

const VALID: Record<string, { epoch: string; first: number; last: number; types: string[] }> = {
  "batch.xml": { epoch: "k3f9", first: 1041, last: 1043, types: ["created", "updated", "deleted"] },
  "deflated.xml": {
    epoch: "k3f9",
    first: 1041,
    last: 1043,
    types: ["created", "updated", "deleted"],
  },
  "new-epoch.xml": { epoch: "m7q2", first: 901, last: 900, types: [] },
  "rows-and-reset.xml": {
    epoch: "k3f9",
    first: 1047,
    last: 1050,
    types: ["created", "updated", "unavailable", "reset"],
  },
  "single.xml": { epoch: "k3f9", first: 1041, last: 1041, types: ["created"] },
  "unavailable.xml": { epoch: "k3f9", first: 1044, last: 1044, types: ["unavailable"] },
};

const DEFLATED = (text: string): string => `<deflated xmlns="urn:aviso:feed:2">${text}</deflated>`;

const withPayload = (stanza: string, payload: string): string =>
  stanza.replace(/<json.*<\/json>/s, payload);

/** The stanza's own batch, whole but for its checksum. */
function withOtherSum(stanza: string): string {
  const bytes = deflateSync(element(stanza).querySelector("json")?.textContent ?? "");
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return DEFLATED(bytes.toString("base64"));
}

const DIGITS = "1234567890123456789";

describe("stanzas of the contract", () => {
  test.each(examples("stanzas"))("%s is read", (name, text) => {
    const read = readStanza(element(text), "orders");

    expect(read).toMatchObject({ kind: "batch", unknownTypes: [] });
    if (read.kind !== "batch") return;
    const { epoch, first, last, items } = read.batch;
    const types = items.map(({ event }) => event?.type);
    expect({ epoch, first, last, types }).toEqual(VALID[name]);
    expect(items.map(({ sequence }) => sequence)).toEqual(
      items.map((_item, index) => first + index),
    );
  });

  test.each(examples("stanzas/invalid"))("%s is refused without harm", (_name, text) => {
    const read = readStanza(element(text), "orders");
    expect(read).toMatchObject({ kind: "malformed", claimed: { epoch: "k3f9" } });
  });

  test("numbers keep their digits, at any depth", () => {
    const text = example("stanzas/single.xml").replace('"count":3', `"count":[{"n":${DIGITS}}]`);
    const read = readStanza(element(text), "orders");
    const data = read.kind === "batch" && read.batch.items[0]?.event?.record?.data;
    expect(data).toMatchObject({ count: [{ n: new ExactNumber(DIGITS) }] });
  });

  test("text comes out as it went in", () => {
    const read = readStanza(element(example("stanzas/single.xml")), "orders");
    const item = read.kind === "batch" ? read.batch.items[0] : undefined;
    expect(item?.event?.record?.data).toEqual({
      item: "café 😀",
      count: 3,
      note: "<script>alert(1)</script>",
    });
  });
});

const stanzaOf = (text: string): string => {
  const { feedepoch: epoch, feedseq, events } = JSON.parse(text);
  const first = Number(feedseq) || 1041;
  const run = { feed: "orders", epoch: epoch ?? "k3f9", first, last: first + events.length - 1 };
  return message(run, deflatedPayload(text));
};

describe("batches of the contract", () => {
  test.each(examples("batches"))("%s is read", (_name, text) => {
    expect(readStanza(element(stanzaOf(text)), "orders")).toMatchObject({
      kind: "batch",
      unknownTypes: [],
    });
  });

  test.each(examples("batches/invalid"))("%s is refused without harm", (_name, text) => {
    expect(readStanza(element(stanzaOf(text)), "orders").kind).toBe("malformed");
  });
});

describe("a message", () => {
  const single = example("stanzas/single.xml");

  test("without <events/> is none of the feed's", () => {
    const subject = `<message xmlns="jabber:client" type="groupchat"><subject/></message>`;
    expect(readStanza(element(subject), "orders")).toEqual({ kind: "other" });
  });

  test("that wraps a feed message is none", () => {
    const wrapped =
      `<message xmlns="jabber:client"><forwarded xmlns="urn:xmpp:forward:0">${single}` +
      `</forwarded></message>`;
    expect(readStanza(element(wrapped), "orders")).toEqual({ kind: "other" });
  });

  const newer = { kind: "other-version", isNewer: true };
  test.each([
    ["a later version's", "urn:aviso:feed:3", newer],
    ["a much later version's", "urn:aviso:feed:10", newer],
    ["an earlier version's", "urn:aviso:feed:1", { ...newer, isNewer: false }],
    ["no version's", "urn:aviso:feed:", { kind: "other" }],
    ["somebody else's", "urn:example:feed:3", { kind: "other" }],
  ])("with <events/> of %s namespace is said to be so", (_whose, namespace, read) => {
    const foreign = single.replaceAll("urn:aviso:feed:2", namespace);
    expect(readStanza(element(foreign), "orders")).toEqual(read);
  });

  test("that is for readers of an earlier version, and says so, is none", () => {
    const notice = single
      .replace("urn:aviso:feed:2", "urn:aviso:feed:1")
      .replace("</message>", '<notice xmlns="urn:aviso:feed:2"/></message>');
    expect(readStanza(element(notice), "orders")).toEqual({ kind: "other" });
  });

  test("with a later version's <events/> beside ours is read as ours", () => {
    const both = single.replace("</message>", '<events xmlns="urn:aviso:feed:3"/></message>');
    expect(readStanza(element(both), "orders").kind).toBe("batch");
  });

  test("may have elements and attributes that nobody knows", () => {
    const more = single
      .replace("<events ", '<events later="1" ')
      .replace("</message>", '<thing xmlns="urn:x"/></message>');
    expect(readStanza(element(more), "orders").kind).toBe("batch");
  });

  test("with an event of an unknown type keeps its places and says so", () => {
    const newer = single.replace("aviso.record.created.v1", "aviso.record.created.v2");
    expect(readStanza(element(newer), "orders")).toMatchObject({
      kind: "batch",
      unknownTypes: ["aviso.record.created.v2"],
      batch: { first: 1041, last: 1041, items: [{ sequence: 1041, event: null }] },
    });
  });

  test.each([
    ["another feed's", (text: string) => text.replace('feed="orders"', 'feed="stock"')],
    ["no epoch", (text: string) => text.replace('epoch="k3f9"', 'epoch="K3F9!"')],
    ["another id", (text: string) => text.replace("orders:k3f9:1041-1041", "orders:k3f9:1-1")],
    ["no first", (text: string) => text.replace('first="1041"', "")],
    ["a first of 0", (text: string) => text.replace('first="1041"', 'first="0"')],
    ["a last far below first", (text: string) => text.replace('last="1041"', 'last="1039"')],
    ["a last that is no number", (text: string) => text.replace('last="1041"', 'last="1e3"')],
    [
      "a last beyond its events",
      (text: string) =>
        text.replace(/1041-1041|last="1041"/g, (found) => found.replace(/1041("?)$/, "1042$1")),
    ],
    ["no json", (text: string) => text.replace(/<json.*<\/json>/s, "")],
    ["two json", (text: string) => text.replace(/(<json.*<\/json>)/s, "$1$1")],
    ["json that is no object", (text: string) => text.replace(">{", ">[{").replace("}<", "}]<")],
    ["json and deflated", (text: string) => text.replace(/(<json)/, `${deflatedPayload("{}")}$1`)],
    ["no deflated but base64", (text: string) => withPayload(text, DEFLATED("%%%"))],
    ["no deflated but other bytes", (text: string) => withPayload(text, DEFLATED(btoa("no zlib")))],
    ["an empty deflated", (text: string) => withPayload(text, DEFLATED(""))],
    ["a deflated of another sum", (text: string) => withPayload(text, withOtherSum(text))],
    ["two events elements", (text: string) => text.replace(/(<events.*\/>)/, "$1$1")],
  ])("with %s is refused", (_what, spoil) => {
    const spoilt = spoil(single);
    expect(spoilt).not.toBe(single);
    expect(readStanza(element(spoilt), "orders").kind).toBe("malformed");
  });

  test("that says that nothing is to be shown, and shows something, is refused", () => {
    const opening = example("stanzas/new-epoch.xml");
    const filled = opening.replace("</message>", `${jsonPayload("{}")}</message>`);
    expect(readStanza(element(filled), "orders").kind).toBe("malformed");
  });

  test("of which more comes out than two megabytes is refused", () => {
    const bomb = deflatedPayload(`{"a":"${" ".repeat(64 * 1024 * 1024)}"}`);
    expect(readStanza(element(withPayload(single, bomb)), "orders")).toMatchObject({
      kind: "malformed",
      reason: expect.stringContaining("too much"),
    });
  });

  test("of ten thousand nested arrays is refused, not followed into a crash", () => {
    const deep = single.replace(/>\{.*\}</s, `>${"[".repeat(10_000)}${"]".repeat(10_000)}<`);
    expect(readStanza(element(deep), "orders").kind).toBe("malformed");
  });
});
