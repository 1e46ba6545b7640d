import { beforeEach, describe, expect, it } from 'vitest';
import { ServerClock } from './clock';
import type { Wire, WireEvents } from './connection';
import { FakeTiming, settled } from './fake-timing';
import { LiveRoom } from './live-room';
import type { AnyEvent } from './protocol/generated';

const ROOM = 'room1';

class FakeWire implements Wire {
  readonly sent: Record<string, unknown>[] = [];
  readonly events: WireEvents;

  constructor(events: WireEvents) {
    this.events = events;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    // its end is told later, and interests nobody by then
  }

  says(message: Record<string, unknown>): void {
    this.events.received(JSON.stringify({ room: ROOM, ...message }));
  }

  joins(): Record<string, unknown>[] {
    return this.sent.filter(({ t }) => t === 'join');
  }
}

let timing: FakeTiming;
let wires: FakeWire[];
let room: LiveRoom;

function wire(): FakeWire {
  const last = wires.at(-1);
  if (last === undefined) throw new Error('no socket was opened');
  return last;
}

function line(id: string): AnyEvent {
  return { t: 'chat_posted', id, at: 1, author: { id: 'p', name: 'Mona' }, text: id } as AnyEvent;
}

function snapshot(viewers: number, ...recent: AnyEvent[]) {
  const count = { t: 'viewers_counted', id: 'v', at: 1, key: 'viewers', count: viewers };
  return { t: 'snapshot', epoch: 'e', offset: 7, now: 1, state: [], recent, volatile: [count] };
}

async function enter(viewers: number): Promise<void> {
  room.start();
  await settled();
  wire().events.opened();
  wire().says({ t: 'welcome', id: 'h', now: 5, node: 'n', beat_s: 20 });
  wire().says(snapshot(viewers, line('before')));
}

beforeEach(() => {
  timing = new FakeTiming();
  wires = [];
  room = new LiveRoom({
    roomId: ROOM,
    open: (events) => {
      const opened = new FakeWire(events);
      wires.push(opened);
      return opened;
    },
    timing,
    clock: new ServerClock(() => timing.mono(), 0),
    frame: (run) => run(),
    token: () => Promise.resolve(null),
    distrust: () => undefined,
    onChange: () => undefined,
    onEvent: () => undefined,
  });
});

describe('a page that nobody looks at', () => {
  it('hears less of a large room, and is shown the room when it is seen again', async () => {
    await enter(5_000);
    room.look(false);
    await timing.pass(5_000);
    expect(wire().joins()).toMatchObject([{ room: ROOM, epoch: 'e', offset: 7, light: true }]);
    wire().says({ t: 'recovered', epoch: 'e', offset: 7, now: 1, events: [], volatile: [] });
    room.look(true);
    const [, back] = wire().joins();
    expect(back).toMatchObject({ room: ROOM });
    expect(back).not.toHaveProperty('light');
    expect(back).not.toHaveProperty('offset');
    wire().says({ ...snapshot(5_000, line('meanwhile')), offset: 90 });
    expect(room.view.room.chat.map(({ id }) => id)).toEqual(['meanwhile']);
  });

  it('goes on when it is refused the room, and asks for it again', async () => {
    await enter(5_000);
    room.look(false);
    await timing.pass(5_000);
    wire().says({ t: 'recovered', epoch: 'e', offset: 7, now: 1, events: [], volatile: [] });
    room.look(true);
    const [, back] = wire().joins();
    wire().says({ t: 'err', id: back?.id, code: 'unavailable', retry: 'after', after_ms: 1_000 });
    await settled();
    wire().says({ t: 'batch', epoch: 'e', first: 8, last: 8, events: [line('meanwhile')] });
    expect(room.view.room.chat.map(({ id }) => id)).toEqual(['before', 'meanwhile']);
    await timing.pass(10_000);
    const [, , again] = wire().joins();
    expect(again).toMatchObject({ room: ROOM });
    expect(again).not.toHaveProperty('offset');
    room.stop();
  });

  it('says so when it comes back after a loss', async () => {
    await enter(5_000);
    room.look(false);
    await timing.pass(5_000);
    wire().events.closed(1006);
    await timing.pass(1_000);
    wire().events.opened();
    expect(wire().sent[0]).toMatchObject({ t: 'hello', offset: 7, light: true });
  });

  it('hears all of a small room, and of one that it left for a moment', async () => {
    await enter(499);
    room.look(false);
    await timing.pass(15_000);
    room.look(true);
    expect(wire().joins()).toEqual([]);
    wire().says(snapshot(5_000));
    room.look(false);
    await timing.pass(4_000);
    room.look(true);
    await timing.pass(10_000);
    expect(wire().joins()).toEqual([]);
  });
});

describe('a page without a token', () => {
  it('is the same visitor as long as it is open', async () => {
    await enter(1);
    const { visitor } = wire().sent[0] ?? {};
    expect(visitor).toMatch(/^[\w-]{16,64}$/);
    wire().events.closed(1006);
    await timing.pass(1_000);
    wire().events.opened();
    expect(wires).toHaveLength(2);
    expect(wire().sent[0]).toMatchObject({ visitor });
  });
});

describe('a line that the room is not shown', () => {
  it('is shown to whom it is told, once', async () => {
    await enter(5_000);
    wire().says({ t: 'told', event: line('to me') });
    wire().says({ t: 'told', event: line('to me') });
    expect(room.view.room.chat.map(({ id }) => id)).toEqual(['before', 'to me']);
  });
});
