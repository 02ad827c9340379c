/**
 * One connection for all tabs of a browser. An entry of its own, given to a client as a value: who
 * does not share loads none of it.
 */

import { browserTabs } from "../edges/browser-tabs";
import type { TabsPort } from "../engine/tabs/ports";
import { SharedConnection } from "../engine/tabs/shared-connection";
import type { TabSharing } from "./client";

export type { TabSharing } from "./client";

/**
 * Share one connection with the other tabs of this browser, and other clients of this page, that have
 * the same rights at the same server. Nothing where there are no Web Locks.
 */
export function shareTabs(): TabSharing;
/** @internal */
export function shareTabs(port?: TabsPort): TabSharing;
export function shareTabs(port: TabsPort | undefined = browserTabs()): TabSharing {
  return { kind: "tabs", share: (own) => (port ? new SharedConnection(own, port) : own) };
}
