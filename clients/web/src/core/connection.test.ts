import { beforeEach, describe, expect, it } from 'vitest';
import { Connection, type Ending, type Phase, type Wire, type WireEvents } from './connection';
import { FakeTiming, settled } from './fake-timing';
import type { AnyMessage, Welcome } from './protocol/generated';
import type { Refusal } from './refusal';

class FakeWire implements Wire {
  readonly sent: Record<string, unknown>[] = [];
  isClosed = false;
  readonly events: WireEvents;

  constructor(events: WireEvents) {
    this.events = events;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.isClosed = true;
  }

  says(message: AnyMessage | Record<string, unknown>): void {
    this.events.received(JSON.stringify(message));
  }

  get hello(): Record<string, unknown> {
    return this.sent.find((frame) => frame['t'] === 'hello') ?? {};
  }

  welcomes(): void {
    this.events.opened();
    const welcome: Welcome = { t: 'welcome', id: String(this.hello['id']), now: 5, node: 'n', beat_s: 20 };
    this.says(welcome);
  }

  got(tag: string): Record<string, unknown>[] {
    return this.sent.filter((frame) => frame['t'] === tag);
  }
}

let timing: FakeTiming;
let wires: FakeWire[];
let phases: Phase[];
let endings: (Ending | null)[];
let messages: AnyMessage[];
let distrusted: number;
let connection: Connection;
/** What the next greeting waits for. */
let greeted: Promise<void>;

function last(): FakeWire {
  const wire = wires.at(-1);
  if (wire === undefined) throw new Error('no socket was opened');
  return wire;
}

beforeEach(() => {
  timing = new FakeTiming();
  wires = [];
  phases = [];
  endings = [];
  messages = [];
  distrusted = 0;
  greeted = Promise.resolve();
  connection = new Connection({
    open: (events) => {
      const wire = new FakeWire(events);
      wires.push(wire);
      return wire;
    },
    timing,
    greet: async () => {
      await greeted;
      return { token: 'token-1', room: 'room1', position: { epoch: 'e', offset: 7 } };
    },
    distrust: () => {
      distrusted += 1;
    },
    onWelcome: () => undefined,
    onMessage: (message) => messages.push(message),
    onPhase: (phase, ending) => {
      phases.push(phase);
      endings.push(ending);
    },
  });
});

async function ready(): Promise<void> {
  connection.start();
  await settled();
  last().welcomes();
}

describe('connection', () => {
  it('greets with token, room and position', async () => {
    await ready();
    expect(last().hello).toMatchObject({ t: 'hello', version: 1, token: 'token-1', room: 'room1', epoch: 'e', offset: 7 });
    expect(phases).toEqual(['connecting', 'greeting', 'ready']);
  });

  it('gives a command the reply with its id', async () => {
    await ready();
    const reply = connection.request<{ now: number }>({ t: 'ping' });
    last().says({ t: 'ok', id: last().got('ping')[0]?.['id'], d: { now: 9 } });
    await expect(reply).resolves.toEqual({ now: 9 });
  });

  it('rejects with the code, the field and the wait the server tells', async () => {
    await ready();
    const reply = connection.request({ t: 'send_chat', text: 'hi' });
    last().says({ t: 'err', id: last().got('send_chat')[0]?.['id'], code: 'slow_mode', retry: 'after', after_ms: 3000 });
    await expect(reply).rejects.toMatchObject({ code: 'slow_mode', retry: 'after', afterMs: 3000 } satisfies Partial<Refusal>);
  });

  it('sends an unanswered command again with the same id on the next socket', async () => {
    await ready();
    const reply = connection.request<unknown>({ t: 'send_chat', text: 'hi' }, { id: 'my-own-id-1234567890' });
    last().events.closed(1006);
    await timing.pass(1000);
    last().welcomes();
    expect(wires).toHaveLength(2);
    expect(last().got('send_chat')).toEqual([{ t: 'send_chat', text: 'hi', id: 'my-own-id-1234567890' }]);
    last().says({ t: 'ok', id: 'my-own-id-1234567890', d: {} });
    await expect(reply).resolves.toEqual({});
  });

  it('does not keep likes for later', async () => {
    await ready();
    const reply = connection.request({ t: 'send_likes', count: 3 }, { isResent: false });
    last().events.closed(1006);
    await expect(reply).rejects.toMatchObject({ code: 'offline' });
    await expect(connection.request({ t: 'send_likes', count: 3 }, { isResent: false })).rejects.toMatchObject({ code: 'offline' });
  });

  it('waits longer after each failure, never more than the cap', async () => {
    timing.chance = 1;
    connection.start();
    await settled();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const before = timing.mono();
      const opened = wires.length;
      last().events.closed(1006);
      while (wires.length === opened) await timing.pass(50);
      waits.push(timing.mono() - before);
    }
    expect(waits[0]).toBeLessThanOrEqual(600);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(Math.max(...waits)).toBeLessThanOrEqual(20_100);
  });

  it('tries at once when the network is back', async () => {
    timing.chance = 1;
    await ready();
    for (let i = 0; i < 5; i++) {
      last().events.closed(1006);
      await timing.pass(i < 4 ? 30_000 : 0);
    }
    const opened = wires.length;
    connection.nudge();
    await timing.pass(300);
    expect(wires).toHaveLength(opened + 1);
    // the first try may be too early: the second one does not wait as long as those before
    last().events.closed(1006);
    await timing.pass(600);
    expect(wires).toHaveLength(opened + 2);
  });

  it('nudged twice comes back once', async () => {
    await ready();
    last().events.closed(1006);
    connection.nudge();
    connection.nudge();
    await timing.pass(400);
    expect(wires).toHaveLength(2);
  });

  it('waits as long as the server asked, whatever the network does', async () => {
    connection.start();
    await settled();
    last().events.opened();
    last().says({ t: 'err', id: last().hello['id'], code: 'server_busy', retry: 'after', after_ms: 5000 });
    await timing.pass(1000);
    connection.nudge();
    await timing.pass(3900);
    expect(wires).toHaveLength(1);
    await timing.pass(200);
    expect(wires).toHaveLength(2);
  });

  it('leaves a socket that was being opened when the network went', async () => {
    connection.start();
    await settled();
    connection.nudge();
    await timing.pass(1000);
    expect(wires).toHaveLength(1); // it has only just been asked for
    await timing.pass(1500);
    connection.nudge();
    await timing.pass(300);
    expect(wires).toHaveLength(2);
    expect(wires[0]?.isClosed).toBe(true);
    last().welcomes();
    expect(connection.phase).toBe('ready');
    await timing.pass(11_000); // the old one's deadline went with it
    expect(connection.phase).toBe('ready');
  });

  it.each([
    [4500, 'banned'],
    [4501, 'too_old'],
    [4502, 'refused'],
  ] as const)('does not come back after close %i', async (code, ending) => {
    await ready();
    last().events.closed(code);
    await timing.pass(120_000);
    expect(wires).toHaveLength(1);
    expect(connection.phase).toBe('ended');
    expect(endings.at(-1)).toBe(ending);
    await expect(connection.request({ t: 'ping' })).rejects.toMatchObject({ code: 'offline' });
  });

  it.each([1001, 1006, 1011, 4001, 4008, 4012, 4029])('comes back after close %i', async (code) => {
    await ready();
    last().events.closed(code);
    await timing.pass(2000);
    expect(wires).toHaveLength(2);
    expect(distrusted).toBe(0);
  });

  it('comes back at a moment of its own when many were closed at once', async () => {
    timing.chance = 0.5;
    await ready();
    last().events.closed(4001, 8_000);
    await timing.pass(3_900);
    connection.nudge();
    await timing.pass(50);
    expect(wires).toHaveLength(1);
    await timing.pass(500);
    expect(wires).toHaveLength(2);
  });

  it.each([4002, 4401])('asks for another token after close %i', async (code) => {
    await ready();
    last().events.closed(code);
    await timing.pass(2000);
    expect(distrusted).toBe(1);
    expect(wires).toHaveLength(2);
  });

  it('asks for another token when the hello is not believed', async () => {
    connection.start();
    await settled();
    last().events.opened();
    last().says({ t: 'err', id: last().hello['id'], code: 'unauthenticated', retry: 'reconnect' });
    await timing.pass(1000);
    expect(distrusted).toBe(1);
    expect(wires).toHaveLength(2);
  });

  it('waits as long as a busy server asks', async () => {
    connection.start();
    await settled();
    last().events.opened();
    last().says({ t: 'err', id: last().hello['id'], code: 'server_busy', retry: 'after', after_ms: 5000 });
    await timing.pass(4900);
    expect(wires).toHaveLength(1);
    await timing.pass(1000);
    expect(wires).toHaveLength(2);
  });

  it('ends for a room that does not exist', async () => {
    connection.start();
    await settled();
    last().events.opened();
    last().says({ t: 'err', id: last().hello['id'], code: 'not_found', retry: 'never' });
    expect(endings.at(-1)).toBe('not_found');
  });

  it('comes back to a node of an older version, which is about to be replaced', async () => {
    connection.start();
    await settled();
    last().events.opened();
    last().says({ t: 'err', id: last().hello['id'], code: 'unknown_field', retry: 'never' });
    await timing.pass(1_000);
    expect(wires).toHaveLength(2);
    last().welcomes();
    expect(connection.phase).toBe('ready');
  });

  it('asks when nothing is heard, and leaves a socket that does not answer', async () => {
    await ready();
    await timing.pass(25_000);
    expect(last().got('ping')).toHaveLength(1);
    await timing.pass(6_000);
    expect(wires).toHaveLength(2);
  });

  it('stays with a socket that is heard from', async () => {
    await ready();
    for (let i = 0; i < 10; i++) {
      await timing.pass(20_000);
      last().says({ t: 'beat', room: 'room1', epoch: 'e', last: 7, now: 1 });
    }
    expect(wires).toHaveLength(1);
    expect(messages).toHaveLength(10);
  });

  it('opens the next socket before it leaves a node that is closing', async () => {
    await ready();
    const first = last();
    const reply = connection.request<unknown>({ t: 'send_chat', text: 'hi' });
    first.says({ t: 'moved', in_ms: 2000 });
    await timing.pass(2000);
    expect(wires).toHaveLength(2);
    expect(first.isClosed).toBe(false);
    expect(connection.phase).toBe('ready');
    last().welcomes();
    expect(first.isClosed).toBe(true);
    expect(last().got('send_chat')).toHaveLength(1);
    last().says({ t: 'ok', id: last().got('send_chat')[0]?.['id'], d: {} });
    await expect(reply).resolves.toEqual({});
    expect(phases.filter((phase) => phase === 'waiting')).toHaveLength(0);
  });

  it('says nothing twice that is worthless later, when it moves', async () => {
    await ready();
    const reply = connection.request({ t: 'send_likes', count: 3 }, { isResent: false });
    const refused = expect(reply).rejects.toMatchObject({ code: 'offline' });
    last().says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    last().welcomes();
    await refused;
    expect(last().got('send_likes')).toHaveLength(0);
  });

  it('hears what either socket has for this person alone, and of the room only one', async () => {
    await ready();
    last().says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    const told = { t: 'told', event: { t: 'order_changed', id: 'o', at: 1 } };
    last().says(told);
    last().says({ t: 'beat', room: 'room1', epoch: 'e', last: 7, now: 1 });
    expect(messages).toEqual([told]);
  });

  it('tries again to move when it was refused elsewhere', async () => {
    timing.chance = 1;
    await ready();
    const first = last();
    first.says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    last().events.closed(1006);
    expect(connection.phase).toBe('ready');
    await timing.pass(1_000);
    expect(wires).toHaveLength(3);
    last().welcomes();
    expect(first.isClosed).toBe(true);
    expect(phases).toEqual(['connecting', 'greeting', 'ready']);
  });

  it('asks elsewhere no sooner than it was told, and ever more seldom', async () => {
    timing.chance = 1;
    await ready();
    last().says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    last().events.opened();
    last().says({ t: 'err', id: last().hello['id'], code: 'server_busy', retry: 'after', after_ms: 5_000 });
    await timing.pass(4_900);
    expect(wires).toHaveLength(2);
    await timing.pass(500);
    expect(wires).toHaveLength(3);
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      const [before, opened] = [timing.mono(), wires.length];
      last().events.closed(1006);
      while (wires.length === opened) await timing.pass(50);
      waits.push(timing.mono() - before);
    }
    expect(waits[3]).toBeGreaterThan(4 * (waits[0] ?? 0));
    expect(phases).toEqual(['connecting', 'greeting', 'ready']);
  });

  it('waits as long as it was told elsewhere, though its own node closes before', async () => {
    await ready();
    last().says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    last().events.opened();
    last().says({ t: 'err', id: last().hello['id'], code: 'server_busy', retry: 'after', after_ms: 5_000 });
    wires[0]?.events.closed(4001, 1_000);
    connection.nudge();
    await timing.pass(4_900);
    expect(wires).toHaveLength(2);
    await timing.pass(1_000);
    expect(wires).toHaveLength(3);
  });

  it('does not leave the node it has come back to for one that closed', async () => {
    await ready();
    last().says({ t: 'moved', in_ms: 8_000 });
    last().events.closed(1006);
    await timing.pass(1_000);
    last().welcomes();
    await timing.pass(8_000);
    expect(connection.phase).toBe('ready');
    expect(wires).toHaveLength(2);
  });

  it('moves on from a node that began to close before its welcome', async () => {
    await ready();
    last().says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    last().events.opened();
    last().says({ t: 'moved', in_ms: 1_000 });
    last().welcomes();
    await timing.pass(1_000);
    expect(wires).toHaveLength(3);
    last().welcomes();
    expect(wires.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
    expect(phases).toEqual(['connecting', 'greeting', 'ready']);
  });

  it('opens no socket beside the next one when the node closes before the greeting is known', async () => {
    await ready();
    let know = () => {};
    greeted = new Promise((resolve) => (know = resolve));
    last().says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    last().events.closed(1006);
    know();
    await timing.pass(5_000);
    expect(wires).toHaveLength(2);
    last().welcomes();
    await timing.pass(5_000);
    expect(connection.phase).toBe('ready');
    expect(wires).toHaveLength(2);
  });

  it('waits its own time when the reason of a close is none of ours', async () => {
    await ready();
    last().events.closed(1006, Number('soon'));
    await timing.pass(100);
    expect(wires).toHaveLength(1);
    await timing.pass(5_000);
    expect(wires).toHaveLength(2);
  });

  it('leaves a next socket that never gets through when the node has closed meanwhile', async () => {
    await ready();
    last().says({ t: 'moved', in_ms: 0 });
    await timing.pass(1);
    wires[0]?.events.closed(4001);
    expect(wires).toHaveLength(2);
    expect(connection.phase).toBe('connecting');
    await timing.pass(11_000);
    expect(wires[1]?.isClosed).toBe(true);
    expect(wires.length).toBeGreaterThan(2);
  });

  it('gives up on a command that is never answered', async () => {
    await ready();
    const reply = connection.request({ t: 'ping' });
    const refused = expect(reply).rejects.toMatchObject({ code: 'offline', retry: 'same_id' });
    await timing.pass(16_000);
    await refused;
  });

  it('leaves a socket that never gets through its greeting', async () => {
    connection.start();
    await settled();
    await timing.pass(11_000);
    expect(wires.length).toBeGreaterThanOrEqual(2);
    expect(wires[0]?.isClosed).toBe(true);
  });
});
