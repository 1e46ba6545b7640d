/** The HTTP side: JSON under /v1, a bearer that lives in memory, a refresh cookie no script can read. */

import type { Err, PersonView, Tokens } from './protocol/generated';
import { Refusal, refusalOf } from './refusal';
import type { Store } from './storage';

const KNOWN = 'lc.known';
/** A token this close to its end is not worth sending. */
const MARGIN_MS = 20_000;

export interface ApiOptions {
  fetch: typeof fetch;
  store: Store;
  now(): number;
  /** Runs one refresh at a time over all tabs: the cookie changes with each. */
  alone<T>(run: () => Promise<T>): Promise<T>;
  onPerson(person: PersonView | null): void;
}

export interface CallOptions {
  body?: unknown;
  idempotencyKey?: string;
  etag?: string;
  /** Bytes instead of JSON. */
  raw?: Blob;
}

export interface Answer<T> {
  /** Null when the ETag still holds. */
  value: T | null;
  etag: string | null;
}

export class Api {
  readonly #options: ApiOptions;
  #token: string | null = null;
  #expiresAt = 0;
  #person: PersonView | null = null;
  #refreshing: Promise<void> | null = null;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  get person(): PersonView | null {
    return this.#person;
  }

  /** A token that can be sent now, or null for a visitor. Never rejects. */
  async token(): Promise<string | null> {
    if (this.#token !== null && this.#expiresAt - MARGIN_MS > this.#options.now()) return this.#token;
    await this.#refresh();
    return this.#token;
  }

  /** The token was refused; the next one is asked of the server. */
  distrust(): void {
    this.#token = null;
  }

  async guest(name: string): Promise<PersonView> {
    return this.#enter(await this.post<Tokens>('/auth/guest', { name }));
  }

  async signUp(body: { name: string; login: string; password: string; market: string }): Promise<PersonView> {
    return this.#enter(await this.post<Tokens>('/auth/sign-up', body));
  }

  async signIn(body: { login: string; password: string; market: string }): Promise<PersonView> {
    return this.#enter(await this.#unsigned<Tokens>('/auth/sign-in', body));
  }

  /** By a one-time link. */
  async signInByLink(token: string): Promise<PersonView> {
    return this.#enter(await this.#unsigned<Tokens>('/auth/link', { token }));
  }

  async signOut(): Promise<void> {
    await this.post('/auth/sign-out', {});
    this.#leave();
  }

  get<T>(path: string): Promise<T> {
    return this.#value<T>('GET', path, {});
  }

  post<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return this.#value<T>('POST', path, { ...options, body });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#value<T>('PUT', path, { body });
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#value<T>('PATCH', path, { body });
  }

  async remove(path: string): Promise<void> {
    await this.call('DELETE', path, {});
  }

  upload<T>(path: string, raw: Blob): Promise<T> {
    return this.#value<T>('POST', path, { raw });
  }

  async call<T>(method: string, path: string, options: CallOptions): Promise<Answer<T>> {
    const token = await this.token();
    let response = await this.#send(method, path, options, token);
    if (response.status === 401 && token !== null) {
      this.distrust();
      response = await this.#send(method, path, options, await this.token());
    }
    return read<T>(response);
  }

  async #value<T>(method: string, path: string, options: CallOptions): Promise<T> {
    return (await this.call<T>(method, path, options)).value as T;
  }

  async #unsigned<T>(path: string, body: unknown): Promise<T> {
    return (await read<T>(await this.#send('POST', path, { body }, null))).value as T;
  }

  async #send(method: string, path: string, options: CallOptions, token: string | null): Promise<Response> {
    const { body, idempotencyKey, etag, raw } = options;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (raw !== undefined) headers['content-type'] = raw.type;
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    if (etag !== undefined) headers['if-none-match'] = etag;
    const sent = raw ?? (body === undefined ? null : JSON.stringify(body));
    try {
      return await this.#options.fetch(`/v1${path}`, { method, headers, body: sent, credentials: 'same-origin' });
    } catch {
      throw new Refusal('offline');
    }
  }

  #enter(tokens: Tokens): PersonView {
    this.#token = tokens.access_token;
    this.#expiresAt = tokens.expires_at;
    this.#options.store.set(KNOWN, '1');
    const isOther = this.#person?.id !== tokens.person.id || this.#person.kind !== tokens.person.kind;
    this.#person = tokens.person;
    if (isOther) this.#options.onPerson(tokens.person);
    return tokens.person;
  }

  #leave(): void {
    this.#token = null;
    this.#options.store.set(KNOWN, null);
    const wasKnown = this.#person !== null;
    this.#person = null;
    if (wasKnown) this.#options.onPerson(null);
  }

  /** Someone who never gave a name has no cookie: the server is not asked. */
  #refresh(): Promise<void> {
    if (this.#options.store.get(KNOWN) === null) return Promise.resolve();
    this.#refreshing ??= this.#options
      .alone(() => this.#unsigned<Tokens>('/auth/refresh', {}))
      .then(
        (tokens) => {
          this.#enter(tokens);
        },
        (error: unknown) => {
          this.#token = null;
          if (error instanceof Refusal && error.retry === 'reconnect') this.#leave();
        },
      )
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }
}

async function read<T>(response: Response): Promise<Answer<T>> {
  const etag = response.headers.get('etag');
  if (response.status === 304) return { value: null, etag };
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return { value: body as T, etag };
  if (isProblem(body)) throw refusalOf(body);
  throw new Refusal(response.status === 401 ? 'unauthenticated' : response.status >= 500 ? 'unavailable' : 'internal');
}

function isProblem(body: unknown): body is Err {
  return typeof body === 'object' && body !== null && 'code' in body && 'retry' in body;
}
