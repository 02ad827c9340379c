/** A record's key as there is room for it. Pure. */

const MOST_KEY_CHARACTERS = 24;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUID is known by its beginning; any other key is shown as far as there is room. */
export function shortKey(key: string): string {
  if (UUID.test(key)) return key.slice(0, 8);
  const characters = [...key.slice(0, 2 * MOST_KEY_CHARACTERS + 1)];
  if (characters.length <= MOST_KEY_CHARACTERS) return key;
  return `${characters.slice(0, MOST_KEY_CHARACTERS - 1).join("")}…`;
}
