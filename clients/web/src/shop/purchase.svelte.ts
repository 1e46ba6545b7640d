/** One purchase from the first tap to its end, and what its sheet shows on the way. */

import { api, app, checkout } from '../app/app.svelte';
import { notices } from '../app/notices.svelte';
import { explain, explainEnding, explainFailure } from '../app/refusals';
import { isOutcomeKnown } from '../core/checkout';
import { vatIncluded } from '../core/money';
import type { AddressDraft, AddressView, MerchantView, OfferView, OrderList, OrderView, PaymentChoice, PlaceOrder, ProductView, Quote, SaleView, VariantView } from '../core/protocol/generated';
import { asRefusal, type Refusal } from '../core/refusal';
import { pick, t } from '../i18n/index.svelte';
import type { Room } from '../live/room.svelte';
import { buyer, type Means } from './buyer.svelte';

const LOOK_AGAIN_MS = 3_000;
/** So long a button rests whose price has changed: a finger may be on its way to the old one. */
const NEW_PRICE_REST_MS = 1_000;

export const NEW_ADDRESS = 'new';

export type Stage = 'choosing' | 'held' | 'paying' | 'confirmed' | 'over';

export interface Sum {
  unit: number;
  items: number;
  delivery: number;
  vat: number;
  vatBps: number;
  total: number;
  currency: string;
}

/** What the button said when it was pressed: this is bought, or nothing. */
interface Pressed {
  sum: Sum;
  wish: Pick<PlaceOrder, 'variant_id' | 'qty' | 'sale_id' | 'offer_id' | 'expected_total_minor' | 'currency'>;
}

export class Purchase {
  isOpen = $state(false);
  isBusy = $state(false);
  /** The offer that a single tap is buying right now. */
  tapped = $state<string | null>(null);
  offer = $state.raw<OfferView | null>(null);
  product = $state.raw<ProductView | null>(null);
  variantId = $state('');
  qty = $state(1);
  order = $state.raw<OrderView | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  quote = $state.raw<Quote | null>(null);
  /** Where to; empty until one is chosen, `NEW_ADDRESS` while one is being written. */
  addressId = $state('');
  /** The flash sale ended while its price was being looked at; what is shown is the usual one. */
  isSaleLeft = $state(false);
  #saleId = $state<string | null>(null);
  #pressed = $state.raw<Pressed | null>(null);
  /** The purchase was sent, and whether it was done is not known: only the very same may be sent again. */
  #isUnsure = $state(false);
  #isResting = $state(false);
  #resting: ReturnType<typeof setTimeout> | undefined;
  /** What was told of orders; it may overtake the reply that first names them. */
  readonly #told = new Map<string, OrderView>();
  readonly #room: Room;
  #watching: ReturnType<typeof setInterval> | null = null;

  constructor(room: Room) {
    this.#room = room;
    room.onOrder((order) => {
      this.#told.set(order.id, order);
      this.#update(order);
    });
  }

  get sale(): SaleView | null {
    const sale = this.#saleId === null ? undefined : this.#room.state.sales.get(this.#saleId);
    return sale ?? null;
  }

  /** It was to be bought in a flash sale, that is over, and nothing of it is under way. */
  get isSaleGone(): boolean {
    const isUnderWay = this.isBusy || this.#isUnsure;
    return this.#saleId !== null && this.sale === null && this.order === null && !isUnderWay && this.#room.live.isKnown;
  }

  /** Whom the room has shut out it sells nothing to. */
  get isShut(): boolean {
    return this.#room.live.ending === 'banned';
  }

  /** Nothing can be bought now. What is on hold already may be paid for by those who are shut out too. */
  get isBarred(): boolean {
    return this.stage === 'choosing' && (this.#isResting || this.isShut);
  }

  get variant(): VariantView | null {
    return this.product?.variants.find(({ id }) => id === this.variantId) ?? null;
  }

  get stage(): Stage {
    const { order } = this;
    if (order === null) return 'choosing';
    if (order.state === 'confirmed' || order.state === 'completed') return 'confirmed';
    if (order.state !== 'pending_payment') return 'over';
    return order.payment_state === 'requires_action' || order.payment_state === 'processing' ? 'paying' : 'held';
  }

  /** A choice has to be made before anything can be bought. */
  get isVariantNeeded(): boolean {
    return this.sale === null && (this.offer?.variant_count ?? 1) > 1 && this.variantId === '';
  }

  get unitMinor(): number {
    return this.sale?.price_minor ?? this.variant?.price_minor ?? this.offer?.price_minor ?? 0;
  }

  get seller(): MerchantView | null {
    return this.order?.lines[0]?.merchant ?? this.quote?.seller ?? this.offer?.merchant ?? null;
  }

  /** What it costs: by the order, by the server's quote, or reckoned from what the room shows. */
  get sum(): Sum {
    const { order, quote } = this;
    if (order !== null) {
      return {
        unit: order.lines[0]?.unit_minor ?? 0,
        items: order.subtotal_minor,
        delivery: order.delivery_minor,
        vat: order.vat_minor,
        vatBps: order.lines[0]?.vat_bps ?? 0,
        total: order.total_minor,
        currency: order.currency,
      };
    }
    if (this.#pressed !== null) return this.#pressed.sum;
    if (quote !== null) {
      return {
        unit: quote.unit_minor,
        items: quote.subtotal_minor,
        delivery: quote.delivery_minor,
        vat: quote.vat_minor,
        vatBps: quote.vat_bps,
        total: quote.total_minor,
        currency: quote.currency,
      };
    }
    const items = this.unitMinor * this.qty;
    const delivery = app.market?.delivery_minor ?? 0;
    const vatBps = this.product?.vat_bps ?? app.market?.vat_bps ?? 0;
    const total = items + delivery;
    return {
      unit: this.unitMinor,
      items,
      delivery,
      vat: vatIncluded(total, vatBps),
      vatBps,
      total,
      currency: this.offer?.currency ?? app.market?.currency ?? '',
    };
  }

  get unitsMax(): number {
    const perBuyer = this.sale?.per_buyer ?? 99;
    const left =
      this.sale === null
        ? (this.#room.count(this.variantId)?.available ?? this.variant?.available ?? 99)
        : (this.#room.state.saleCounts.get(this.sale.id)?.available ?? 99);
    return Math.max(1, Math.min(99, perBuyer, left));
  }

  /** Where it would go without another question. */
  get address(): AddressView | null {
    return buyer.addressIn(this.#room.view.market);
  }

  /** True when a tap on this offer buys it without another question. */
  isOneTap(offer: OfferView, saleId: string | null): boolean {
    if (saleId === null && offer.variant_count > 1) return false;
    return buyer.isLoaded && this.address !== null && buyer.means !== null;
  }

  /** The Buy button: buys at once for who has bought before, and opens the sheet for others. */
  async buy(offer: OfferView, saleId: string | null = null, variantId: string | null = null): Promise<void> {
    if (this.isBusy) return;
    this.#begin(offer, saleId, variantId);
    if (this.order !== null) return this.open(); // its units wait to be paid for
    const { address } = this;
    const { means } = buyer;
    if (this.isOneTap(offer, saleId) && address !== null && means !== null) {
      this.tapped = saleId ?? offer.id;
      await this.#attempt(async (pressed) => {
        await this.#place(pressed, address.id, await buyer.choice(means, address.id));
      });
      this.tapped = null;
      if (this.refusal !== null || this.stage === 'held') this.isOpen = true;
      return;
    }
    this.open();
  }

  /** The sheet, with everything still open to change. */
  choose(offer: OfferView, saleId: string | null = null, variantId: string | null = null): void {
    this.#begin(offer, saleId, variantId);
    this.open();
  }

  open(): void {
    this.isOpen = true;
    void buyer.loadForms().catch(() => undefined);
    if (this.order === null) {
      void this.#loadProduct();
      void this.requote();
    }
  }

  close(): void {
    this.isOpen = false;
    if (this.stage !== 'held' && this.stage !== 'paying') this.#clear();
  }

  /** Goes on at the usual price. */
  leaveSale(): void {
    this.#saleId = null;
    this.isSaleLeft = true;
    this.qty = Math.min(this.qty, this.unitsMax);
    this.#newPrice();
  }

  async requote(): Promise<void> {
    const { offer, variantId, qty } = this;
    const saleId = this.#saleId;
    this.quote = null;
    if (!this.isBusy) this.#forgetPressed();
    if (offer === null || this.isVariantNeeded) return;
    const asked = {
      variant_id: this.#boughtVariant(),
      qty,
      offer_id: offer.id,
      sale_id: this.sale?.id ?? null,
      room_id: this.#room.view.id,
    };
    const quote = await api.post<Quote>('/quotes', asked).catch(() => null);
    const isAsked = this.variantId === variantId && this.qty === qty && this.#saleId === saleId;
    if (this.order === null && isAsked) this.quote = quote;
  }

  /** Sets the units aside; what is missing for the payment is asked for while they wait. */
  async hold(name: string | null): Promise<void> {
    await this.#attempt(async (pressed) => {
      if (app.person === null) {
        await api.guest(name ?? '');
        await this.#room.identify();
        await buyer.load(this.#room.view.market);
      }
      await this.#place(pressed, null, null);
    });
  }

  /** Pays, with a hold or without one. A new address is saved first. */
  async pay(where: string | AddressDraft, means: Means): Promise<void> {
    await this.#attempt(async (pressed) => {
      const addressId = typeof where === 'string' ? where : (await buyer.addAddress(where)).id;
      this.addressId = addressId;
      const payment = await buyer.choice(means, addressId);
      if (this.order === null) return this.#place(pressed, addressId, payment);
      const wish = { address_id: addressId, payment };
      const orderId = this.order.id;
      buyer.pays(orderId, payment);
      const order = await checkout.settle(`pay:${orderId}`, wish, (id) =>
        this.#room.live.phase === 'ready'
          ? this.#room.request<OrderView>({ t: 'pay', order_id: orderId, ...wish }, { id })
          : api.post<OrderView>(`/orders/${orderId}/pay`, wish, { idempotencyKey: id }),
      );
      this.#update(order);
    });
  }

  /** Gives the units back, or takes a fresh order back. */
  async cancel(order: OrderView): Promise<void> {
    await this.#attempt(async () => {
      const now = await api.post<OrderView>(`/orders/${order.id}/cancel`, {});
      if (this.order?.id === now.id) this.#clear();
      this.isOpen = false;
      notices.show(t('order_cancelled', { number: now.number }), 'good');
    });
    if (this.refusal !== null) notices.show(explain(this.refusal), 'bad');
  }

  /** Units may be on hold from before a reload. */
  async resume(): Promise<void> {
    if (app.person === null || this.order !== null) return;
    const { orders } = await api.get<OrderList>('/orders');
    const held = orders.find(
      (order) => order.state === 'pending_payment' && order.room_id === this.#room.view.id,
    );
    if (held !== undefined && this.order === null) this.#update(held, true);
  }

  /** The challenge window says it is done, or nothing was heard for a while. */
  async look(): Promise<void> {
    const { order } = this;
    if (order === null) return;
    const now = await api.get<OrderView>(`/orders/${order.id}`).catch(() => null);
    if (now !== null) this.#update(now);
  }

  /** What the button says now, or said when it was pressed and the outcome stayed unknown. */
  #press(): Pressed {
    const { sum } = this;
    return (this.#pressed ??= {
      sum,
      wish: {
        variant_id: this.#boughtVariant(),
        qty: this.qty,
        // of a sale that is over as well: the server says so, and nothing is bought at another price
        sale_id: this.#saleId,
        offer_id: this.offer?.id ?? null,
        expected_total_minor: sum.total,
        currency: sum.currency,
      },
    });
  }

  #forgetPressed(): void {
    this.#pressed = null;
    this.#isUnsure = false;
  }

  async #place(pressed: Pressed, addressId: string | null, payment: PaymentChoice | null): Promise<void> {
    const wish = { ...pressed.wish, address_id: addressId, payment };
    this.#isUnsure = true;
    const order = await checkout.settle('buy', wish, (id) =>
      this.#room.live.phase === 'ready'
        ? this.#room.request<OrderView>({ t: 'buy', ...wish }, { id })
        : api.post<OrderView>('/orders', { ...wish, room_id: this.#room.view.id }, { idempotencyKey: id }),
    );
    if (payment !== null) buyer.pays(order.id, payment);
    this.#update(order, true);
    this.#isUnsure = false;
  }

  /** The price has changed under the finger. */
  #newPrice(): void {
    this.#isResting = true;
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => (this.#isResting = false), NEW_PRICE_REST_MS);
    void this.requote();
  }

  #boughtVariant(): string {
    return this.sale?.variant_id ?? (this.variantId === '' ? (this.offer?.variant_id ?? '') : this.variantId);
  }

  #begin(offer: OfferView, saleId: string | null, variantId: string | null): void {
    if (this.stage === 'held' && this.offer?.id === offer.id) return; // the units are already ours
    this.#clear();
    this.offer = offer;
    this.#saleId = saleId;
    const only = offer.variant_count === 1 ? offer.variant_id : '';
    this.variantId = variantId ?? this.sale?.variant_id ?? only;
  }

  #clear(): void {
    this.order = null;
    this.quote = null;
    this.refusal = null;
    this.product = null;
    this.qty = 1;
    this.isSaleLeft = false;
    this.#saleId = null;
    this.#forgetPressed();
    this.#watch(false);
  }

  async #loadProduct(): Promise<void> {
    const { offer } = this;
    if (offer === null || (offer.variant_count === 1 && this.product !== null)) return;
    const product = await api.get<ProductView>(`/products/${offer.product_id}`).catch(() => null);
    if (this.offer?.id === offer.id) this.product = product;
  }

  async #attempt(run: (pressed: Pressed) => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    // before the first wait: what the page shows may change during each of them
    const pressed = this.#press();
    this.isBusy = true;
    this.refusal = null;
    try {
      await run(pressed);
    } catch (error) {
      this.refusal = asRefusal(error);
      if (isOutcomeKnown(this.refusal)) this.#isUnsure = false;
      if (this.refusal.code === 'price_changed') this.#newPrice();
      if (this.refusal.code === 'hold_expired') void this.look();
    } finally {
      this.isBusy = false;
      // a choice that was changed meanwhile is another wish
      const isSame = pressed.wish.variant_id === this.#boughtVariant() && pressed.wish.qty === this.qty;
      if (!this.#isUnsure || !isSame) this.#pressed = null;
    }
  }

  #update(said: OrderView, isOurs = false): void {
    const known = this.order;
    const told = this.#told.get(said.id);
    const order = told !== undefined && told.version > said.version ? told : said;
    if (!isOurs && known?.id !== order.id) return;
    if (known?.id === order.id && known.version > order.version) return;
    const before = known?.id === order.id ? this.stage : null;
    this.order = order;
    this.#watch(this.stage === 'paying');
    const isDeclined = order.failure === 'payment_declined' && (this.stage === 'held' || this.stage === 'over');
    if (isDeclined || this.stage === 'confirmed') buyer.learn(order.id, isDeclined);
    if (this.stage === 'confirmed' && before !== 'confirmed') this.#celebrate(order);
    else if (!this.isOpen && (before === 'paying' || (before === 'held' && order.state === 'expired'))) this.#regret(order);
  }

  /** Refused by the bank, or let go, while no sheet is open that would say so. */
  #regret(order: OrderView): void {
    if (this.stage === 'held') {
      const failure = explainFailure(order);
      if (failure !== null) notices.show(failure, 'bad', { label: t('finish_order'), run: () => this.open() });
    } else if (this.stage === 'over') {
      notices.show(explainEnding(order), 'bad');
      this.#clear();
    }
  }

  #celebrate(order: OrderView): void {
    this.refusal = null;
    const text = t('order_confirmed', {
      number: order.number,
      title: pick(order.lines[0]?.title),
      total: app.money(order.total_minor, order.currency),
    });
    if (this.isOpen) notices.say(text);
    else {
      notices.show(text, 'good', { label: t('cancel_order'), run: () => void this.cancel(order) });
      this.#clear();
    }
  }

  /** The provider's answer is told to us; should it get lost, it is asked for. */
  #watch(isWanted: boolean): void {
    if (isWanted && this.#watching === null) {
      this.#watching = setInterval(() => void this.look(), LOOK_AGAIN_MS);
    } else if (!isWanted && this.#watching !== null) {
      clearInterval(this.#watching);
      this.#watching = null;
    }
  }
}
