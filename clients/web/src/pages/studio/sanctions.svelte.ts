/** Who is silenced or shut out of a room: as the server listed it, and what was decided since. */

import type { Sanctioned, SanctionList, SanctionView } from '../../core/protocol/generated';

export type Sanction = Sanctioned | SanctionView;

export class Sanctions {
  /** The list could not be had: an empty one says nothing. */
  isUnknown = $state(false);
  /** By person; who was let off is not in it. */
  #holding = $state.raw<ReadonlyMap<string, Sanction>>(new Map());
  /** Heard since the server was asked; its answer may be older. */
  #since: Sanction[] = [];
  #newest: string | null = null;
  #asked = 0;
  readonly #ask: () => Promise<SanctionList>;

  constructor(ask: () => Promise<SanctionList>) {
    this.#ask = ask;
  }

  async load(): Promise<void> {
    const asked = ++this.#asked;
    this.#since = [];
    const list = await this.#ask().catch(() => null);
    if (asked !== this.#asked) return;
    this.isUnknown = list === null;
    if (list !== null) this.#holding = folded(new Map(), [...[...list.sanctions].sort((a, b) => a.at - b.at), ...this.#since]);
  }

  /** Takes what the room tells, the newest first; it keeps only some, and what fell out in between is asked for. */
  hear(told: readonly Sanctioned[]): void {
    const known = told.findIndex(({ id }) => id === this.#newest);
    const fresh = told.slice(0, known < 0 ? told.length : known).reverse();
    const isGap = known < 0 && this.#newest !== null;
    this.#newest = told[0]?.id ?? null;
    if (fresh.length > 0) {
      this.#since.push(...fresh);
      this.#holding = folded(this.#holding, fresh);
    }
    if (isGap) void this.load();
  }

  /** Those that hold at `now`, the newest first. */
  at(now: number): Sanction[] {
    return [...this.#holding.values()].filter(({ until }) => until === null || until > now).sort((a, b) => b.at - a.at);
  }
}

/** The latest word on each person counts. */
function folded(before: ReadonlyMap<string, Sanction>, next: readonly Sanction[]): ReadonlyMap<string, Sanction> {
  const holding = new Map(before);
  for (const one of next) {
    if (one.kind === 'lifted') holding.delete(one.person_id);
    else holding.set(one.person_id, one);
  }
  return holding;
}
