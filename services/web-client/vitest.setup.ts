/** What counts for every test of both packages. */
import { vi } from "vitest";

const { waitFor } = vi;

/** Long enough for a loaded machine; vitest's own second is not, and no option changes it. */
const PATIENCE_MS = 60_000;

vi.waitFor = (look, options = {}) =>
  waitFor(look, typeof options === "number" ? options : { timeout: PATIENCE_MS, ...options });
