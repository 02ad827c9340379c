/**
 * What the page remembers: language, appearance, and of public feeds which were read, and for
 * a guest their marks and how far they were seen, for good (localStorage); a key or an account only
 * in this tab and only when the reader ticked it (sessionStorage). A browser that forbids storage
 * just forgets; a corrupt value is thrown away.
 */

import type { Credentials, FeedInfo, Mark, Position } from "./library";
import { isLocale, type Locale } from "./locale";

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const LOCALE = "aviso.locale";
const THEME = "aviso.theme";
const SEEN = "aviso.seen";
const FEEDS = "aviso.feeds";
const MARKS = "aviso.marks";
const ACCOUNT = "aviso.account";
const API_KEY = "aviso.api-key";

function read(storage: () => Storage, name: string): string | null {
  try {
    return storage().getItem(name);
  } catch {
    return null;
  }
}

function write(storage: () => Storage, name: string, value: string | null): void {
  try {
    if (value === null) storage().removeItem(name);
    else storage().setItem(name, value);
  } catch {
    // Storage is forbidden or full: what was chosen still holds until the tab closes.
  }
}

const lasting = () => localStorage;
const ofThisTab = () => sessionStorage;

export function rememberedLocale(): Locale | null {
  const value = read(lasting, LOCALE);
  return isLocale(value) ? value : null;
}

export function rememberLocale(locale: Locale): void {
  write(lasting, LOCALE, locale);
}

export function rememberedTheme(): Theme {
  const value = read(lasting, THEME);
  return value === "light" || value === "dark" ? value : "system";
}

export function rememberTheme(theme: Theme): void {
  write(lasting, THEME, theme === "system" ? null : theme);
}

export function rememberedAccount(): Credentials | null {
  const text = read(ofThisTab, ACCOUNT);
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as { username?: unknown; password?: unknown };
    if (typeof value.username === "string" && typeof value.password === "string") {
      return { kind: "account", username: value.username, password: value.password };
    }
  } catch {
    // Falls through to the removal below.
  }
  write(ofThisTab, ACCOUNT, null);
  return null;
}

export function rememberAccount(credentials: Credentials | null): void {
  const isAccount = credentials?.kind === "account";
  write(
    ofThisTab,
    ACCOUNT,
    isAccount
      ? JSON.stringify({ username: credentials.username, password: credentials.password })
      : null,
  );
}

export function rememberedApiKey(): string | null {
  return read(ofThisTab, API_KEY);
}

export function rememberApiKey(key: string | null): void {
  write(ofThisTab, API_KEY, key);
}

/** Nothing of the person stays in this tab. */
export function forgetPerson(): void {
  rememberAccount(null);
  rememberApiKey(null);
}

/** By slug; what was noted last stands last. */
export function rememberedPositions(): [string, Position][] {
  const text = read(lasting, SEEN);
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value.flatMap(readSeen);
  } catch {
    // Falls through to the removal below.
  }
  write(lasting, SEEN, null);
  return [];
}

export function rememberPositions(positions: ReadonlyMap<string, Position>): void {
  const rows = [...positions].map(([slug, { epoch, sequence }]) => [slug, epoch, sequence]);
  write(lasting, SEEN, JSON.stringify(rows));
}

/** The one noted last stands last. */
export function rememberedFeeds(): FeedInfo[] {
  const text = read(lasting, FEEDS);
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every(isFeed)) return value;
  } catch {
    // Falls through to the removal below.
  }
  write(lasting, FEEDS, null);
  return [];
}

export function rememberFeeds(feeds: readonly FeedInfo[]): void {
  write(lasting, FEEDS, JSON.stringify(feeds));
}

/** By slug; the one marked last stands last. */
export function rememberedMarks(): [string, Set<Mark>][] {
  const text = read(lasting, MARKS);
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value.flatMap(readMarked);
  } catch {
    // Falls through to the removal below.
  }
  write(lasting, MARKS, null);
  return [];
}

export function rememberMarks(marks: readonly (readonly [string, ReadonlySet<Mark>])[]): void {
  const rows = marks.map(([slug, each]) => [slug, [...each]]);
  write(lasting, MARKS, rows.length === 0 ? null : JSON.stringify(rows));
}

/** Another tab of this browser has written what it has seen, or marked. */
export function onRememberedElsewhere(tell: () => void): void {
  addEventListener("storage", ({ key }) => {
    if (key === SEEN || key === MARKS) tell();
  });
}

const MARK_NAMES: readonly unknown[] = ["muted", "pinned", "notify", "sound"] satisfies Mark[];

function readMarked(row: unknown): [string, Set<Mark>][] {
  if (!Array.isArray(row)) return [];
  const [slug, marks] = row as unknown[];
  if (typeof slug !== "string" || !Array.isArray(marks)) return [];
  return [[slug, new Set(marks.filter((mark): mark is Mark => MARK_NAMES.includes(mark)))]];
}

function isFeed(value: unknown): value is FeedInfo {
  const { slug, title, epoch, head } = (value ?? {}) as Record<string, unknown>;
  const texts = [slug, title, epoch];
  return texts.every((each) => typeof each === "string") && typeof head === "number";
}

function readSeen(row: unknown): [string, Position][] {
  if (!Array.isArray(row)) return [];
  const [slug, epoch, sequence] = row as unknown[];
  if (typeof slug !== "string" || typeof epoch !== "string") return [];
  return Number.isSafeInteger(sequence) ? [[slug, { epoch, sequence: sequence as number }]] : [];
}
