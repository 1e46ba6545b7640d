/** What a person needs to buy with one tap: where to, and how to pay. */

import { api, app, lasting, passing } from '../app/app.svelte';
import { isOutcomeKnown } from '../core/checkout';
import { newId } from '../core/ids';
import type { AddressDraft, AddressForm, AddressForms, AddressList, AddressView, CardView, ContactView, PaymentChoice, PaymentMethods } from '../core/protocol/generated';
import { asRefusal } from '../core/refusal';
import { t, tMaybe } from '../i18n/index.svelte';

const LAST_ADDRESS = 'lc.address';
const LAST_PAYMENT = 'lc.payment';
const DECLINED = 'lc.declined';
/** The order this page has asked to be paid, and what with. */
const PAYING = 'lc.paying';

/** A saved card, a card of the sandbox that is not saved yet, or cash at the door. */
export type Means =
  | { kind: 'card'; card: CardView }
  | { kind: 'test_card'; token: string }
  | { kind: 'pay_on_delivery' };

let addresses = $state.raw<readonly AddressView[]>([]);
let methods = $state.raw<PaymentMethods>({ cards: [], methods: [], test_cards: [] });
let forms = $state.raw<readonly AddressForm[]>([]);
let loadedFor = $state<string | null>(null);
/** Ids of the cards that were declined and have not paid since, one behind the other. */
let declined = $state(lasting.get(DECLINED) ?? '');
let contact: ContactView = { phone: null, email: null };
/** An address that was sent and not answered for yet, and the id it went out under. */
let unsure: { draft: string; id: string } | null = null;
/** Test cards that were saved on this page, by their token. */
const savedCards = new Map<string, CardView>();

export const buyer = {
  get addresses(): readonly AddressView[] {
    return addresses;
  },
  get cards(): readonly CardView[] {
    return methods.cards;
  },
  get testCards(): readonly string[] {
    return methods.test_cards;
  },
  get forms(): readonly AddressForm[] {
    return forms;
  },
  get takesCash(): boolean {
    return methods.methods.includes('pay_on_delivery');
  },
  get isLoaded(): boolean {
    return loadedFor !== null && loadedFor === app.person?.id;
  },
  /** Where a parcel of this market can go: goods do not cross borders. */
  addressesIn(market: string): readonly AddressView[] {
    return addresses.filter(({ country }) => country === market);
  },
  /** The address used last, or the newest. */
  addressIn(market: string): AddressView | null {
    const last = lasting.get(LAST_ADDRESS);
    const here = this.addressesIn(market);
    return here.find(({ id }) => id === last) ?? here.at(0) ?? null;
  },
  /** What has paid last, or the first saved card; never one that was just declined. */
  get means(): Means | null {
    const last = lasting.get(LAST_PAYMENT);
    if (last === 'pay_on_delivery' && this.takesCash) return { kind: 'pay_on_delivery' };
    const cards = methods.cards.filter(({ id }) => !declined.includes(id));
    const card = cards.find(({ id }) => id === last) ?? cards.at(0);
    return card === undefined ? null : { kind: 'card', card };
  },
  /** Reads it all anew for who is signed in now, and for nobody nothing. */
  async load(market: string): Promise<void> {
    const { person } = app;
    if (person === null) {
      addresses = [];
      methods = { cards: [], methods: [], test_cards: [] };
      loadedFor = null;
      return;
    }
    const [list, got, known] = await Promise.all([
      api.get<AddressList>('/me/addresses'),
      api.get<PaymentMethods>(`/me/payment-methods?market=${encodeURIComponent(market)}`),
      api.get<ContactView>('/me/contact'),
    ]);
    contact = known;
    addresses = list.addresses;
    methods = got;
    loadedFor = person.id;
  },
  async loadForms(): Promise<void> {
    if (forms.length === 0) forms = (await api.get<AddressForms>('/address-forms')).forms;
  },
  /** Saves an address once, however often it is tried: until it is answered for, it goes out under one id. */
  async addAddress(draft: AddressDraft): Promise<AddressView> {
    const sent = JSON.stringify(draft);
    if (unsure?.draft !== sent) unsure = { draft: sent, id: newId() };
    const added = await api.post<AddressView>('/me/addresses', draft, { idempotencyKey: unsure.id }).catch((error: unknown) => {
      if (isOutcomeKnown(asRefusal(error))) unsure = null;
      throw error;
    });
    unsure = null;
    addresses = [added, ...addresses.filter(({ id }) => id !== added.id)];
    return added;
  },
  async removeAddress(id: string): Promise<void> {
    await api.remove(`/me/addresses/${id}`);
    addresses = addresses.filter((address) => address.id !== id);
  },
  async addCard(token: string): Promise<CardView> {
    const added = await api.post<CardView>('/me/cards', { provider: 'sandbox', token });
    methods = { ...methods, cards: [added, ...methods.cards.filter(({ id }) => id !== added.id)] };
    savedCards.set(token, added);
    return added;
  },
  async removeCard(id: string): Promise<void> {
    await api.remove(`/me/cards/${id}`);
    methods = { ...methods, cards: methods.cards.filter((card) => card.id !== id) };
  },
  /** Remembers what an order is to be paid with, until `learn` is told what became of it. One order a tab: the last. */
  pays(orderId: string, { method, card_id: cardId }: PaymentChoice): void {
    passing.set(PAYING, `${orderId} ${cardId ?? method}`);
  },
  /** What became of an order's payment: what has paid is offered next time, what was declined is not. */
  learn(orderId: string, isDeclined: boolean): void {
    const [id, means = ''] = (passing.get(PAYING) ?? '').split(' ');
    if (id !== orderId) return;
    declined = declined.replace(means, '') + (isDeclined ? means : '');
    lasting.set(DECLINED, declined);
    if (!isDeclined) lasting.set(LAST_PAYMENT, means);
  },
  /**
   * Makes ready to pay: a test card becomes a saved one, a person who can be called where the parcel
   * goes can be called at all.
   */
  async choice(means: Means, addressId: string): Promise<PaymentChoice> {
    lasting.set(LAST_ADDRESS, addressId);
    const address = addresses.find(({ id }) => id === addressId);
    if (contact.phone === null && address !== undefined) {
      contact = await api.put<ContactView>('/me/contact', { phone: address.phone, email: contact.email });
    }
    if (means.kind === 'pay_on_delivery') return { method: 'pay_on_delivery' };
    const card = means.kind === 'card' ? means.card : (savedCards.get(means.token) ?? (await this.addCard(means.token)));
    return { method: 'card', card_id: card.id };
  },
};

export function cardName(card: CardView): string {
  return `${tMaybe(`brand_${card.brand}`) ?? card.brand} ••${card.last4}`;
}

export function testCardName(token: string): string {
  return tMaybe(`test_card_${token}`) ?? token;
}

export function meansName(means: Means): string {
  if (means.kind === 'card') return cardName(means.card);
  return means.kind === 'test_card' ? testCardName(means.token) : t('pay_on_delivery');
}
