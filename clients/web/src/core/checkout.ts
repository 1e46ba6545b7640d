/**
 * A purchase that happens once.
 *
 * The id is made and stored before anything is sent. As long as the outcome is unknown (no answer,
 * a broken connection, a reload), the same wish is sent with the same id; the server answers it with
 * the first effect. A known outcome, and any change of the wish, ends that id.
 */

import { newId } from './ids';
import { Refusal, asRefusal } from './refusal';
import type { Store } from './storage';
import type { Timing } from './timing';

const TRIES = 6;
const WAIT_MS = 400;
const WAIT_MAX_MS = 4_000;
/** An unknown outcome older than this is looked up in the orders instead. */
const FORGOTTEN_AFTER_MS = 10 * 60_000;

interface Attempt {
  id: string;
  wish: string;
  at: number;
}

export interface CheckoutOptions {
  store: Store;
  timing: Timing;
  now(): number;
}

export class Checkout {
  readonly #options: CheckoutOptions;

  constructor(options: CheckoutOptions) {
    this.#options = options;
  }

  /**
   * Sends `wish` by `send` until its outcome is known.
   *
   * `name` tells apart what may be under way at the same time ("buy", "pay:<order>").
   * Rejects with `Refusal`: of code `offline` when the outcome is still unknown (calling again with an
   * equal wish goes on with the same id), otherwise as the server refused.
   */
  async settle<Reply>(
    name: string,
    wish: unknown,
    send: (id: string) => Promise<Reply>,
  ): Promise<Reply> {
    const { timing } = this.#options;
    const id = this.#idFor(name, JSON.stringify(wish));
    let last = new Refusal('offline');
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const reply = await send(id);
        this.#forget(name);
        return reply;
      } catch (error) {
        last = asRefusal(error);
        if (isOutcomeKnown(last)) this.#forget(name);
        if (!isWorthRepeating(last)) throw last;
        const growing = Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** tries);
        const ms = last.afterMs ?? growing * (0.5 + timing.random() / 2);
        await new Promise<void>((resolve) => void timing.after(ms, resolve));
      }
    }
    throw last;
  }

  #idFor(name: string, wish: string): string {
    const known = this.#read(name);
    if (known !== null && known.wish === wish) return known.id;
    const attempt: Attempt = { id: newId(), wish, at: this.#options.now() };
    this.#options.store.set(key(name), JSON.stringify(attempt));
    return attempt.id;
  }

  #read(name: string): Attempt | null {
    const text = this.#options.store.get(key(name));
    if (text === null) return null;
    const attempt = JSON.parse(text) as Attempt;
    return this.#options.now() - attempt.at > FORGOTTEN_AFTER_MS ? null : attempt;
  }

  #forget(name: string): void {
    this.#options.store.set(key(name), null);
  }
}

function key(name: string): string {
  return `lc.checkout.${name}`;
}

/** False as long as the same request has to be sent again with the same id. */
export function isOutcomeKnown(refusal: Refusal): boolean {
  return refusal.retry === 'never' || refusal.retry === 'new_id';
}

/** A payment provider that is away is the buyer's decision to wait for, not ours. */
function isWorthRepeating(refusal: Refusal): boolean {
  return !isOutcomeKnown(refusal) && refusal.code !== 'payment_unavailable';
}
