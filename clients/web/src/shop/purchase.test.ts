import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Checkout } from '../core/checkout';
import { FakeTiming } from '../core/fake-timing';
import type { AddressDraft, OfferView, OrderView, SaleView } from '../core/protocol/generated';
import { Refusal } from '../core/refusal';
import { memoryStore } from '../core/storage';
import type { Room } from '../live/room.svelte';
import type { Means } from './buyer.svelte';

const outside = vi.hoisted(() => ({
  addAddress: vi.fn(),
  choice: vi.fn(),
  learn: vi.fn(),
  pays: vi.fn(),
  post: vi.fn(),
  checkout: null as unknown,
}));

vi.mock('../app/app.svelte', () => ({
  api: { post: outside.post, get: () => Promise.reject(new Error('not asked for here')) },
  app: { person: { id: 'p1' }, market: { delivery_minor: 1000, vat_bps: 1500, currency: 'SAR' }, money: String },
  get checkout() {
    return outside.checkout;
  },
}));
vi.mock('../app/notices.svelte', () => ({ notices: { show: vi.fn(), say: vi.fn() } }));
vi.mock('./buyer.svelte', () => ({
  buyer: {
    isLoaded: true,
    means: { kind: 'card', card: { id: 'card1' } },
    addressIn: () => ({ id: 'a1', country: 'SA' }),
    loadForms: () => Promise.resolve(),
    addAddress: outside.addAddress,
    choice: outside.choice,
    learn: outside.learn,
    pays: outside.pays,
  },
}));

const { Purchase } = await import('./purchase.svelte');

const offer = { id: 'o1', product_id: 'pr1', variant_id: 'v1', variant_count: 1, price_minor: 9900, currency: 'SAR' } as OfferView;
const sale = { id: 's1', offer_id: 'o1', variant_id: 'v1', price_minor: 4900, per_buyer: 2 } as SaleView;
const means = { kind: 'pay_on_delivery' } as Means;
const SALE_TOTAL = 4900 + 1000;
const REGULAR_TOTAL = 9900 + 1000;

function placed(): OrderView {
  return { id: 'order1', version: 1, state: 'confirmed', payment_state: 'captured', number: 'A1', total_minor: 1, currency: 'SAR', lines: [] } as unknown as OrderView;
}

/** A room with one flash sale, that is over when it is said to be. */
function made() {
  const sales = new Map([[sale.id, sale]]);
  const sent: { id: string; wish: Record<string, unknown> }[] = [];
  const live = { isKnown: true, ending: null as string | null, phase: 'ready' };
  let answer: () => Promise<OrderView> = () => Promise.resolve(placed());
  const room = {
    live,
    view: { id: 'r1', market: 'SA' },
    state: { sales, saleCounts: new Map(), stock: new Map() },
    count: () => null,
    onOrder: () => () => undefined,
    request: (wish: Record<string, unknown>, { id }: { id: string }) => {
      sent.push({ id, wish });
      return answer();
    },
  };
  const purchase = new Purchase(room as unknown as Room);
  /** As the sheet does it whenever something changes. */
  const look = () => purchase.isSaleGone && purchase.leaveSale();
  return {
    purchase,
    live,
    sent,
    look,
    endSale: () => {
      sales.clear();
      look();
    },
    answerWith: (next: () => Promise<OrderView>) => (answer = next),
  };
}

let timing: FakeTiming;

beforeEach(() => {
  vi.useFakeTimers();
  timing = new FakeTiming();
  outside.checkout = new Checkout({ store: memoryStore(), timing, now: () => timing.mono() });
  outside.post.mockReset().mockRejectedValue(new Refusal('offline')); // quotes
  outside.addAddress.mockReset().mockResolvedValue({ id: 'a1' });
  outside.learn.mockReset();
  outside.pays.mockReset();
  outside.choice.mockReset().mockResolvedValue({ method: 'pay_on_delivery' });
});
afterEach(() => vi.useRealTimers());

describe('what was pressed is what is bought', () => {
  const atSale = { sale_id: 's1', variant_id: 'v1', qty: 1, expected_total_minor: SALE_TOTAL, currency: 'SAR' };

  it.each(['the address is saved', 'the means are made ready'])('though the sale ends while %s', async (when) => {
    const { purchase, sent, endSale, answerWith } = made();
    answerWith(() => Promise.reject(new Refusal('not_live', { retry: 'new_id' })));
    purchase.choose(offer, sale.id);
    expect(purchase.sum.total).toBe(SALE_TOTAL);
    const [slow, value] = when === 'the address is saved' ? [outside.addAddress, { id: 'a1' }] : [outside.choice, { method: 'x' }];
    slow.mockImplementation(() => {
      endSale();
      expect(purchase.sum.total).toBe(SALE_TOTAL); // and says so as long as it is under way
      return Promise.resolve(value);
    });
    await purchase.pay({ country: 'SA' } as AddressDraft, means);
    expect(sent.map(({ wish }) => wish)).toEqual([expect.objectContaining(atSale)]);
    expect(purchase.order).toBeNull();
  });

  it('by one tap as well', async () => {
    const { purchase, sent, endSale } = made();
    outside.choice.mockImplementation(() => {
      endSale();
      return Promise.resolve({ method: 'x' });
    });
    await purchase.buy(offer, sale.id);
    expect(sent[0]?.wish).toMatchObject(atSale);
  });

  it('though a sale is over in the very moment of the click', async () => {
    const { purchase, sent, live, endSale } = made();
    purchase.choose(offer, sale.id);
    live.isKnown = false; // the sheet has not been told yet
    endSale();
    await purchase.pay('a1', means);
    expect(sent[0]?.wish['sale_id']).toBe('s1');
  });

  it('and the sale is left once the server has said no', async () => {
    const { purchase, sent, endSale, look, answerWith } = made();
    answerWith(() => Promise.reject(new Refusal('not_live', { retry: 'new_id' })));
    purchase.choose(offer, sale.id);
    outside.choice.mockImplementation(() => {
      endSale();
      return Promise.resolve({ method: 'x' });
    });
    await purchase.pay('a1', means);
    expect(purchase.isSaleLeft).toBe(false);
    look();
    expect(purchase.isSaleLeft).toBe(true);
    expect(purchase.sum.total).toBe(REGULAR_TOTAL);
    answerWith(() => Promise.resolve(placed()));
    await purchase.pay('a1', means);
    expect(sent[1]?.wish).toMatchObject({ sale_id: null, expected_total_minor: REGULAR_TOTAL });
  });

  it('again under the same id, though the sale ends before the outcome is known', async () => {
    const { purchase, sent, endSale, look, answerWith } = made();
    answerWith(() => Promise.reject(new Refusal('offline')));
    purchase.choose(offer, sale.id);
    const lost = purchase.pay('a1', means);
    await timing.pass(60_000);
    await lost;
    expect(purchase.refusal?.code).toBe('offline');
    endSale();
    look();
    expect(purchase.isSaleLeft).toBe(false);
    expect(purchase.sum.total).toBe(SALE_TOTAL);
    answerWith(() => Promise.resolve(placed()));
    await purchase.pay('a1', means);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(sent.at(-1)?.wish).toEqual(sent[0]?.wish);
    expect(purchase.stage).toBe('confirmed');
  });

  it('is not asked about again when only the address could not be saved', async () => {
    const { purchase, sent, endSale } = made();
    purchase.choose(offer, sale.id);
    outside.addAddress.mockRejectedValueOnce(new Refusal('offline'));
    await purchase.pay({ country: 'SA' } as AddressDraft, means);
    endSale();
    expect(sent).toEqual([]);
    expect(purchase.isSaleLeft).toBe(true);
  });
});

describe('what became of a payment', () => {
  it.each([
    ['the bank says no', { state: 'pending_payment', payment_state: 'failed', failure: 'payment_declined' }, [['order1', true]]],
    ['the bank says never', { state: 'cancelled', payment_state: 'failed', failure: 'payment_declined' }, [['order1', true]]],
    ['it is paid', {}, [['order1', false]]],
    ['the provider is away', { state: 'pending_payment', payment_state: 'failed', failure: 'payment_unavailable' }, []],
    ['a second card is being asked', { state: 'pending_payment', payment_state: 'processing', failure: 'payment_declined' }, []],
  ] as const)('is remembered of the card when %s', async (_, said, learnt) => {
    const { purchase, answerWith } = made();
    answerWith(() => Promise.resolve({ ...placed(), ...said } as OrderView));
    await purchase.buy(offer);
    expect(outside.pays.mock.calls).toEqual([['order1', { method: 'pay_on_delivery' }]]);
    expect(outside.learn.mock.calls).toEqual(learnt);
    purchase.close();
  });
});

describe('the button', () => {
  it('rests while its price has just changed', () => {
    const { purchase, endSale } = made();
    purchase.choose(offer, sale.id);
    expect(purchase.isBarred).toBe(false);
    endSale();
    expect(purchase.isBarred).toBe(true);
    vi.advanceTimersByTime(900);
    expect(purchase.isBarred).toBe(true);
    vi.advanceTimersByTime(200);
    expect(purchase.isBarred).toBe(false);
  });

  it('sells nothing to who is shut out, and takes the payment for what is on hold', () => {
    const { purchase, live } = made();
    purchase.choose(offer);
    live.ending = 'banned';
    expect(purchase.isBarred).toBe(true);
    purchase.order = { ...placed(), state: 'pending_payment', payment_state: 'not_paid' };
    expect(purchase.stage).toBe('held');
    expect(purchase.isBarred).toBe(false);
  });

  it('opens what is on hold instead of buying it a second time', async () => {
    const { purchase, sent } = made();
    purchase.choose(offer);
    purchase.order = { ...placed(), state: 'pending_payment', payment_state: 'failed' };
    purchase.close();
    await purchase.buy(offer);
    expect(sent).toEqual([]);
    expect(purchase.isOpen).toBe(true);
  });
});
