/** EventTarget whose events have types; a name that it does not have does not compile. No code. */

export interface TypedEventTarget<Events>
  extends Omit<EventTarget, "addEventListener" | "removeEventListener"> {
  addEventListener<K extends keyof Events>(
    type: K,
    listener: ((event: Events[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof Events>(
    type: K,
    listener: ((event: Events[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** `class X extends typedEventTarget<XEvents>() {}` */
export function typedEventTarget<Events>(): new () => TypedEventTarget<Events> {
  return EventTarget as new () => TypedEventTarget<Events>;
}
