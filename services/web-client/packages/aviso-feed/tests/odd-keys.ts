/** Keys that records may have, each of which some reader could stumble over. */
export const ODD_KEYS: readonly string[] = [
  "42",
  '["7","de"]',
  `it's "quoted" \\ \`ticked\``,
  "a/b/../c?d=e&f#g %2F +",
  " leading, trailing ",
  "line\nbreak\ttab",
  "\u202eright to left\u202c\u200f\u2067",
  "<img src=x onerror=alert(1)>&amp;",
  "__proto__",
  "constructor",
  "event:e1",
  "🔑".repeat(1024),
  "x".repeat(1024),
];
