/** A room kept live: connection, recovery, clock and state, told to the page once a frame at most. */

import type { ServerClock } from './clock';
import { Connection, type Ending, type Phase, type Request, type Wire, type WireEvents } from './connection';
import { newId } from './ids';
import type { AnyEvent, AnyMessage, Joined, Pong, Welcome } from './protocol/generated';
import { receive, type Position } from './recovery';
import { EMPTY_ROOM, apply, type RoomState } from './room-state';
import type { Timer, Timing } from './timing';

export interface LiveRoomOptions {
  roomId: string;
  open(events: WireEvents): Wire;
  timing: Timing;
  clock: ServerClock;
  /** Runs what it is given before the next picture is painted. */
  frame(run: () => void): void;
  token(): Promise<string | null>;
  distrust(): void;
  onChange(view: LiveView): void;
  /** Events that are worth a moment and are not part of the state, and those told to us alone. */
  onEvent(event: AnyEvent, isTold: boolean): void;
}

export interface LiveView {
  room: RoomState;
  phase: Phase;
  ending: Ending | null;
  welcome: Welcome | null;
  /** What we may do in this room. */
  capabilities: readonly string[];
  /** False until the first snapshot. */
  isKnown: boolean;
}

const FIRST_PINGS = 5;
const PING_GAP_MS = 250;
const PING_EVERY_MS = 60_000;
const ASK_AGAIN_MS = 10_000;
const ASK_WITHIN_MS = 1_500;
/** Of a page that nobody looks at; in a smaller room there is little to be spared. */
const LIGHT_AFTER_MS = 5_000;
const LIGHT_FROM_VIEWERS = 500;

export class LiveRoom {
  readonly #options: LiveRoomOptions;
  readonly #connection: Connection;
  #view: LiveView = {
    room: EMPTY_ROOM,
    phase: 'idle',
    ending: null,
    welcome: null,
    capabilities: [],
    isKnown: false,
  };
  #position: Position | null = null;
  #isTelling = false;
  #asking: Timer | null = null;
  #pinging: Timer | null = null;
  #hiding: Timer | null = null;
  #isLight = false;
  readonly #visitor = newId();

  constructor(options: LiveRoomOptions) {
    this.#options = options;
    this.#connection = new Connection({
      open: (events) => options.open(events),
      timing: options.timing,
      greet: async () => ({
        token: await options.token(),
        room: options.roomId,
        position: this.#position,
        isLight: this.#isLight,
        visitor: this.#visitor,
      }),
      distrust: () => options.distrust(),
      onWelcome: (welcome) => this.#welcomed(welcome),
      onMessage: (message) => this.#receive(message),
      onPhase: (phase, ending) => this.#change({ phase, ending }),
    });
  }

  get view(): LiveView {
    return this.#view;
  }

  start(): void {
    this.#connection.start();
  }

  stop(): void {
    this.#hiding?.cancel();
    this.#asking?.cancel();
    this.#pinging?.cancel();
    this.#connection.stop();
  }

  nudge(): void {
    this.#connection.nudge();
  }

  cut(): void {
    this.#connection.cut();
  }

  /** A page that nobody looks at hears what changes, but not all that is said; seen again, it is shown the room. */
  look(isSeen: boolean): void {
    this.#hiding?.cancel();
    if (!isSeen) this.#hiding = this.#options.timing.after(LIGHT_AFTER_MS, () => this.#lighten());
    else if (this.#isLight) {
      this.#isLight = false;
      this.#seeAnew();
    }
  }

  /** Our position stays until the snapshot is here: without one nothing that comes could be shown. */
  #seeAnew(): void {
    if (this.#isLight || this.#connection.phase === 'ended') return;
    this.#join(null).catch(() => this.#options.timing.after(ASK_AGAIN_MS, () => this.#seeAnew()));
  }

  #lighten(): void {
    if (this.#isLight || this.#view.room.viewers < LIGHT_FROM_VIEWERS) return;
    this.#isLight = true;
    this.#join().catch(() => undefined);
  }

  request<Reply>(
    command: Request,
    options?: { id?: string; timeoutMs?: number; isResent?: boolean },
  ): Promise<Reply> {
    return this.#connection.request<Reply>(command, options);
  }

  /** What came with the page, shown until the first snapshot replaces it. */
  seed(part: Partial<RoomState>): void {
    this.#change({ room: { ...EMPTY_ROOM, ...part } });
  }

  /** Who we are has changed: the connection takes the new token, and the room is entered as them. */
  async identify(token: string): Promise<void> {
    if (this.#connection.phase !== 'ready') return; // the next hello brings it
    await this.#connection.request({ t: 'renew', token });
    await this.#join();
  }

  #welcomed(welcome: Welcome): void {
    this.#options.clock.hint(welcome.now);
    this.#change({ welcome, capabilities: welcome.capabilities ?? [] });
    this.#pinging?.cancel();
    this.#ping(FIRST_PINGS);
  }

  #ping(left: number): void {
    const sentAt = this.#options.timing.mono();
    this.#connection.request<Pong>({ t: 'ping' }, { isResent: false }).then(
      (pong) => this.#options.clock.sample(sentAt, pong.now),
      () => undefined,
    );
    const gap = left > 1 ? PING_GAP_MS : PING_EVERY_MS;
    this.#pinging = this.#options.timing.after(gap, () => this.#ping(Math.max(1, left - 1)));
  }

  #receive(message: AnyMessage): void {
    switch (message.t) {
      case 'snapshot':
      case 'recovered':
      case 'batch':
      case 'beat':
        break;
      case 'told':
        // a line of one's own, or to oneself, that the room is not shown
        if (message.event.t === 'chat_posted')
          this.#change({ room: apply(this.#view.room, [message.event]) });
        this.#options.onEvent(message.event, true);
        return;
      case 'regraded':
        if (message.room === this.#options.roomId) this.#change({ capabilities: message.capabilities });
        return;
      default:
        return;
    }
    if (message.room !== this.#options.roomId) return;
    if ('now' in message) this.#options.clock.hint(message.now);
    const outcome = receive(this.#position, message);
    this.#position = outcome.position;
    if (outcome.kind === 'behind') {
      this.#catchUp();
    } else if (message.t === 'snapshot' || message.t === 'recovered') {
      this.#asking?.cancel();
      this.#asking = null;
    }
    const isReplaced = outcome.kind === 'replace';
    if (outcome.events.length > 0 || isReplaced) {
      const before = isReplaced ? EMPTY_ROOM : this.#view.room;
      this.#change({ room: apply(before, outcome.events), isKnown: this.#view.isKnown || isReplaced });
    }
    if (message.t === 'batch') for (const event of outcome.events) this.#options.onEvent(event, false);
  }

  /** Asks for what is missing, at a moment of our own: a whole room may have noticed at once. */
  #catchUp(): void {
    if (this.#asking !== null) return;
    const { timing } = this.#options;
    this.#asking = timing.after(timing.random() * ASK_WITHIN_MS, () => {
      this.#asking = timing.after(ASK_AGAIN_MS, () => {
        this.#asking = null;
      });
      this.#join().catch(() => undefined);
    });
  }

  async #join(position = this.#position): Promise<void> {
    const { capabilities } = await this.#connection.request<Joined>({
      t: 'join',
      room: this.#options.roomId,
      ...position,
      ...(this.#isLight ? { light: true } : {}),
    });
    this.#change({ capabilities });
  }

  #change(part: Partial<LiveView>): void {
    this.#view = { ...this.#view, ...part };
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#options.frame(() => {
      this.#isTelling = false;
      this.#options.onChange(this.#view);
    });
  }
}
