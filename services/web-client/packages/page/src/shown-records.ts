/** What a list, a table or an export needs of records, wherever they come from. Types only. */

import type { FeedInfo, FeedState, Position, RecordEntry } from "./library";
import type { FeedChange, OlderState } from "./watched-feed";

export interface ShownRecords {
  readonly info: FeedInfo;
  readonly state: FeedState;
  readonly records: {
    readonly size: number;
    get(key: string): RecordEntry | undefined;
    /** Newest first. */
    slice(start: number, end: number): RecordEntry[];
  };
  /** Entries after this sequence count as new to the reader. */
  readonly newAfter: number;
  readonly applied: Position | null;
  /** True while the reader is further down. */
  isReadingOlder: boolean;
  readonly olderState: OlderState;
  loadOlder(): Promise<void>;
  subscribe(listener: (change: FeedChange) => void): () => void;
}
