/**
 * Poster, title and price of what is pinned, painted from what came with the page while the page's
 * own code is still on its way. The page replaces it as soon as it can.
 */

import { formatMoney } from '../core/money';
import type { MarketView, PinView, RoomView, SaleCounted, SaleView, Text } from '../core/protocol/generated';
import type { Lang } from './language';

/** What the server puts into the page of a room. */
export interface Boot {
  now: number;
  market: MarketView;
  room: RoomView;
  pins: PinView[];
  sales: SaleView[];
  /** The counters of those sales. */
  counts: SaleCounted[];
}

export function readBoot(): Partial<Boot> {
  const text = document.getElementById('boot')?.textContent?.trim() ?? '';
  return text === '' ? {} : (JSON.parse(text) as Boot);
}

export function paintFirst(lang: Lang): void {
  const { room, market, pins = [], sales = [] } = readBoot();
  const target = document.getElementById('app');
  if (room === undefined || market === undefined || target === null || target.childElementCount > 0) return;
  const stage = add(target, 'div', 'first');
  if (room.poster_url !== null) picture(stage, room.poster_url);
  const offer = pins.find((pin) => pin.offer !== null)?.offer ?? null;
  if (offer === null) return;
  const sale = sales.find((one) => one.offer_id === offer.id && one.phase === 'live');
  const card = add(stage, 'div', 'first-card');
  card.dataset['testid'] = 'pinned-product';
  if (offer.thumb_url !== null) picture(card, offer.thumb_url);
  const what = add(card, 'p');
  add(what, 'bdi').textContent = inLanguage(offer.title, lang);
  const price = add(add(what, 'strong', 'price'), 'bdi');
  price.textContent = formatMoney(sale?.price_minor ?? offer.price_minor, offer.currency, market.locales[lang] ?? lang);
}

function add(parent: HTMLElement, tag: string, name = ''): HTMLElement {
  const element = document.createElement(tag);
  if (name !== '') element.className = name;
  parent.append(element);
  return element;
}

function picture(parent: HTMLElement, url: string): void {
  const image = add(parent, 'img') as HTMLImageElement;
  image.alt = '';
  image.fetchPriority = 'high';
  image.src = url;
}

function inLanguage(text: Text, lang: Lang): string {
  const [first, second] = lang === 'ar' ? [text.ar, text.en] : [text.en, text.ar];
  return (first === undefined || first === '' ? second : first) ?? '';
}
