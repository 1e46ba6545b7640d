/** What a page knows of a room, and how an event changes it. Pure: the old state stays as it was. */

import type {
  AnyEvent,
  ChatPosted,
  PinView,
  SaleCounted,
  SaleMade,
  SaleView,
  Sanctioned,
  ShowView,
} from './protocol/generated';

export const CHAT_KEPT = 200;
const ORDERS_KEPT = 100;
const SANCTIONS_KEPT = 50;
const IDS_KEPT = 1000;

export interface Count {
  available: number;
  held: number;
  sold: number;
  version: number;
}

export interface RoomState {
  show: ShowView | null;
  bagVersion: number;
  bagCount: number;
  /** By slot. */
  pins: ReadonlyMap<number, PinView>;
  /** By sale id; ended and cancelled sales are not kept. */
  sales: ReadonlyMap<string, SaleView>;
  saleCounts: ReadonlyMap<string, Count>;
  /** By variant id. */
  stock: ReadonlyMap<string, Count>;
  slowModeS: number;
  /** Oldest first, the last `CHAT_KEPT`. */
  chat: readonly ChatPosted[];
  /** For staff: the newest first, one line an order. */
  orders: readonly SaleMade[];
  sanctions: readonly Sanctioned[];
  likes: number;
  viewers: number;
  /** For staff: how many came so far; 0 when that is not told. */
  visitors: number;
  /** The highest version seen of every key, those without a value included. */
  versions: ReadonlyMap<string, number>;
  /** Ids of events that must not be applied (again): those we had, and those that were taken back. */
  done: ReadonlySet<string>;
}

export const EMPTY_ROOM: RoomState = {
  show: null,
  bagVersion: 0,
  bagCount: 0,
  pins: new Map(),
  sales: new Map(),
  saleCounts: new Map(),
  stock: new Map(),
  slowModeS: 0,
  chat: [],
  orders: [],
  sanctions: [],
  likes: 0,
  viewers: 0,
  visitors: 0,
  versions: new Map(),
  done: new Set(),
};

/** The same shape, opened for writing while a batch is applied. */
interface Draft {
  show: ShowView | null;
  bagVersion: number;
  bagCount: number;
  pins: Map<number, PinView>;
  sales: Map<string, SaleView>;
  saleCounts: Map<string, Count>;
  stock: Map<string, Count>;
  slowModeS: number;
  chat: ChatPosted[];
  orders: SaleMade[];
  sanctions: Sanctioned[];
  likes: number;
  viewers: number;
  visitors: number;
  versions: Map<string, number>;
  done: Set<string>;
}

export function apply(state: RoomState, events: readonly AnyEvent[]): RoomState {
  if (events.length === 0) return state;
  const draft: Draft = {
    ...state,
    pins: new Map(state.pins),
    sales: new Map(state.sales),
    saleCounts: new Map(state.saleCounts),
    stock: new Map(state.stock),
    chat: [...state.chat],
    orders: [...state.orders],
    sanctions: [...state.sanctions],
    versions: new Map(state.versions),
    done: new Set(state.done),
  };
  for (const event of events) applyOne(draft, event);
  draft.chat = draft.chat.slice(-CHAT_KEPT);
  draft.orders.length = Math.min(draft.orders.length, ORDERS_KEPT);
  draft.sanctions.length = Math.min(draft.sanctions.length, SANCTIONS_KEPT);
  forgetOldest(draft.done);
  return draft;
}

function applyOne(draft: Draft, event: AnyEvent): void {
  switch (event.t) {
    case 'show_changed':
    case 'bag_changed':
    case 'pin_changed':
    case 'sale_changed':
    case 'sale_counted':
    case 'stock_changed':
    case 'chat_rules':
      return setKey(draft, event);
    case 'likes_counted':
      draft.likes = event.total;
      return;
    case 'viewers_counted':
      draft.viewers = event.count;
      return;
    case 'visitors_counted':
      draft.visitors = event.unique_viewers;
      return;
    case 'chat_posted':
    case 'chat_removed':
    case 'sale_made':
    case 'sanctioned':
      if (draft.done.has(event.id)) return;
      draft.done.add(event.id);
      return addLine(draft, event);
    case 'order_changed':
    case 'bought':
      return; // a person's own orders and passing notices are not part of the room
    default:
      return; // an event of a newer server
  }
}

type KeyedEvent = Extract<AnyEvent, { key: string; version: number }>;

function setKey(draft: Draft, event: KeyedEvent): void {
  const { key, version } = event;
  // An equal version is taken: a counter that leaves the room, or comes back into it, says the
  // version its variant had all along.
  if (version < (draft.versions.get(key) ?? -1)) return;
  draft.versions.set(key, version);
  setValue(draft, event);
}

/** Newcomers are not told of such a sale, and nobody needs it any more. */
function isOver(sale: SaleView): boolean {
  return sale.phase === 'ended' || sale.phase === 'cancelled';
}

function setValue(draft: Draft, event: KeyedEvent): void {
  switch (event.t) {
    case 'show_changed':
      draft.show = event.show;
      return;
    case 'bag_changed':
      draft.bagVersion = event.version;
      draft.bagCount = event.count;
      return;
    case 'pin_changed':
      if (event.pin === null) draft.pins.delete(event.slot);
      else draft.pins.set(event.slot, event.pin);
      return;
    case 'sale_changed':
      if (isOver(event.sale)) draft.sales.delete(event.sale.id);
      else draft.sales.set(event.sale.id, event.sale);
      return;
    case 'sale_counted':
      setCount(draft.saleCounts, event.sale_id, event);
      return;
    case 'stock_changed':
      setCount(draft.stock, event.variant_id, event);
      return;
    case 'chat_rules':
      draft.slowModeS = event.slow_mode_s;
      return;
  }
}

function setCount(counts: Map<string, Count>, id: string, event: Count & { dropped: boolean }): void {
  if (event.dropped) {
    counts.delete(id);
    return;
  }
  const { available, held, sold, version } = event;
  counts.set(id, { available, held, sold, version });
}

/** The counters that came with a page, by sale. */
export function countsOf(events: readonly SaleCounted[]): Map<string, Count> {
  const counts = new Map<string, Count>();
  for (const event of events) setCount(counts, event.sale_id, event);
  return counts;
}

type LineEvent = Extract<AnyEvent, { t: 'chat_posted' | 'chat_removed' | 'sale_made' | 'sanctioned' }>;

function addLine(draft: Draft, event: LineEvent): void {
  switch (event.t) {
    case 'chat_posted':
      draft.chat.push(event);
      return;
    case 'chat_removed': {
      const removed = new Set(event.message_ids);
      for (const id of removed) draft.done.add(id);
      draft.chat = draft.chat
        .filter((line) => !removed.has(line.id))
        .map((line) =>
          line.reply_to !== null && removed.has(line.reply_to.message_id)
            ? { ...line, reply_to: { ...line.reply_to, text: '' } }
            : line,
        );
      return;
    }
    case 'sale_made': {
      const known = draft.orders.findIndex((order) => order.order_id === event.order_id);
      if (known >= 0) draft.orders[known] = event;
      else draft.orders.unshift(event);
      return;
    }
    case 'sanctioned':
      draft.sanctions.unshift(event);
      return;
  }
}

function forgetOldest(ids: Set<string>): void {
  let surplus = ids.size - IDS_KEPT;
  for (const id of ids) {
    if (surplus-- <= 0) return;
    ids.delete(id);
  }
}
