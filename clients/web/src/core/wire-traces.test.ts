import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { receive, type Position, type RoomFrame } from './recovery';
import { EMPTY_ROOM, apply, type Count, type RoomState } from './room-state';

/** The same files that the server's and the Python client's tests read. */
const folder = new URL('../../../../tests/wire/', import.meta.url);

interface Trace {
  about: string;
  frames: RoomFrame[];
  expect: Expected;
}

interface Expected {
  position: Position | null;
  /** Which frames make a client ask for what it misses. */
  behind: number[];
  show: string | null;
  bag: [version: number, count: number] | null;
  pins: Record<string, string>;
  sales: Record<string, string>;
  sale_counts: Record<string, number[]>;
  stock: Record<string, number[]>;
  slow_mode_s: number;
  chat: string[];
  orders: Record<string, string>;
  likes: number;
  viewers: number;
}

function follow(frames: readonly RoomFrame[]): { position: Position | null; behind: number[]; room: RoomState } {
  let position: Position | null = null;
  let room = EMPTY_ROOM;
  const behind: number[] = [];
  frames.forEach((frame, at) => {
    const outcome = receive(position, frame);
    if (outcome.kind === 'behind') behind.push(at);
    room = apply(outcome.kind === 'replace' ? EMPTY_ROOM : room, outcome.events);
    position = outcome.position;
  });
  return { position, behind, room };
}

function counts(map: ReadonlyMap<string, Count>): Record<string, number[]> {
  return Object.fromEntries([...map].map(([id, { available, held, sold }]) => [id, [available, held, sold]]));
}

function told(room: RoomState): Omit<Expected, 'position' | 'behind'> {
  return {
    show: room.show?.state ?? null,
    bag: room.bagVersion === 0 ? null : [room.bagVersion, room.bagCount],
    pins: Object.fromEntries([...room.pins].map(([slot, pin]) => [String(slot), pin.offer?.id ?? pin.text ?? ''])),
    sales: Object.fromEntries([...room.sales].map(([id, sale]) => [id, sale.phase])),
    sale_counts: counts(room.saleCounts),
    stock: counts(room.stock),
    slow_mode_s: room.slowModeS,
    chat: room.chat.map((line) => line.id),
    orders: Object.fromEntries(room.orders.map((order) => [order.order_id, order.state])),
    likes: room.likes,
    viewers: room.viewers,
  };
}

describe('golden wire traces', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

  it('are there', () => {
    expect(names.length).toBeGreaterThanOrEqual(12);
  });

  it.each(names)('%s', (name) => {
    const trace = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Trace;
    const { position, behind, room } = follow(trace.frames);
    expect({ position, behind, ...told(room) }, trace.about).toEqual(trace.expect);
  });
});
