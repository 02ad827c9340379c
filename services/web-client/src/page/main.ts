/** Where the page starts: it alone names the real feed client library. */

import { createRecord, FeedSession, listFeeds, RecordStore, register } from "../feed-client";
import { AvisoPage } from "./aviso-page";
import type { FeedLibrary } from "./library";

const ORIGIN = "";

const library: FeedLibrary = {
  openSession: (options) => new FeedSession(options),
  createStore: () => new RecordStore(),
  listFeeds: () => listFeeds(ORIGIN),
  register: (username, password) => register(ORIGIN, username, password),
  createRecord: (feed, data, options) => createRecord(ORIGIN, feed, data, options),
};

document.body.append(new AvisoPage(library));
