import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { AddressDraft, CardView } from '../core/protocol/generated';
import { Refusal } from '../core/refusal';

const { post, get, app, kept } = vi.hoisted(() => ({
  post: vi.fn(),
  get: vi.fn(),
  app: { person: null as { id: string } | null },
  kept: new Map<string, string>(),
}));
vi.mock('../app/app.svelte', () => ({
  api: { post, get },
  app,
  lasting: { get: (key: string) => kept.get(key) ?? null, set: (key: string, value: string) => kept.set(key, value) },
  passing: { get: (key: string) => kept.get(key) ?? null, set: (key: string, value: string) => kept.set(key, value) },
}));

const { buyer } = await import('./buyer.svelte');

const riyadh = { country: 'SA', recipient: 'Sara', phone: '0501234567', fields: { city: 'Riyadh' } } as AddressDraft;
const jeddah = { ...riyadh, fields: { city: 'Jeddah' } };

function ids(): string[] {
  return post.mock.calls.map((call) => (call[2] as { idempotencyKey: string }).idempotencyKey);
}

beforeEach(() => {
  post.mockReset().mockResolvedValue({ id: 'a1', country: 'SA' });
});

describe('a new address', () => {
  it('goes out under the same id until it is answered for', async () => {
    post.mockRejectedValueOnce(new Refusal('offline')).mockRejectedValueOnce(new Refusal('unavailable'));
    await expect(buyer.addAddress(riyadh)).rejects.toMatchObject({ code: 'offline' });
    await expect(buyer.addAddress(riyadh)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(buyer.addAddress(riyadh)).resolves.toMatchObject({ id: 'a1' });
    expect(new Set(ids()).size).toBe(1);
    expect(buyer.addresses.map(({ id }) => id)).toEqual(['a1']);
    await buyer.addAddress(riyadh); // answered for: this is another one
    expect(new Set(ids()).size).toBe(2);
  });

  it('is another one when something of it was changed, or it was refused', async () => {
    post.mockRejectedValueOnce(new Refusal('offline'));
    await expect(buyer.addAddress(riyadh)).rejects.toBeInstanceOf(Refusal);
    post.mockRejectedValueOnce(new Refusal('bad_field', { retry: 'never' }));
    await expect(buyer.addAddress(jeddah)).rejects.toBeInstanceOf(Refusal);
    await buyer.addAddress(jeddah);
    expect(new Set(ids()).size).toBe(3);
  });
});

describe('the card that one tap pays with', () => {
  const [visa, mada] = ['visa', 'mada'].map((id) => ({ id, brand: id, last4: '4242', expires: '12/30' }) as CardView) as [CardView, CardView];
  const pay = async (card: CardView, orderId = 'o1') => buyer.pays(orderId, await buyer.choice({ kind: 'card', card }, 'a1'));
  const usual = () => (buyer.means?.kind === 'card' ? buyer.means.card.id : null);

  beforeEach(async () => {
    app.person = { id: 'p1' };
    get.mockImplementation((path: string) => {
      if (path.startsWith('/me/payment-methods')) return Promise.resolve({ cards: [visa, mada], methods: ['card'], test_cards: [] });
      return Promise.resolve({ addresses: [], phone: '+966512345678' });
    });
    await buyer.load('SA');
  });

  it('is the one that has paid last, but for a declined one, until that has paid', async () => {
    await pay(mada);
    expect(usual()).toBe('visa'); // nothing is paid yet
    buyer.learn('o1', false);
    expect(usual()).toBe('mada');
    await pay(mada, 'o2');
    buyer.learn('o2', true);
    expect(usual()).toBe('visa');
    vi.resetModules(); // another day, another page
    const later = (await import('./buyer.svelte')).buyer;
    await later.load('SA');
    expect(later.means).toMatchObject({ card: visa });

    await pay(visa);
    buyer.learn('o1', true);
    expect(buyer.means).toBeNull(); // none that is worth a tap
    await pay(mada);
    buyer.learn('o1', false);
    expect(usual()).toBe('mada');
  });

  it('goes by the order that was paid, not by the card that was taken out last', async () => {
    await pay(mada, 'o3');
    buyer.learn('o3', false);
    await buyer.choice({ kind: 'card', card: visa }, 'a1'); // and the hold has expired
    buyer.learn('o3', false); // told once more
    expect(usual()).toBe('mada');
    await pay(visa, 'o4');
    buyer.learn('o3', true); // an order from before
    buyer.learn('o4', false);
    expect(usual()).toBe('visa');
  });

  it('is cash, when cash was what an order was placed with', async () => {
    get.mockImplementation((path: string) =>
      Promise.resolve(path.startsWith('/me/payment-methods') ? { cards: [visa], methods: ['pay_on_delivery'], test_cards: [] } : { addresses: [], phone: '+966512345678' }),
    );
    await buyer.load('SA');
    buyer.pays('o5', await buyer.choice({ kind: 'pay_on_delivery' }, 'a1'));
    buyer.learn('o5', false);
    expect(buyer.means).toEqual({ kind: 'pay_on_delivery' });
  });
});
