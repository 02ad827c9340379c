/** Where the page starts: it alone names the real library. */

import {
  ApiError,
  AvisoClient,
  fetchConnection,
  fetchFeed,
  fetchHeads,
  indexedDbLog,
  listFeeds,
  RecordStore,
  RetryAfter,
  register,
} from "aviso-feed";
import { AvisoPage } from "./aviso-page";
import { keepPage } from "./kept-page";
import type { FeedLibrary } from "./library";

const ORIGIN = "";
/** When the server wants to be left alone, nothing of the page asks. */
const retryAfter = new RetryAfter(() => Date.now());

/** Of public feeds only: who uses the browser next may look. */
const log = indexedDbLog();

const library: FeedLibrary = {
  createClient: (credentials) => new AvisoClient(ORIGIN, { credentials, log }),
  createStore: () => new RecordStore(),
  listFeeds: (query, token) => retryAfter.ask(() => listFeeds(ORIGIN, query, token)),
  findFeed: (slug, token) =>
    retryAfter
      .ask(() => fetchFeed(ORIGIN, slug, token))
      .catch((error) => {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }),
  fetchHeads: (slugs, token) => retryAfter.ask(() => fetchHeads(ORIGIN, slugs, token)),
  aboutServer: async () => {
    const { registration, public_origin } = await fetchConnection(ORIGIN);
    return { registration, publicOrigin: public_origin };
  },
  register: (username, password) => register(ORIGIN, username, password),
};

document.body.append(new AvisoPage(library));
keepPage();
