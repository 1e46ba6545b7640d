import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CODES } from '../core/protocol/generated';

const folder = new URL('./locales/', import.meta.url);
const PLURAL = /_(?:zero|one|two|few|many|other)$/;
const AR_FORMS = ['zero', 'one', 'two', 'few', 'many', 'other'];
const EN_FORMS = ['one', 'other'];

function read(name: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Record<string, string>;
}

function bases(table: Record<string, string>): string[] {
  const counted = new Set(Object.keys(table).filter((key) => key.endsWith('_other')).map((key) => key.replace(PLURAL, '')));
  return [...new Set(Object.keys(table).map((key) => (counted.has(key.replace(PLURAL, '')) ? key.replace(PLURAL, '') : key)))].sort();
}

function places(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();
}

const parts = readdirSync(folder)
  .filter((name) => name.endsWith('en.json'))
  .map((name) => name.replace('en.json', ''));

describe.each(parts)('texts %sen and ar', (part) => {
  const en = read(`${part}en.json`);
  const ar = read(`${part}ar.json`);
  const counted = bases(en).filter((base) => `${base}_other` in en);

  it('have the same keys', () => {
    expect(bases(ar)).toEqual(bases(en));
  });

  it('have every plural form their language asks for', () => {
    for (const base of counted) {
      for (const form of AR_FORMS) expect(ar, `${base}_${form}`).toHaveProperty(`${base}_${form}`);
      for (const form of EN_FORMS) expect(en, `${base}_${form}`).toHaveProperty(`${base}_${form}`);
    }
    expect(new Intl.PluralRules('ar').resolvedOptions().pluralCategories.toSorted()).toEqual(AR_FORMS.toSorted());
  });

  it('fill in the same places', () => {
    for (const key of Object.keys(en).filter((one) => !PLURAL.test(one))) {
      expect(places(ar[key] ?? ''), key).toEqual(places(en[key] ?? ''));
    }
    for (const base of counted) expect(places(ar[`${base}_other`] ?? ''), base).toEqual(places(en[`${base}_other`] ?? ''));
  });

  it('carry no direction marks and no stray spaces of their own', () => {
    for (const text of [...Object.values(en), ...Object.values(ar)]) {
      expect(text).not.toMatch(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
      expect(text).toBe(text.trim());
    }
  });

  it('is really Arabic where it is Arabic', () => {
    const same = Object.keys(en).filter((key) => en[key] === ar[key] && /[a-z]{3}/i.test(en[key] ?? ''));
    expect(same.filter((key) => !['brand_visa', 'brand_mada'].includes(key))).toEqual([]);
  });
});

describe('errors', () => {
  it.each(['en.json', 'ar.json'])('what is said before the later texts are there is in %s', (name) => {
    // no connection, and the sentence for everything that has none of its own
    expect(read(name)).toHaveProperty('error_offline');
    expect(read(name)).toHaveProperty('error_internal');
  });

  it.each(['en.json', 'ar.json'])('every code has a sentence in %s', (name) => {
    const table = { ...read(name), ...read(`later.${name}`) };
    for (const code of [...Object.keys(CODES), 'offline']) {
      expect(table[`error_${code}`], code).toMatch(/\S/);
    }
  });

  // a payment fails beside its sheet, and after one tap before any sheet was fetched
  it.each(['en.json', 'ar.json'])('of payments are the same in both parts of %s that bring them', (name) => {
    const [later, buying] = [read(`later.${name}`), read(`buying.${name}`)];
    const both = Object.keys(buying).filter((key) => key in later);
    expect(both).toEqual(expect.arrayContaining(['error_payment_declined', 'over_payment_declined', 'payment_not_through']));
    for (const key of both) expect(buying[key], key).toBe(later[key]);
  });
});
