import { describe, expect, it } from 'vitest';
import type { AnyEvent, ChatPosted, SaleCounted } from './protocol/generated';
import { CHAT_KEPT, EMPTY_ROOM, apply, countsOf } from './room-state';

function line(number: number): ChatPosted {
  return {
    t: 'chat_posted',
    id: `message-${number}`,
    at: number,
    author: { id: 'u1', name: 'Sara', role: 'viewer' },
    text: `line ${number}`,
    reply_to: null,
    mentions: [],
  };
}

describe('counts that come with a page', () => {
  const counted: SaleCounted = {
    t: 'sale_counted', id: 'c1', at: 1, key: 'stock:s1', sale_id: 's1', version: 7, available: 3, held: 2, sold: 15, dropped: false,
  };

  it('are there before the first snapshot', () => {
    expect(countsOf([counted]).get('s1')).toEqual({ available: 3, held: 2, sold: 15, version: 7 });
  });

  it('are left out where a sale has left the room', () => {
    expect(countsOf([counted, { ...counted, dropped: true }]).size).toBe(0);
  });
});

describe('room state', () => {
  it('leaves the state it was given as it was', () => {
    const before = apply(EMPTY_ROOM, [line(1)]);
    const kept = structuredClone(before);
    apply(before, [line(2), { t: 'chat_removed', id: 'r', at: 1, message_ids: ['message-1'], by: 'Huda' }]);
    expect(before).toEqual(kept);
  });

  it('gives the very same state when nothing happened', () => {
    expect(apply(EMPTY_ROOM, [])).toBe(EMPTY_ROOM);
  });

  it('keeps the last lines of a long talk', () => {
    const lines = Array.from({ length: CHAT_KEPT + 30 }, (_, at) => line(at));
    const { chat } = apply(EMPTY_ROOM, lines);
    expect(chat).toHaveLength(CHAT_KEPT);
    expect(chat.at(-1)?.id).toBe(`message-${CHAT_KEPT + 29}`);
  });

  it('is not disturbed by events of a newer server', () => {
    const unknown = { t: 'fireworks', id: 'x', at: 1 } as unknown as AnyEvent;
    expect(apply(EMPTY_ROOM, [unknown, line(1)]).chat).toHaveLength(1);
  });

  it('does not show an own line twice: from the reply and from the room', () => {
    const { chat } = apply(apply(EMPTY_ROOM, [line(1)]), [line(1)]);
    expect(chat).toHaveLength(1);
  });
});
