/** What a server hands out as one file: index.ts and tabs.ts, and the element is registered. */

export * from "./api/element";
export * from "./api/tabs";
export * from "./index";
