/** Where we are in a room's order of events, and what an arriving frame means for it. Pure. */

import type { AnyEvent, Batch, Beat, Recovered, Snapshot } from './protocol/generated';

export interface Position {
  epoch: string;
  offset: number;
}

export type RoomFrame = Snapshot | Recovered | Batch | Beat;

export type Outcome =
  /** Apply these, in this order. */
  | { kind: 'apply'; position: Position | null; events: readonly AnyEvent[] }
  /** Forget the room and begin with these. */
  | { kind: 'replace'; position: Position; events: readonly AnyEvent[] }
  /** Something is missing: ask again from `position`. Volatile values may be shown meanwhile. */
  | { kind: 'behind'; position: Position | null; events: readonly AnyEvent[] };

export function receive(position: Position | null, frame: RoomFrame): Outcome {
  switch (frame.t) {
    case 'snapshot':
      return {
        kind: 'replace',
        position: { epoch: frame.epoch, offset: frame.offset },
        events: [...frame.state, ...frame.recent, ...frame.volatile],
      };
    case 'recovered':
      return recovered(position, frame);
    case 'batch':
      return batch(position, frame);
    case 'beat':
      return beat(position, frame);
  }
}

function recovered(position: Position | null, frame: Recovered): Outcome {
  if (position === null || position.epoch !== frame.epoch) {
    return { kind: 'behind', position: null, events: frame.volatile };
  }
  const offset = Math.max(position.offset, frame.offset);
  return {
    kind: 'apply',
    position: { epoch: frame.epoch, offset },
    events: [...frame.events, ...frame.volatile],
  };
}

function batch(position: Position | null, frame: Batch): Outcome {
  const volatile = frame.volatile ?? [];
  const { first, last } = frame;
  if (first === undefined || first === null || last === undefined || last === null) {
    return { kind: 'apply', position, events: volatile };
  }
  // Before the snapshot there is nothing to add to; it will hold these events.
  if (position === null) return { kind: 'apply', position, events: [] };
  if (frame.epoch !== position.epoch || first > position.offset + 1) {
    return { kind: 'behind', position, events: volatile };
  }
  if (last <= position.offset) return { kind: 'apply', position, events: volatile };
  return {
    kind: 'apply',
    position: { epoch: position.epoch, offset: last },
    events: [...(frame.events ?? []), ...volatile],
  };
}

function beat(position: Position | null, frame: Beat): Outcome {
  if (position === null) return { kind: 'apply', position, events: [] };
  const isBehind = frame.epoch !== position.epoch || frame.last > position.offset;
  return { kind: isBehind ? 'behind' : 'apply', position, events: [] };
}
