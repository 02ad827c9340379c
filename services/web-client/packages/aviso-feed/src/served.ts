/**
 * What a server hands out as one file: index.ts and tabs.ts, and the element is registered. As sharing
 * between tabs is in it anyway, its elements do.
 */

import { RecordFeed } from "./api/element";
import { shareTabs } from "./api/tabs";

RecordFeed.tabs = shareTabs();

export * from "./api/element";
export * from "./api/tabs";
export * from "./index";
