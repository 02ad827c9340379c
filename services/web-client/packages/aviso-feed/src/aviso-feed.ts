/** Entry of the built library: everything of index.ts, and the element is registered. */

export * from "./api/element";
export * from "./index";
