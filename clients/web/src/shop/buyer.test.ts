import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { AddressDraft } from '../core/protocol/generated';
import { Refusal } from '../core/refusal';

const post = vi.hoisted(() => vi.fn());
vi.mock('../app/app.svelte', () => ({ api: { post }, app: { person: null }, lasting: { get: () => null, set: () => undefined } }));

const { buyer } = await import('./buyer.svelte');

const riyadh = { country: 'SA', recipient: 'Sara', phone: '0501234567', fields: { city: 'Riyadh' } } as AddressDraft;
const jeddah = { ...riyadh, fields: { city: 'Jeddah' } };

function ids(): string[] {
  return post.mock.calls.map((call) => (call[2] as { idempotencyKey: string }).idempotencyKey);
}

beforeEach(() => {
  post.mockReset().mockResolvedValue({ id: 'a1', country: 'SA' });
});

describe('a new address', () => {
  it('goes out under the same id until it is answered for', async () => {
    post.mockRejectedValueOnce(new Refusal('offline')).mockRejectedValueOnce(new Refusal('unavailable'));
    await expect(buyer.addAddress(riyadh)).rejects.toMatchObject({ code: 'offline' });
    await expect(buyer.addAddress(riyadh)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(buyer.addAddress(riyadh)).resolves.toMatchObject({ id: 'a1' });
    expect(new Set(ids()).size).toBe(1);
    expect(buyer.addresses.map(({ id }) => id)).toEqual(['a1']);
    await buyer.addAddress(riyadh); // answered for: this is another one
    expect(new Set(ids()).size).toBe(2);
  });

  it('is another one when something of it was changed, or it was refused', async () => {
    post.mockRejectedValueOnce(new Refusal('offline'));
    await expect(buyer.addAddress(riyadh)).rejects.toBeInstanceOf(Refusal);
    post.mockRejectedValueOnce(new Refusal('bad_field', { retry: 'never' }));
    await expect(buyer.addAddress(jeddah)).rejects.toBeInstanceOf(Refusal);
    await buyer.addAddress(jeddah);
    expect(new Set(ids()).size).toBe(3);
  });
});
