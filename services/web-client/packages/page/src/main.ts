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
import { shareTabs } from "aviso-feed/tabs";
import { AvisoPage } from "./aviso-page";
import { setClocks } from "./clock";
import { keepPage } from "./kept-page";
import type { FeedLibrary } from "./library";
import { type Clocks, type Moment, ServerClock } from "./server-clock";

const ORIGIN = "";
/** When the server wants to be left alone, nothing of the page asks. */
const retryAfter = new RetryAfter(() => performance.now());

/** Of public feeds only: who uses the browser next may look. */
const log = indexedDbLog();

const serverClock = new ServerClock();
const moment = (): Moment => ({ wall: Date.now(), steady: performance.now() });

/** Each answer says what time it is where it comes from. */
const http: typeof fetch = async (...request) => {
  const asked = moment();
  const response = await fetch(...request);
  serverClock.note(asked, moment(), response.headers.get("Date"));
  return response;
};

const clocks: Clocks = {
  now: () => moment().wall,
  ahead: () => serverClock.aheadAt(moment()),
};
setClocks(clocks);

const library: FeedLibrary = {
  clocks,
  createClient: (credentials) => new AvisoClient(ORIGIN, { credentials, log, tabs: shareTabs() }),
  createStore: () => new RecordStore(),
  listFeeds: (query, token) => retryAfter.ask(() => listFeeds(ORIGIN, query, token, http)),
  findFeed: (slug, token) =>
    retryAfter
      .ask(() => fetchFeed(ORIGIN, slug, token, http))
      .catch((error) => {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }),
  fetchHeads: (slugs, token) => retryAfter.ask(() => fetchHeads(ORIGIN, slugs, token, http)),
  aboutServer: async () => {
    const { registration, public_origin } = await fetchConnection(ORIGIN);
    return { registration, publicOrigin: public_origin };
  },
  register: (username, password) => register(ORIGIN, username, password),
};

document.querySelector(".loading")?.remove();
document.body.append(new AvisoPage(library));
keepPage();
