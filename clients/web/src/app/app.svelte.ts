/** What every page has: who we are, the server's clock, the market's formats, notices. */

import { Api } from '../core/api';
import { Checkout } from '../core/checkout';
import { ServerClock } from '../core/clock';
import { formatMoney } from '../core/money';
import type { MarketList, MarketView, PersonView } from '../core/protocol/generated';
import { asRefusal } from '../core/refusal';
import { browserStore } from '../core/storage';
import { browserTiming } from '../core/timing';
import { readBoot } from '../early/first-picture';
import { i18n } from '../i18n/index.svelte';
import { notices } from './notices.svelte';
import { explain } from './refusals';

export const timing = browserTiming;
export const clock = new ServerClock(timing.mono, Date.now());
export const lasting = browserStore(() => localStorage);
export const passing = browserStore(() => sessionStorage);

export const boot = readBoot();
if (boot.now !== undefined) clock.hint(boot.now);

let person = $state.raw<PersonView | null>(null);
let isSettled = $state(false);
let markets = $state.raw<MarketView[]>(boot.market ? [boot.market] : []);
let marketId = $state(lasting.get('lc.market') ?? 'SA');

const fragment = new URLSearchParams(location.hash.slice(1));
const next = fragment.get('next') ?? new URLSearchParams(location.search).get('next');

export const api = new Api({
  fetch: (input, init) => fetch(input, init),
  store: lasting,
  now: () => clock.now(),
  alone: (run) => ('locks' in navigator ? navigator.locks.request('lc.refresh', run) : run()),
  onPerson: (now) => {
    person = now;
  },
});

export const checkout = new Checkout({ store: passing, timing, now: () => Date.now() });

export const app = {
  get person(): PersonView | null {
    return person;
  },
  /** True when it is known whether somebody is signed in. */
  get isSettled(): boolean {
    return isSettled;
  },
  get markets(): readonly MarketView[] {
    return markets;
  },
  get market(): MarketView | null {
    return markets.find((market) => market.id === marketId) ?? markets[0] ?? null;
  },
  /** BCP 47, with the market's calendar and digits pinned. */
  get locale(): string {
    const fallback = i18n.lang === 'ar' ? 'ar-u-ca-gregory-nu-arab' : 'en-u-ca-gregory-nu-latn';
    return this.market?.locales[i18n.lang] ?? fallback;
  },
  money(minor: number, currency: string): string {
    return formatMoney(minor, currency, this.locale);
  },
  number(value: number, options: Intl.NumberFormatOptions = {}): string {
    return new Intl.NumberFormat(this.locale, options).format(value);
  },
  /** 12,345 as 12.3K: for counters that only give an idea. */
  about(value: number): string {
    return this.number(value, { notation: 'compact', maximumFractionDigits: 1 });
  },
  dateTime(at: number, options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' }): string {
    return new Intl.DateTimeFormat(this.locale, options).format(at);
  },
  choose(market: string): void {
    marketId = market;
    lasting.set('lc.market', market);
  },
  /** A room is in one market: its prices and digits hold on that page, whatever was chosen before. */
  stayIn(market: string): void {
    marketId = market;
  },
  /** Where to go on after signing in: an address of ours, or null. */
  get next(): string | null {
    return next !== null && /^\/(?![/\\])/.test(next) ? next : null;
  },
  /** Signs in by a link's fragment or by the cookie, and gets the markets. */
  async begin(): Promise<void> {
    // a sign-in link that is opened on a page which is already there
    window.addEventListener('hashchange', () => {
      if (new URLSearchParams(location.hash.slice(1)).has('link')) location.reload();
    });
    const [, failed] = await Promise.all([
      markets.length > 0 ? null : this.loadMarkets(),
      this.enter().catch((error: unknown) => asRefusal(error)),
    ]);
    isSettled = true;
    if (failed) notices.show(explain(failed), 'bad');
  },
  async enter(): Promise<void> {
    const link = fragment.get('link');
    if (link !== null) {
      // a link works once; it is not left in the address
      history.replaceState(null, '', location.pathname + location.search);
      await api.signInByLink(link);
      if (this.next !== null) location.replace(this.next);
    } else await api.token();
  },
  async loadMarkets(): Promise<void> {
    markets = await api.get<MarketList>('/markets').then(
      (list) => list.markets,
      () => markets,
    );
  },
};
