/**
 * One lasting connection over many sockets.
 *
 * idle → connecting → greeting → ready ⇄ waiting → … → ended. Commands given while no socket is ready
 * wait for the next one, and an unanswered command is sent again, with the same id, on the next socket.
 */

import { newId } from './ids';
import { CLOSE_CODES, PROTOCOL_VERSION, type AnyCommand, type AnyMessage, type Welcome } from './protocol/generated';
import type { Position } from './recovery';
import { Refusal, refusalOf } from './refusal';
import { backoffMs, type Timer, type Timing } from './timing';

export type Phase = 'idle' | 'connecting' | 'greeting' | 'ready' | 'waiting' | 'ended';

/** Why we shall not come back. */
export type Ending = 'stopped' | 'banned' | 'too_old' | 'not_found' | 'refused';

export interface Wire {
  send(text: string): void;
  close(): void;
}

export interface WireEvents {
  opened(): void;
  received(text: string): void;
  /** `withinMs`: the server spreads those it closes together over so long. */
  closed(code: number, withinMs?: number): void;
}

export interface Greeting {
  token: string | null;
  room: string | null;
  position: Position | null;
  isLight?: boolean;
  /** Counts this page once among those who came, as long as it has no token. */
  visitor?: string;
}

export interface ConnectionOptions {
  open(events: WireEvents): Wire;
  timing: Timing;
  /** What the next hello says. Asked anew for every socket; may take a while to get a token. */
  greet(): Promise<Greeting>;
  /** The token was not accepted: the next `greet` has to bring another one, or none. */
  distrust(): void;
  onWelcome(welcome: Welcome): void;
  /** Everything that is not a reply. */
  onMessage(message: AnyMessage): void;
  onPhase(phase: Phase, ending: Ending | null): void;
}

/** A command without its id: we make that. */
export type Request = AnyCommand extends infer Each ? (Each extends AnyCommand ? Omit<Each, 'id'> : never) : never;

interface Pending {
  text: string;
  isResent: boolean;
  sentOn: Attempt | null;
  deadline: Timer;
  resolve(value: unknown): void;
  reject(error: Refusal): void;
}

/** One socket, from its opening to its end. */
interface Attempt {
  wire: Wire;
  helloId: string;
  isWelcome: boolean;
}

const GREETING_TIMEOUT_MS = 10_000;
const REPLY_TIMEOUT_MS = 15_000;
const PROBE_TIMEOUT_MS = 4_000;
const DEFAULT_BEAT_S = 25;
const NUDGED_WITHIN_MS = 300;
const STUCK_AFTER_MS = 2_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<string, Pending>();
  #phase: Phase = 'idle';
  #current: Attempt | null = null;
  /** The next socket while the current one still serves: make before break. */
  #successor: Attempt | null = null;
  #failures = 0;
  /** Until when the server does not want another socket of ours. */
  #closedUntil = 0;
  #openedAt = 0;
  #beatMs = DEFAULT_BEAT_S * 1000;
  #wait: Timer | null = null;
  #silence: Timer | null = null;
  #greetingDeadline: Timer | null = null;
  #opening = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#phase;
  }

  start(): void {
    if (this.#phase === 'idle') this.#connect();
  }

  stop(): void {
    this.#end('stopped');
  }

  /** The network or the page came back: try at once, and do not trust an old socket. */
  nudge(): void {
    // what failed before says nothing of the network there is now: the next waits are short ones again
    this.#failures = 0;
    if (this.#phase === 'ready') this.#probe();
    else if (this.#phase === 'waiting') this.#soon();
    else if (this.#isStuck()) {
      this.#abandon(this.#current);
      this.#current = null;
      this.#opening += 1;
      this.#greetingDeadline?.cancel();
      this.#enter('waiting');
      this.#soon();
    }
  }

  /** A socket that was asked for before the network went may never say a word. */
  #isStuck(): boolean {
    const isOpening = this.#phase === 'connecting' || this.#phase === 'greeting';
    return isOpening && this.#options.timing.mono() - this.#openedAt > STUCK_AFTER_MS;
  }

  /** A whole house may be back at once; and a wait that the server asked for is still waited. */
  #soon(): void {
    const { timing } = this.#options;
    this.#wait?.cancel();
    this.#wait = timing.after(Math.max(this.#closedMs(), timing.random() * NUDGED_WITHIN_MS), () => this.#connect());
  }

  /** The network is gone for sure; nothing is to be expected of the socket. */
  cut(): void {
    if (this.#current !== null) this.#lost(this.#current, 1006);
  }

  /**
   * Sends a command and gives its reply.
   *
   * `isResent: false` is for what is worthless later (likes): it fails at once while offline.
   * Rejects with `Refusal`; code `offline` when no answer came in time, and it may have had effect.
   */
  request<Reply>(
    command: Request,
    options: { id?: string; timeoutMs?: number; isResent?: boolean } = {},
  ): Promise<Reply> {
    const id = options.id ?? newId();
    const { timeoutMs = REPLY_TIMEOUT_MS, isResent = true } = options;
    return new Promise<Reply>((resolve, reject) => {
      if (this.#phase === 'ended' || (!isResent && this.#phase !== 'ready')) {
        reject(new Refusal('offline'));
        return;
      }
      const deadline = this.#options.timing.after(timeoutMs, () => {
        this.#pending.delete(id);
        reject(new Refusal('offline'));
      });
      const pending: Pending = {
        text: JSON.stringify({ ...command, id }),
        isResent,
        sentOn: null,
        deadline,
        resolve: resolve as (value: unknown) => void,
        reject,
      };
      this.#pending.set(id, pending);
      if (this.#phase === 'ready' && this.#current !== null) this.#write(this.#current, pending);
    });
  }

  #write(attempt: Attempt, pending: Pending): void {
    pending.sentOn = attempt;
    attempt.wire.send(pending.text);
  }

  #enter(phase: Phase, ending: Ending | null = null): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#options.onPhase(phase, ending);
  }

  #connect(): void {
    this.#wait = null;
    this.#openedAt = this.#options.timing.mono();
    this.#enter('connecting');
    this.#expectWelcome();
    void this.#open((attempt) => {
      this.#current = attempt;
    });
  }

  #expectWelcome(): void {
    this.#greetingDeadline?.cancel();
    this.#greetingDeadline = this.#options.timing.after(GREETING_TIMEOUT_MS, () => {
      this.#abandon(this.#current);
      this.#current = null;
      this.#retry();
    });
  }

  async #open(place: (attempt: Attempt) => void): Promise<void> {
    const opening = ++this.#opening;
    const greeting = await this.#options.greet();
    if (opening !== this.#opening || this.#phase === 'ended') return;
    const { token, room, position, isLight, visitor } = greeting;
    const helloId = newId();
    const hello = {
      t: 'hello',
      id: helloId,
      version: PROTOCOL_VERSION,
      ...(token === null ? { visitor } : { token }),
      ...(room === null ? {} : { room }),
      ...position,
      ...(isLight ? { light: true } : {}),
    };
    let attempt: Attempt | null = null;
    const wire = this.#options.open({
      opened: () => {
        if (attempt === null || !this.#knows(attempt)) return;
        if (attempt === this.#current) this.#enter('greeting');
        attempt.wire.send(JSON.stringify(hello));
      },
      received: (text) => {
        if (attempt !== null && this.#knows(attempt)) this.#receive(attempt, text);
      },
      closed: (code, withinMs = 0) => {
        if (attempt === null || !this.#knows(attempt)) return;
        if (withinMs > 0) this.#stayAway(this.#options.timing.random() * withinMs);
        this.#lost(attempt, code);
      },
    });
    attempt = { wire, helloId, isWelcome: false };
    place(attempt);
  }

  #knows(attempt: Attempt): boolean {
    return attempt === this.#current || attempt === this.#successor;
  }

  #receive(attempt: Attempt, text: string): void {
    const message = JSON.parse(text) as AnyMessage;
    if (attempt === this.#current) this.#listen();
    switch (message.t) {
      case 'welcome':
        this.#welcomed(attempt, message);
        return;
      case 'ok':
        this.#settle(message.id)?.resolve(message.d);
        return;
      case 'err':
        if (message.id === attempt.helloId || (message.id ?? null) === null) {
          this.#turnedAway(attempt, refusalOf(message));
        } else {
          this.#settle(message.id as string)?.reject(refusalOf(message));
        }
        return;
      case 'moved':
        this.#handOver(attempt, this.#options.timing.random() * message.in_ms); // at a moment of our own
        return;
      default:
        // What one of two sockets says of the room is also told by the other; but who is told something
        // for himself may be told by the next one alone, before its welcome.
        if (attempt === this.#current || message.t === 'told') this.#options.onMessage(message);
    }
  }

  #settle(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.deadline.cancel();
    return pending;
  }

  #welcomed(attempt: Attempt, welcome: Welcome): void {
    attempt.isWelcome = true;
    if (attempt === this.#successor) {
      const old = this.#current;
      this.#successor = null;
      this.#current = attempt;
      this.#abandon(old);
    }
    this.#greetingDeadline?.cancel();
    this.#failures = 0;
    this.#closedUntil = 0;
    this.#beatMs = welcome.beat_s * 1000;
    this.#options.onWelcome(welcome);
    this.#enter('ready');
    this.#listen();
    for (const [id, pending] of this.#pending) {
      if (pending.sentOn === attempt) continue;
      if (pending.sentOn === null || pending.isResent) this.#write(attempt, pending);
      else this.#settle(id)?.reject(new Refusal('offline'));
    }
  }

  /** An error that answers no command: the hello was refused, or the socket is about to close. */
  #turnedAway(attempt: Attempt, refusal: Refusal): void {
    if (attempt.isWelcome) return; // the close code that follows tells what to do
    switch (refusal.code) {
      case 'banned':
        return this.#end('banned');
      case 'protocol_too_old':
        return this.#end('too_old');
      case 'not_found':
        return this.#end('not_found');
      case 'unauthenticated':
        this.#options.distrust();
        break;
      default:
        // a node that does not know all of our greeting is about to be replaced by one of our version
        if (refusal.retry === 'never' && refusal.code !== 'unknown_field') return this.#end('refused');
        this.#stayAway(refusal.afterMs ?? 0);
    }
    this.#lost(attempt, 1006);
  }

  #lost(attempt: Attempt, code: number): void {
    if (attempt === this.#successor) {
      this.#successor = null;
      this.#abandon(attempt);
      this.#handOver(this.#current, this.#againMs()); // the current one goes on until the server closes it
      return;
    }
    this.#abandon(attempt);
    this.#current = null;
    this.#silence?.cancel();
    this.#greetingDeadline?.cancel();
    if (code === CLOSE_CODES.banned) return this.#end('banned');
    if (code === CLOSE_CODES.protocol_too_old) return this.#end('too_old');
    if (code >= 4500 && code < 5000) return this.#end('refused');
    if (code === CLOSE_CODES.token_expired || code === CLOSE_CODES.signed_out) this.#options.distrust();
    for (const [id, pending] of this.#pending) {
      if (!pending.isResent) this.#settle(id)?.reject(new Refusal('offline'));
    }
    if (this.#successor !== null) {
      this.#current = this.#successor;
      this.#successor = null;
      this.#enter('connecting');
      this.#expectWelcome();
      return;
    }
    this.#retry();
  }

  #retry(): void {
    this.#opening += 1; // a socket that waits for its greeting still would come beside the next one
    this.#enter('waiting');
    this.#wait?.cancel();
    this.#wait = this.#options.timing.after(this.#againMs(), () => this.#connect());
  }

  #stayAway(ms: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, this.#options.timing.mono() + ms);
  }

  #closedMs(): number {
    return Math.max(0, this.#closedUntil - this.#options.timing.mono());
  }

  /** After another failure: what the server asked for, and a longer wait of our own each time. */
  #againMs(): number {
    return this.#closedMs() + backoffMs(this.#failures++, this.#options.timing.random());
  }

  /** The node of this socket is closing: be somewhere else before it does. */
  #handOver(leaving: Attempt | null, afterMs: number): void {
    this.#options.timing.after(afterMs, () => {
      // lost meanwhile, it has been replaced
      if (this.#current !== leaving || this.#phase !== 'ready' || this.#successor !== null) return;
      void this.#open((attempt) => {
        this.#successor = attempt;
      });
    });
  }

  /** Starts the watch for silence anew: half a beat late we ask, one and a half we leave. */
  #listen(): void {
    this.#silence?.cancel();
    if (this.#phase !== 'ready') return;
    this.#silence = this.#options.timing.after(this.#beatMs * 1.25, () => this.#probe());
  }

  #probe(): void {
    const probed = this.#current;
    if (probed === null) return;
    this.#silence?.cancel();
    this.#silence = this.#options.timing.after(Math.min(PROBE_TIMEOUT_MS, this.#beatMs / 4), () => {
      if (probed === this.#current) this.#lost(probed, 1006);
    });
    probed.wire.send(JSON.stringify({ t: 'ping', id: newId() }));
  }

  #abandon(attempt: Attempt | null): void {
    attempt?.wire.close();
  }

  #end(ending: Ending): void {
    this.#opening += 1;
    for (const timer of [this.#wait, this.#silence, this.#greetingDeadline]) timer?.cancel();
    const attempts = [this.#current, this.#successor];
    this.#current = null;
    this.#successor = null;
    this.#enter('ended', ending);
    for (const attempt of attempts) this.#abandon(attempt);
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(new Refusal('offline'));
  }
}

const canInflate = 'DecompressionStream' in globalThis;

function inflated(data: Blob): Promise<string> {
  return new Response(data.stream().pipeThrough(new DecompressionStream('deflate-raw'))).text();
}

/** A `WebSocket` as a `Wire`. */
export function openWebSocket(url: string): (events: WireEvents) => Wire {
  return (events) => {
    const plain = 'livecommerce.v1.json';
    const socket = new WebSocket(url, canInflate ? [`${plain}.deflate`, plain] : plain);
    // what is deflated takes a moment, and what comes after it must not overtake it
    let last: Promise<void> = Promise.resolve();
    const inTurn = (run: () => void | Promise<void>) => {
      last = last.then(run).catch(console.error);
    };
    socket.onopen = () => events.opened();
    socket.onmessage = ({ data }: MessageEvent<string | Blob>) =>
      inTurn(async () => events.received(typeof data === 'string' ? data : await inflated(data)));
    socket.onclose = ({ code, reason }) => inTurn(() => events.closed(code, Number(reason.split('=')[1] ?? 0)));
    return {
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => socket.close(1000),
    };
  };
}
