/** The server's clock, estimated from round trips, so that every page counts down to the same moment. */

const KEPT = 12;
const KEPT_FOR_MS = 10 * 60_000;

interface Sample {
  /** Server time minus our monotonic time, in milliseconds. */
  offset: number;
  rtt: number;
  at: number;
}

export class ServerClock {
  readonly #mono: () => number;
  #samples: Sample[] = [];
  #offset: number;

  /** `wallNow` is only believed until the server has spoken. */
  constructor(mono: () => number, wallNow: number) {
    this.#mono = mono;
    this.#offset = wallNow - mono();
  }

  /** Epoch milliseconds by the server's clock. */
  now(): number {
    return this.#mono() + this.#offset;
  }

  /** True once a round trip was measured; a pushed time alone is late by an unknown delay. */
  get isMeasured(): boolean {
    return this.#samples.length > 0;
  }

  /** A time the server sent of its own accord. */
  hint(serverNow: number): void {
    if (!this.isMeasured) this.#offset = serverNow - this.#mono();
  }

  /** A round trip: asked at `sentAt`, answered now (both monotonic) with the server's time. */
  sample(sentAt: number, serverNow: number): void {
    const at = this.#mono();
    const rtt = at - sentAt;
    this.#samples.push({ offset: serverNow + rtt / 2 - at, rtt, at });
    this.#samples = this.#samples.filter((sample) => at - sample.at < KEPT_FOR_MS).slice(-KEPT);
    this.#offset = estimate(this.#samples);
  }
}

/** Median offset of the quicker half: a slow trip is slow one way, and its half is a poor guess. */
function estimate(samples: readonly Sample[]): number {
  const quick = [...samples].sort((a, b) => a.rtt - b.rtt).slice(0, Math.ceil(samples.length / 2));
  const offsets = quick.map((sample) => sample.offset).sort((a, b) => a - b);
  const middle = Math.floor(offsets.length / 2);
  const upper = offsets[middle] ?? 0;
  return offsets.length % 2 === 1 ? upper : (upper + (offsets[middle - 1] ?? upper)) / 2;
}
