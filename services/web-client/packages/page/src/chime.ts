/**
 * A short, soft sound of two notes, made by Web Audio. Browsers play none on a page on which nobody has
 * clicked or typed yet, and some want a click again after an interruption: that is a state, and ends with
 * the next click.
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
/** A browser that lets the page play mostly does so within this; one that does not says nothing. */
const STARTS_MS = 1_000;
const GESTURES = ["pointerdown", "pointerup", "keydown"];

export class Chime {
  #context: AudioContext | null = null;
  /** As far as is known. */
  #isHeard = true;
  #playedAt = Number.NEGATIVE_INFINITY;
  #told: ChimeState;

  /** `onChange`: its state is another. */
  constructor(private readonly onChange: () => void) {
    this.#told = this.state;
    for (const kind of GESTURES) addEventListener(kind, this.#onGesture, true);
  }

  get state(): ChimeState {
    if (typeof AudioContext === "undefined") return "unsupported";
    const wasTouched = navigator.userActivation?.hasBeenActive ?? true;
    return wasTouched && this.#isHeard ? "ready" : "blocked";
  }

  async play(): Promise<void> {
    if (this.state !== "ready" || Date.now() - this.#playedAt < LEAST_MS) return;
    this.#playedAt = Date.now();
    this.#context ??= this.#open();
    const context = this.#context;
    const hasBegun = context.resume().catch(() => {});
    await Promise.race([hasBegun, pass(STARTS_MS)]);
    this.#note(context);
    // On a busy machine it takes longer; much later nobody is to hear it any more.
    if (!this.#isHeard) await Promise.race([hasBegun, pass(LEAST_MS - STARTS_MS)]);
    if (this.state !== "ready") return;
    for (const { pitch, at } of NOTES) playNote(context, pitch, context.currentTime + at);
  }

  #open(): AudioContext {
    const context = new AudioContext();
    context.onstatechange = () => this.#note(context);
    return context;
  }

  #note({ state }: AudioContext): void {
    this.#isHeard = state === "running";
    this.#tell();
  }

  #tell(): void {
    if (this.state === this.#told) return;
    this.#told = this.state;
    this.onChange();
  }

  readonly #onGesture = (): void => {
    if (!this.#isHeard) void this.#context?.resume().catch(() => {});
    this.#tell();
  };
}

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

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
