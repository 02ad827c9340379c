/** Where the page starts: it alone names the real feed client library. */

import { FeedSession, fetchConnection, listFeeds, RecordStore, register } from "../feed-client";
import { AvisoPage } from "./aviso-page";
import type { FeedLibrary } from "./library";

const ORIGIN = "";

const library: FeedLibrary = {
  openSession: (options) => new FeedSession(options),
  createStore: () => new RecordStore(),
  listFeeds: (token) => listFeeds(ORIGIN, token),
  aboutServer: async () => {
    const { registration, public_origin } = await fetchConnection(ORIGIN);
    return { registration, publicOrigin: public_origin };
  },
  register: (username, password) => register(ORIGIN, username, password),
};

document.body.append(new AvisoPage(library));
