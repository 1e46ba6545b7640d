/** Time that stands still until a test lets it pass. */

import type { Timer, Timing } from './timing';

export class FakeTiming implements Timing {
  #now = 0;
  #timers: { at: number; run: () => void; isCancelled: boolean }[] = [];
  chance = 0.5;

  mono(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + ms, run, isCancelled: false };
    this.#timers.push(timer);
    return {
      cancel: () => {
        timer.isCancelled = true;
      },
    };
  }

  /** Lets time pass, running what falls due in order, and what was promised in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const due = this.#timers.filter((timer) => !timer.isCancelled && timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = end;
    await settled();
  }
}

export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
