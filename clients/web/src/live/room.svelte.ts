/** A room as its pages use it: the live state, the bag, and what a person does in it. */

import { api, app, boot, clock, timing } from '../app/app.svelte';
import { notices } from '../app/notices.svelte';
import { explain } from '../app/refusals';
import { openWebSocket, type Request } from '../core/connection';
import { LiveRoom, type LiveView } from '../core/live-room';
import type { AnyEvent, BagView, ChatPosted, OfferView, OrderView, RoomView, SaleView } from '../core/protocol/generated';
import { asRefusal } from '../core/refusal';
import { countsOf, type Count } from '../core/room-state';
import { pick, t } from '../i18n/index.svelte';

const LIKES_EVERY_MS = 500;
const LIKES_MAX = 15;
const BAG_WITHIN_MS = 800;

/** The live phases of a flash sale, in which the room shows it of its own accord. */
const RUNNING = ['warm_up', 'live', 'sold_out'];

export class Room {
  /** As the server gave it with the page, or when it was asked. */
  view = $state.raw<RoomView>(undefined as never);
  live = $state.raw<LiveView>(undefined as never);
  bag = $state.raw<BagView | null>(null);
  /** Hearts to let rise: a running number of own and others' likes. */
  hearts = $state(0);
  /** My own likes that the server has not counted yet. */
  #unsent = 0;
  #isLiking = false;
  #identity: string | null = null;
  #identifying: Promise<void> = Promise.resolve();
  #bagEtag: string | null = null;
  #bagVersion = -1;
  readonly #room: LiveRoom;
  readonly #orderListeners = new Set<(order: OrderView) => void>();
  readonly #eventListeners = new Set<(event: AnyEvent) => void>();

  constructor(view: RoomView) {
    this.view = view;
    app.stayIn(view.market);
    this.#room = new LiveRoom({
      roomId: view.id,
      open: openWebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/live`),
      timing,
      clock,
      frame: nextFrame,
      token: () => api.token(),
      distrust: () => api.distrust(),
      onChange: (live) => this.#changed(live),
      onEvent: (event, isTold) => this.#happened(event, isTold),
    });
    this.#room.seed({
      show: view.show,
      viewers: view.viewers,
      pins: new Map((boot.pins ?? []).map((pin) => [pin.slot, pin])),
      sales: new Map((boot.sales ?? []).map((sale) => [sale.id, sale])),
      saleCounts: countsOf(boot.counts ?? []),
    });
    this.live = this.#room.view;
  }

  get state() {
    return this.live.room;
  }

  get isOnAir(): boolean {
    return this.state.show?.state === 'live';
  }

  can(capability: string): boolean {
    return this.live.capabilities.includes(capability);
  }

  /** Flash sales to show: running ones first, the soonest to end before the others. */
  get runningSales(): SaleView[] {
    return [...this.state.sales.values()]
      .filter((sale) => RUNNING.includes(sale.phase))
      .sort((a, b) => (a.ends_at ?? 0) - (b.ends_at ?? 0));
  }

  offer(id: string): OfferView | null {
    for (const pin of this.state.pins.values()) if (pin.offer?.id === id) return pin.offer;
    return this.bag?.offers.find((offer) => offer.id === id) ?? null;
  }

  count(variantId: string): Count | null {
    return this.state.stock.get(variantId) ?? null;
  }

  /** Units left of an offer; of one with several variants, as far as the last reading told. */
  left(offer: OfferView): number {
    // A node of a version before this one does not say it.
    if (offer.for_sale === false) return 0;
    if (offer.variant_count > 1) return offer.available;
    return this.count(offer.variant_id)?.available ?? offer.available;
  }

  /** Starts the connection and minds the network; gives the function that ends it. */
  start(): () => void {
    this.#room.start();
    const nudge = () => this.#room.nudge();
    const seen = () => {
      const isSeen = document.visibilityState === 'visible';
      if (isSeen) this.#room.nudge();
      this.#room.look(isSeen);
    };
    const cut = () => this.#room.cut();
    window.addEventListener('online', nudge);
    window.addEventListener('offline', cut);
    document.addEventListener('visibilitychange', seen);
    return () => {
      window.removeEventListener('online', nudge);
      window.removeEventListener('offline', cut);
      document.removeEventListener('visibilitychange', seen);
      this.#room.stop();
    };
  }

  request<Reply>(command: Request, options?: { id?: string; isResent?: boolean }): Promise<Reply> {
    return this.#room.request<Reply>(command, options);
  }

  /** Sends a command; a refusal is told to the person and gives null. */
  async ask<Reply>(command: Request): Promise<Reply | null> {
    try {
      return await this.request<Reply>(command);
    } catch (error) {
      notices.show(explain(asRefusal(error)), 'bad');
      return null;
    }
  }

  /** We are somebody else now: the room has to know, once. */
  async identify(): Promise<void> {
    const token = await api.token();
    const id = api.person?.id ?? null;
    if (token === null || id === (this.#identity ?? this.live.welcome?.person_id)) return this.#identifying;
    this.#identity = id;
    this.#identifying = this.#room.identify(token).catch(() => undefined);
    return this.#identifying;
  }

  /** Says a line. It comes with the room's next batch, in its place among the others. */
  async say(text: string, replyTo: ChatPosted | null, mentions: string[]): Promise<void> {
    await this.request<ChatPosted>({
      t: 'send_chat',
      text,
      ...(replyTo === null ? {} : { reply_to: replyTo.id }),
      mentions,
    });
  }

  like(): void {
    this.hearts += 1;
    this.#unsent = Math.min(this.#unsent + 1, LIKES_MAX);
    if (this.#isLiking) return;
    this.#isLiking = true;
    setTimeout(() => {
      this.#isLiking = false;
      const count = this.#unsent;
      this.#unsent = 0;
      this.request({ t: 'send_likes', count }, { isResent: false }).catch(() => undefined);
    }, LIKES_EVERY_MS);
  }

  onOrder(listener: (order: OrderView) => void): () => void {
    this.#orderListeners.add(listener);
    return () => this.#orderListeners.delete(listener);
  }

  onPassing(listener: (event: AnyEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  async loadBag(): Promise<void> {
    try {
      const { value, etag } = await api.call<BagView>('GET', `/rooms/${this.view.id}/bag`, {
        ...(this.#bagEtag === null ? {} : { etag: this.#bagEtag }),
      });
      this.#bagEtag = etag;
      if (value !== null) this.bag = value;
    } catch {
      this.#bagVersion = -1; // asked again with the next change of the room
    }
  }

  #changed(live: LiveView): void {
    const before = this.live.room;
    this.live = live;
    const { room } = live;
    if (live.isKnown && room.bagVersion !== this.#bagVersion) {
      this.#bagVersion = room.bagVersion;
      // the whole room reads the new list: not all in the same moment
      setTimeout(() => void this.loadBag(), this.bag === null ? 0 : Math.random() * BAG_WITHIN_MS);
    }
    if (room.likes > before.likes && before.likes > 0) {
      const others = room.likes - before.likes - this.#unsent;
      this.hearts += Math.max(0, Math.min(3, others));
    }
    this.#announce(before, room);
  }

  #announce(before: LiveView['room'], now: LiveView['room']): void {
    if (before === now || !this.live.isKnown) return;
    for (const [slot, pin] of now.pins) {
      if (before.pins.get(slot) === pin || pin.kind !== 'product' || pin.offer === null) continue;
      const { title, price_minor, currency } = pin.offer;
      notices.say(t('said_pinned', { title: pick(title), price: app.money(price_minor, currency) }));
    }
    for (const [id, sale] of now.sales) {
      const phase = before.sales.get(id)?.phase;
      if (phase === sale.phase) continue;
      if (sale.phase === 'live') notices.say(t('said_sale_live'));
      if (sale.phase === 'sold_out') notices.say(t('said_sale_sold_out'));
    }
  }

  #happened(event: AnyEvent, isTold: boolean): void {
    if (isTold && event.t === 'order_changed') {
      for (const listener of this.#orderListeners) listener(event.order);
    } else if (isTold && event.t === 'sanctioned') {
      const key = event.kind === 'ban' ? 'you_banned' : event.kind === 'lifted' ? 'you_lifted' : 'you_timed_out';
      notices.show(t(key), event.kind === 'lifted' ? 'good' : 'bad');
    }
    for (const listener of this.#eventListeners) listener(event);
  }
}

/** A hidden page paints nothing, but its state must not be left behind. */
function nextFrame(run: () => void): void {
  if (document.visibilityState === 'visible') requestAnimationFrame(run);
  else setTimeout(run, 250);
}

/** The room of this page: from the page itself, or by its slug. */
export async function findRoom(slug: string): Promise<Room> {
  const known = boot.room?.slug === slug ? boot.room : null;
  return new Room(known ?? (await api.get<RoomView>(`/rooms/${encodeURIComponent(slug)}`)));
}
