/** The components of the tests, compiled by the plugin of vitest.config.ts. */
declare module "*.svelte" {
  const component: import("svelte").Component<{ readonly orders: unknown }>;
  export default component;
}

declare module "*.svelte?server" {
  const component: import("svelte").Component<{ readonly orders: unknown }>;
  export default component;
}

/** What "svelte" is in a browser: here it would be what it is in Node. */
declare module "*/svelte/src/index-client.js" {
  export { flushSync, hydrate, mount, unmount } from "svelte";
}
