/**
 * A short, soft sound of two notes, made by Web Audio. Browsers play none on a page on which nobody has
 * clicked or typed yet: that is a state, and ends with the first click.
 */

export type ChimeState = "unsupported" | "blocked" | "ready";

/** Not more than one in so many milliseconds. */
const LEAST_MS = 4_000;
/** In Hz, and in seconds from the beginning. */
const NOTES = [
  { pitch: 659.25, at: 0 },
  { pitch: 880, at: 0.09 },
];
const VOLUME = 0.06;
const LENGTH_S = 0.35;

export class Chime {
  #context: AudioContext | null = null;
  #playedAt = Number.NEGATIVE_INFINITY;

  /** `onChange`: its state is another. */
  constructor(onChange: () => void) {
    const unblock = (): void => {
      for (const kind of ["pointerdown", "keydown"]) removeEventListener(kind, unblock, true);
      void this.#context?.resume().then(onChange, () => {});
      onChange();
    };
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, unblock, true);
  }

  get state(): ChimeState {
    if (typeof AudioContext === "undefined") return "unsupported";
    if (this.#context !== null) return this.#context.state === "running" ? "ready" : "blocked";
    const wasTouched = navigator.userActivation?.hasBeenActive ?? true;
    return wasTouched ? "ready" : "blocked";
  }

  async play(): Promise<void> {
    if (this.state !== "ready" || Date.now() - this.#playedAt < LEAST_MS) return;
    this.#playedAt = Date.now();
    this.#context ??= new AudioContext();
    const context = this.#context;
    await context.resume().catch(() => {});
    for (const { pitch, at } of NOTES) playNote(context, pitch, context.currentTime + at);
  }
}

function playNote(context: AudioContext, pitch: number, at: number): void {
  const tone = new OscillatorNode(context, { type: "sine", frequency: pitch });
  const loudness = new GainNode(context, { gain: 0 });
  // It begins and ends without a click.
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(VOLUME, at + 0.02);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + LENGTH_S);
  tone.connect(loudness).connect(context.destination);
  tone.start(at);
  tone.stop(at + LENGTH_S);
}
