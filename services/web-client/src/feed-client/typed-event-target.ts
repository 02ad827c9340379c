/** EventTarget whose events have types. No code of its own. */

export interface TypedEventTarget<Events> extends EventTarget {
  addEventListener<K extends keyof Events>(
    type: K,
    listener: ((event: Events[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof Events>(
    type: K,
    listener: ((event: Events[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** `class X extends typedEventTarget<XEvents>() {}` */
export function typedEventTarget<Events>(): new () => TypedEventTarget<Events> {
  return EventTarget as new () => TypedEventTarget<Events>;
}
