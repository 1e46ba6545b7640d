/** Short notices to the person: seen as toasts, heard through one live region. */

export type Tone = 'plain' | 'good' | 'bad';

export interface Notice {
  id: number;
  text: string;
  tone: Tone;
  action: { label: string; run(): void } | null;
}

const SHOWN_MS = 5_000;
const SHOWN_WITH_ACTION_MS = 10_000;
const SHOWN_MAX = 3;
const HEARD_EVERY_MS = 1_200;

let next = 1;
let shown = $state.raw<readonly Notice[]>([]);
let heard = $state('');
let isPartMissing = $state(false);
const queue: string[] = [];
let isSpeaking = false;

export const notices = {
  get shown(): readonly Notice[] {
    return shown;
  },
  /** A part of the page that was wanted could not be had: the page is offered anew. */
  get isPartMissing(): boolean {
    return isPartMissing;
  },
  miss(isMissing: boolean): void {
    isPartMissing = isMissing;
  },
  /** What the live region says now. */
  get heard(): string {
    return heard;
  },
  show(text: string, tone: Tone = 'plain', action: Notice['action'] = null): number {
    const id = next++;
    shown = [...shown.slice(1 - SHOWN_MAX), { id, text, tone, action }];
    this.say(text);
    setTimeout(() => this.drop(id), action === null ? SHOWN_MS : SHOWN_WITH_ACTION_MS);
    return id;
  },
  drop(id: number): void {
    shown = shown.filter((notice) => notice.id !== id);
  },
  /** For screen readers alone, one after the other. */
  say(text: string): void {
    queue.push(text);
    if (!isSpeaking) speak();
  },
};

function speak(): void {
  const text = queue.shift();
  isSpeaking = text !== undefined;
  heard = text ?? '';
  if (isSpeaking) setTimeout(speak, HEARD_EVERY_MS);
}
