import { describe, expect, it } from 'vitest';
import { Checkout } from './checkout';
import { FakeTiming } from './fake-timing';
import { Refusal } from './refusal';
import { memoryStore, type Store } from './storage';

function made(store: Store = memoryStore()): { checkout: Checkout; timing: FakeTiming; store: Store } {
  const timing = new FakeTiming();
  return { checkout: new Checkout({ store, timing, now: () => timing.mono() }), timing, store };
}

const wish = { variant_id: 'v1', qty: 1 };

describe('checkout', () => {
  it('stores the id before it sends anything', async () => {
    const { checkout, store } = made();
    let stored: string | null = null;
    await checkout.settle('buy', wish, (id) => {
      stored = store.get('lc.checkout.buy');
      expect(id).toMatch(/^[A-Za-z0-9_-]{16,64}$/);
      return Promise.resolve('done');
    });
    expect(stored).toContain('v1');
    expect(store.get('lc.checkout.buy')).toBeNull();
  });

  it('repeats with the same id until the outcome is known', async () => {
    const { checkout, timing } = made();
    const ids: string[] = [];
    const done = checkout.settle('buy', wish, (id) => {
      ids.push(id);
      if (ids.length === 1) return Promise.reject(new Refusal('internal', { retry: 'same_id' }));
      if (ids.length === 2) return Promise.reject(new Refusal('offline'));
      if (ids.length === 3) return Promise.reject(new Refusal('in_flight', { retry: 'after', afterMs: 50 }));
      return Promise.resolve('order');
    });
    await timing.pass(30_000);
    await expect(done).resolves.toBe('order');
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(1);
  });

  it('takes the same id after a reload while the outcome is unknown', async () => {
    const store = memoryStore();
    const ids: string[] = [];
    const first = made(store);
    const lost = first.checkout.settle('buy', wish, (id) => {
      ids.push(id);
      return Promise.reject(new Refusal('offline'));
    });
    const refused = expect(lost).rejects.toMatchObject({ code: 'offline' });
    await first.timing.pass(60_000);
    await refused;
    await made(store).checkout.settle('buy', wish, (id) => Promise.resolve(ids.push(id)));
    expect(new Set(ids).size).toBe(1);
  });

  it('takes a new id for a changed wish', async () => {
    const store = memoryStore();
    const ids: string[] = [];
    const { checkout, timing } = made(store);
    const lost = checkout.settle('buy', wish, (id) => {
      ids.push(id);
      return Promise.reject(new Refusal('offline'));
    });
    const refused = expect(lost).rejects.toBeInstanceOf(Refusal);
    await timing.pass(60_000);
    await refused;
    await checkout.settle('buy', { ...wish, qty: 2 }, (id) => Promise.resolve(ids.push(id)));
    expect(new Set(ids).size).toBe(2);
  });

  it.each(['sold_out', 'price_changed', 'limit_reached'] as const)('ends the id with %s', async (code) => {
    const { checkout, store } = made();
    const ids: string[] = [];
    const attempt = () =>
      checkout.settle('buy', wish, (id) => {
        ids.push(id);
        return Promise.reject(new Refusal(code, { retry: 'new_id' }));
      });
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(store.get('lc.checkout.buy')).toBeNull();
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(new Set(ids).size).toBe(2);
  });
});
