/** What counts for every test of both packages. */
import { vi } from "vitest";

const { waitFor, waitUntil } = vi;

/** Long enough for a loaded machine; vitest's own second is not, and no option changes it. */
const PATIENCE_MS = 60_000;

type Options = Parameters<typeof waitFor>[1];

const patient = (options: Options = {}): Options =>
  typeof options === "number" ? options : { timeout: PATIENCE_MS, ...options };

vi.waitFor = (look, options) => waitFor(look, patient(options));
vi.waitUntil = (look, options) => waitUntil(look, patient(options));
