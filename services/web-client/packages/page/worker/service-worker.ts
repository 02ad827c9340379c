/**
 * Keeps the page itself, so that it opens without a network: its document, scripts and styles, and
 * nothing that the server says (records are in the event log).
 *
 * Nobody gets an old page by it: the document is asked for first, and what was kept of it is shown only
 * where the server does not answer. A new build is another worker, whose files take the place of these.
 */

/** Put in by the build: what was built, and a word that is another for each build. */
declare const BUILT: { readonly version: string; readonly files: readonly string[] };

const worker = self as unknown as ServiceWorkerGlobalScope;
const PREFIX = "aviso-page-";
const NAME = PREFIX + BUILT.version;
const DOCUMENT = "/";
const FILES = new Set(BUILT.files);
/** A file with a hash in its name never changes. */
const HASHED = /^\/assets\//;
/** So long an answer is waited for before what was kept is shown. */
const PATIENCE_MS = 5_000;

worker.addEventListener("install", (event) => {
  void worker.skipWaiting();
  event.waitUntil(keep());
});

worker.addEventListener("activate", (event) => event.waitUntil(dropOthers()));

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) return;
  const isDocument = request.mode === "navigate" && pathname === DOCUMENT;
  if (!isDocument && !FILES.has(pathname)) return;
  event.respondWith(HASHED.test(pathname) ? fromHere(request) : fromThere(request, pathname));
});

async function keep(): Promise<void> {
  const cache = await caches.open(NAME);
  // What the browser has kept by itself may be older than this build.
  const fresh = [DOCUMENT, ...FILES].map((path) => new Request(path, { cache: "no-cache" }));
  await cache.addAll(fresh);
}

async function dropOthers(): Promise<void> {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(others.map((name) => caches.delete(name)));
}

async function fromHere(request: Request): Promise<Response> {
  return (await kept(new URL(request.url).pathname)) ?? fetch(request);
}

async function fromThere(request: Request, path: string): Promise<Response> {
  const answer = fetch(request);
  const first = await Promise.race([answer.catch(() => null), pause(PATIENCE_MS)]);
  if (first !== null && first.status < 500) return first;
  return (await kept(path)) ?? answer;
}

async function kept(path: string): Promise<Response | undefined> {
  const cache = await caches.open(NAME);
  return cache.match(path);
}

function pause(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms));
}
