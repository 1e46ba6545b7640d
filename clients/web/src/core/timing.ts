/** Time and chance as the outside gives them; tests give their own. */

export interface Timing {
  /** Milliseconds that only ever go forward. */
  mono(): number;
  after(ms: number, run: () => void): Timer;
  random(): number;
}

export interface Timer {
  cancel(): void;
}

export const browserTiming: Timing = {
  mono: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms);
    return { cancel: () => clearTimeout(handle) };
  },
  random: () => Math.random(),
};

/**
 * Full jitter: any wait up to the doubled limit, so that a crowd that was cut off together does not
 * come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export function backoffMs(attempt: number, random: number, baseMs = 300, capMs = 20_000): number {
  return Math.round(random * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 16)));
}
