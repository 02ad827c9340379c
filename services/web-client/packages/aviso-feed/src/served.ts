/** What a server hands out as one file: all of index.ts, and the element is registered. */

export * from "./api/element";
export * from "./index";
