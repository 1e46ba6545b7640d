import { describe, expect, it } from 'vitest';
import { EMPTY_ROOM, apply } from '../../core/room-state';
import type { Sanctioned, SanctionList, SanctionView } from '../../core/protocol/generated';
import { Sanctions } from './sanctions.svelte';

function event(n: number, person: string, kind: string, until: number | null = null): Sanctioned {
  return { t: 'sanctioned', id: `e${n}`, at: n, by: 'host', kind, name: person, person_id: person, until };
}

function view(at: number, person: string, until: number | null = null): SanctionView {
  return { at, by: 'host', kind: until === null ? 'ban' : 'time_out', name: person, person_id: person, until };
}

function names(sanctions: Sanctions, now = 0): string[] {
  return sanctions.at(now).map(({ name }) => name);
}

/** A server that answers when it is told to. */
function server() {
  const asked: { answer: (list: SanctionView[]) => void; fail: () => void }[] = [];
  const ask = () =>
    new Promise<SanctionList>((resolve, reject) => {
      asked.push({ answer: (list) => resolve({ sanctions: list }), fail: () => reject(new Error('away')) });
    });
  return { asked, ask };
}

describe('who is silenced', () => {
  it('is who was before, without who was let off since', async () => {
    const { asked, ask } = server();
    const sanctions = new Sanctions(ask);
    const loaded = sanctions.load();
    sanctions.hear([event(3, 'Omar', 'ban'), event(2, 'Sara', 'lifted')]);
    asked[0]?.answer([view(1, 'Sara'), view(0, 'Noura')]);
    await loaded;
    expect(names(sanctions)).toEqual(['Omar', 'Noura']);
  });

  it('is not who was let off long ago, however much was decided since', async () => {
    const { asked, ask } = server();
    const sanctions = new Sanctions(ask);
    const loaded = sanctions.load();
    asked[0]?.answer([view(0, 'Sara')]);
    await loaded;
    let room = apply(EMPTY_ROOM, [event(1, 'Sara', 'lifted')]);
    sanctions.hear(room.sanctions);
    for (let n = 2; n < 70; n++) {
      room = apply(room, [event(n, `p${n}`, n % 2 === 0 ? 'ban' : 'lifted')]);
      sanctions.hear(room.sanctions);
    }
    expect(room.sanctions.some(({ name }) => name === 'Sara')).toBe(false);
    expect(names(sanctions)).not.toContain('Sara');
    expect(names(sanctions)).toHaveLength(34);
    expect(asked).toHaveLength(1);
  });

  it('is asked for anew when more happened at once than the room keeps', async () => {
    const { asked, ask } = server();
    const sanctions = new Sanctions(ask);
    sanctions.hear([event(1, 'Sara', 'ban')]);
    sanctions.hear([event(60, 'Omar', 'ban')]);
    expect(asked).toHaveLength(1);
    asked[0]?.answer([view(60, 'Omar')]);
    await Promise.resolve();
    await Promise.resolve();
    expect(names(sanctions)).toEqual(['Omar']);
  });

  it('runs out with its time', () => {
    const sanctions = new Sanctions(server().ask);
    sanctions.hear([event(1, 'Sara', 'time_out', 1000)]);
    expect(names(sanctions, 999)).toEqual(['Sara']);
    expect(names(sanctions, 1000)).toEqual([]);
  });

  it('is unknown when it could not be read, and keeps what was known', async () => {
    const { asked, ask } = server();
    const sanctions = new Sanctions(ask);
    const first = sanctions.load();
    asked[0]?.fail();
    await first;
    expect(sanctions.isUnknown).toBe(true);
    sanctions.hear([event(1, 'Sara', 'ban')]);
    const second = sanctions.load();
    asked[1]?.fail();
    await second;
    expect(names(sanctions)).toEqual(['Sara']);
    const third = sanctions.load();
    asked[2]?.answer([]);
    await third;
    expect(sanctions.isUnknown).toBe(false);
    expect(names(sanctions)).toEqual([]);
  });

  it('is as the last answer says, not as a late one', async () => {
    const { asked, ask } = server();
    const sanctions = new Sanctions(ask);
    const both = [sanctions.load(), sanctions.load()];
    asked[1]?.answer([view(1, 'Omar')]);
    asked[0]?.answer([view(0, 'Sara')]);
    await Promise.all(both);
    expect(names(sanctions)).toEqual(['Omar']);
  });
});
