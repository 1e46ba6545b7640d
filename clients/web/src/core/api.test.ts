import { describe, expect, it, vi } from 'vitest';
import { Api } from './api';
import type { PersonView } from './protocol/generated';
import { memoryStore } from './storage';

type Answer = { status?: number; body?: unknown; headers?: Record<string, string> };

const person: PersonView = { id: 'p1', name: 'Sara', kind: 'account', market: 'SA', capabilities: [] };

function tokens(access: string, expiresAt = 1_000_000) {
  return { access_token: access, expires_at: expiresAt, person, refresh_token: null };
}

function api(answers: Record<string, Answer[]>) {
  const calls: { path: string; headers: Record<string, string>; body: unknown }[] = [];
  const store = memoryStore();
  const people: (PersonView | null)[] = [];
  const fetching = vi.fn((input: RequestInfo | URL, init?: RequestInit) => {
    const path = String(input).replace('/v1', '');
    calls.push({ path, headers: (init?.headers ?? {}) as Record<string, string>, body: init?.body ?? null });
    const answer = answers[path]?.shift();
    if (answer === undefined) return Promise.reject(new TypeError('network'));
    const { status = 200, body = {}, headers = {} } = answer;
    return Promise.resolve(new Response(status === 304 ? null : JSON.stringify(body), { status, headers }));
  });
  const made = new Api({
    fetch: fetching as unknown as typeof fetch,
    store,
    now: () => 0,
    alone: (run) => run(),
    onPerson: (one) => people.push(one),
  });
  return { api: made, calls, store, people };
}

describe('api', () => {
  it('asks nobody for a token when there was never a name', async () => {
    const { api: visitor, calls } = api({});
    expect(await visitor.token()).toBeNull();
    expect(calls).toHaveLength(0);
  });

  it('keeps the token in memory alone, and sends it', async () => {
    const { api: guest, calls, store, people } = api({
      '/auth/guest': [{ body: tokens('secret-token') }],
      '/orders': [{ body: { orders: [] } }],
    });
    await guest.guest('Sara');
    await guest.get('/orders');
    expect(calls.at(-1)?.headers['authorization']).toBe('Bearer secret-token');
    expect(store.get('lc.known')).toBe('1');
    expect(people).toEqual([person]);
  });

  it('refreshes once when a token is refused, and repeats the request', async () => {
    const { api: known, calls } = api({
      '/auth/guest': [{ body: tokens('old') }],
      '/auth/refresh': [{ body: tokens('new') }],
      '/orders': [{ status: 401, body: { code: 'unauthenticated', retry: 'reconnect' } }, { body: { orders: [1] } }],
    });
    await known.guest('Sara');
    expect(await known.get('/orders')).toEqual({ orders: [1] });
    expect(calls.map(({ path }) => path)).toEqual(['/auth/guest', '/orders', '/auth/refresh', '/orders']);
    expect(calls.at(-1)?.headers['authorization']).toBe('Bearer new');
  });

  it('refreshes once for many requests at a time', async () => {
    const { api: known, calls } = api({
      '/auth/guest': [{ body: tokens('old', 10) }],
      '/auth/refresh': [{ body: tokens('new') }],
      '/a': [{}],
      '/b': [{}],
      '/c': [{}],
    });
    await known.guest('Sara');
    await Promise.all([known.get('/a'), known.get('/b'), known.get('/c')]);
    expect(calls.filter(({ path }) => path === '/auth/refresh')).toHaveLength(1);
  });

  it('is a visitor again when the sign-in has ended', async () => {
    const { api: ended, people, store } = api({
      '/auth/guest': [{ body: tokens('old', 10) }],
      '/auth/refresh': [{ status: 401, body: { code: 'unauthenticated', retry: 'reconnect' } }],
    });
    await ended.guest('Sara');
    expect(await ended.token()).toBeNull();
    expect(people).toEqual([person, null]);
    expect(store.get('lc.known')).toBeNull();
  });

  it('stays signed in over a server that is away for a moment', async () => {
    const { api: away, people } = api({
      '/auth/guest': [{ body: tokens('old', 10) }],
      '/auth/refresh': [{ status: 503, body: { code: 'unavailable', retry: 'after', after_ms: 500 } }, { body: tokens('new') }],
    });
    await away.guest('Sara');
    expect(await away.token()).toBeNull();
    expect(await away.token()).toBe('new');
    expect(people).toEqual([person]);
  });

  it('reads a problem as a refusal', async () => {
    const { api: refused } = api({
      '/orders': [
        {
          status: 409,
          body: { type: 'about:blank', status: 409, code: 'price_changed', retry: 'new_id', field: 'expected_total_minor', data: { total_minor: 9 } },
        },
      ],
    });
    await expect(refused.post('/orders', {}, { idempotencyKey: 'k'.repeat(20) })).rejects.toMatchObject({
      code: 'price_changed',
      retry: 'new_id',
      field: 'expected_total_minor',
      data: { total_minor: 9 },
    });
  });

  it('tells an unreachable server from a refusing one', async () => {
    await expect(api({}).api.get('/rooms')).rejects.toMatchObject({ code: 'offline', retry: 'same_id' });
    const proxy = api({ '/rooms': [{ status: 502, body: 'bad gateway' }] });
    await expect(proxy.api.get('/rooms')).rejects.toMatchObject({ code: 'unavailable', retry: 'same_id' });
  });

  it('knows when what it has is still good', async () => {
    const { api: one, calls } = api({ '/bag': [{ body: { offers: [] }, headers: { etag: '"1"' } }, { status: 304, headers: { etag: '"1"' } }] });
    expect(await one.call('GET', '/bag', {})).toEqual({ value: { offers: [] }, etag: '"1"' });
    expect(await one.call('GET', '/bag', { etag: '"1"' })).toEqual({ value: null, etag: '"1"' });
    expect(calls[1]?.headers['if-none-match']).toBe('"1"');
  });
});
