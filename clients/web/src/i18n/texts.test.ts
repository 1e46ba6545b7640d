import { beforeAll, describe, expect, it, vi } from 'vitest';
import { addTexts, askAgain, i18n, t, tMaybe } from './index.svelte';
import type { Loaders } from '../early/language';

beforeAll(async () => {
  vi.stubGlobal('navigator', { languages: [] });
  vi.stubGlobal('document', { documentElement: {} });
  vi.stubGlobal('location', { search: '?lang=en' });
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined });
  await i18n.begin();
});

/** Texts that come at the `n`th time of asking. */
function late(n: number, key: string): { texts: Loaders; asked: () => number } {
  let asked = 0;
  const load = (text: string) => () => (++asked < n ? Promise.reject(new Error('no network')) : Promise.resolve({ default: { [key]: text } }));
  return { texts: { en: load('Hello'), ar: load('مرحبا') }, asked: () => asked };
}

describe('texts that did not come', () => {
  it('are asked for again when one of them is missing', async () => {
    const { texts, asked } = late(2, 'once');
    await expect(addTexts(texts)).rejects.toThrow();
    expect(tMaybe('once')).toBeNull();
    await vi.waitFor(() => expect(tMaybe('once')).toBe('Hello'));
    expect(asked()).toBe(2);
    expect(tMaybe('there_is_no_such_text')).toBeNull();
    expect(asked()).toBe(2);
  });

  it('are asked for again with the network, one request at a time', async () => {
    const { texts, asked } = late(3, 'thrice');
    await expect(addTexts(texts)).rejects.toThrow();
    askAgain();
    askAgain();
    await vi.waitFor(() => expect(asked()).toBe(2));
    await new Promise((resolve) => setTimeout(resolve));
    askAgain();
    await vi.waitFor(() => expect(tMaybe('thrice')).toBe('Hello'));
    expect(asked()).toBe(3);
  });

  it('keep nothing else from coming, and no language from being chosen', async () => {
    const never = late(Infinity, 'never');
    const fine = late(1, 'fine');
    const both = await Promise.allSettled([addTexts(never.texts), addTexts(fine.texts)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    await i18n.choose('ar');
    expect(tMaybe('fine')).toBe('مرحبا');
    expect(t('close')).not.toBe('Close');
  });

  it('come in the language that was chosen meanwhile', async () => {
    await i18n.choose('en');
    const { texts } = late(1, 'meanwhile');
    await Promise.all([addTexts(texts), i18n.choose('ar')]);
    expect(i18n.lang).toBe('ar');
    expect(tMaybe('meanwhile')).toBe('مرحبا');
  });
});
