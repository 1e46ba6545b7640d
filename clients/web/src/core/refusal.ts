/** A "no" as a value: from a reply, from HTTP, or because nobody could be reached. */

import type { Code, Err, Retry } from './protocol/generated';

/** What the server can say, and the one thing only we can notice. */
export type RefusalCode = Code | 'offline';

export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly retry: Retry;
  readonly afterMs: number | null;
  readonly field: string | null;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: RefusalCode,
    details: {
      retry?: Retry;
      afterMs?: number | null;
      field?: string | null;
      data?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(code);
    this.name = 'Refusal';
    this.code = code;
    this.retry = details.retry ?? (code === 'unauthenticated' ? 'reconnect' : 'same_id');
    this.afterMs = details.afterMs ?? null;
    this.field = details.field ?? null;
    this.data = details.data ?? {};
  }
}

/** What is thrown by us has the retry rule of its code, what the server says brings its own. */
export function refusalOf(frame: Pick<Err, 'code' | 'retry'> & Partial<Err>): Refusal {
  return new Refusal(frame.code as Code, {
    retry: frame.retry as Retry,
    afterMs: frame.after_ms ?? null,
    field: frame.field ?? null,
    data: frame.data ?? {},
  });
}

export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal');
}
