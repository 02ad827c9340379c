/** `<record-feed feed="orders">`: a feed on any page, in one line. */

export declare class RecordFeed extends HTMLElement {
  feed: string;
  origin: string;
  history: number;
}
