/** The REST calls that change a feed's records. `origin` "" is the page's own. All throw ApiError. */

import type { FeedRecord, RecordData } from "../model/event";
import { call, type Fetch, feedUrl } from "./http";

export type WriteOptions = {
  /** A key or token that may write the feed. */
  readonly token?: string | undefined;
  /** The same write again answers with the first one's result. */
  readonly idempotencyKey?: string;
};

export type ChangeOptions = WriteOptions & {
  /** Only where the record is of this version still; else the error is `conflict`. */
  readonly version?: number | undefined;
};

/** A record to be; `id` is a UUID. */
export type Draft = { readonly id: string; readonly data: unknown };

export async function createRecord(
  origin: string,
  feed: string,
  data: RecordData,
  options: WriteOptions,
  http: Fetch = fetch,
): Promise<FeedRecord> {
  return (await call(http, recordsUrl(origin, feed), { ...options, body: { data } })) as FeedRecord;
}

/** All of them or none; 1 to 1,000. */
export async function createRecords(
  origin: string,
  feed: string,
  drafts: readonly Draft[],
  options: WriteOptions,
  http: Fetch = fetch,
): Promise<void> {
  const body = drafts.length === 1 ? drafts[0] : drafts;
  await call(http, recordsUrl(origin, feed), { ...options, body });
}

/** Put `data` in the place of the record's. What is equal changes nothing, nor the version. */
export async function replaceRecord(
  origin: string,
  feed: string,
  { id, data }: Draft,
  options: ChangeOptions,
  http: Fetch = fetch,
): Promise<FeedRecord> {
  const url = recordUrl(origin, feed, id);
  return (await call(http, url, { ...options, method: "PUT", body: { data } })) as FeedRecord;
}

export async function deleteRecord(
  origin: string,
  feed: string,
  id: string,
  options: ChangeOptions,
  http: Fetch = fetch,
): Promise<void> {
  await call(http, recordUrl(origin, feed, id), { ...options, method: "DELETE" });
}

const recordsUrl = (origin: string, feed: string): string => `${feedUrl(origin, feed)}records/`;
const recordUrl = (origin: string, feed: string, id: string): string =>
  `${recordsUrl(origin, feed)}${encodeURIComponent(id)}/`;
