/** Inflates what a stanza carries deflated and in base64. Pure. */

import { Unzlib } from "fflate";

/** What may come out of one stanza: twice the largest event that the contract allows. */
export const MAX_INFLATED_BYTES = 2 * 1024 * 1024;

/** Deflate makes at most 1032 bytes of one: so much at once goes no more than 8 MiB beyond the bound. */
const PIECE = 8192;

/**
 * RFC 1950, in base64, to its text in UTF-8. Throws an Error where it is none of that, or where its
 * sum differs, or where more than `MAX_INFLATED_BYTES` come out.
 */
export function inflate(base64: string): string {
  const deflated = bytesOf(base64);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const sum = new Adler32();
  let text = "";
  let length = 0;
  const stream = new Unzlib((chunk) => {
    length += chunk.length;
    if (length > MAX_INFLATED_BYTES) throw new RangeError("too much comes out of it");
    sum.add(chunk);
    text += decoder.decode(chunk, { stream: true });
  });
  for (let at = 0; at < deflated.length; at += PIECE) {
    const end = at + PIECE;
    stream.push(deflated.subarray(at, end), end >= deflated.length);
  }
  if (sum.value !== lastWord(deflated)) throw new Error("its sum differs");
  return text + decoder.decode();
}

function bytesOf(base64: string): Uint8Array {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** RFC 1950's sum, which fflate passes over. */
class Adler32 {
  #a = 1;
  #b = 0;

  get value(): number {
    return this.#b * 65_536 + this.#a;
  }

  add(bytes: Uint8Array): void {
    let a = this.#a;
    let b = this.#b;
    for (let at = 0; at < bytes.length; ) {
      // So many fit into 32 bits before they have to be reduced.
      const end = Math.min(at + 3800, bytes.length);
      for (; at < end; at += 1) {
        a += bytes[at] as number;
        b += a;
      }
      a %= 65_521;
      b %= 65_521;
    }
    this.#a = a;
    this.#b = b;
  }
}

function lastWord(bytes: Uint8Array): number {
  return bytes.length < 4 ? Number.NaN : new DataView(bytes.buffer).getUint32(bytes.length - 4);
}
