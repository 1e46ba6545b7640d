/** Texts in the viewer's language. One reactive language; a page that reads `t` follows it. */

import { browserStore } from '../core/storage';
import ar from './locales/ar.json';
import en from './locales/en.json';
import type accountEn from './locales/account.en.json';
import type studioEn from './locales/studio.en.json';

export type Lang = 'en' | 'ar';
export const LANGS: readonly Lang[] = ['en', 'ar'];

const PLURAL_FORMS = ['zero', 'one', 'two', 'few', 'many', 'other'] as const;
type PluralForm = (typeof PLURAL_FORMS)[number];

type Entry = keyof typeof en | keyof typeof studioEn | keyof typeof accountEn;
type PluralKey = Entry extends infer Each ? (Each extends `${infer Base}_other` ? Base : never) : never;
/** A text by its key; a counted text by its key without the form. */
export type Key = Exclude<Entry, `${PluralKey}_${PluralForm}`> | PluralKey;

type Table = Readonly<Record<string, string>>;
const tables: Record<Lang, Table> = { en, ar };
const plurals: Record<Lang, Intl.PluralRules> = {
  en: new Intl.PluralRules('en'),
  ar: new Intl.PluralRules('ar'),
};

const STORED = 'lc.lang';
const store = browserStore(() => localStorage);

let current = $state<Lang>('en');

export const i18n = {
  get lang(): Lang {
    return current;
  },
  get dir(): 'ltr' | 'rtl' {
    return current === 'ar' ? 'rtl' : 'ltr';
  },
  /** Changes the language of this page, and of those to come. */
  choose(lang: Lang): void {
    store.set(STORED, lang);
    use(lang);
  },
  /** By the address (`?lang=ar`), else as chosen before, else as the browser prefers. */
  begin(): void {
    const asked = new URLSearchParams(location.search).get('lang');
    if (isLang(asked)) store.set(STORED, asked);
    const known = isLang(asked) ? asked : store.get(STORED);
    const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLang);
    use(isLang(known) ? known : (preferred ?? 'en'));
  },
};

function isLang(value: string | null | undefined): value is Lang {
  return value === 'en' || value === 'ar';
}

function use(lang: Lang): void {
  current = lang;
  document.documentElement.lang = lang;
  document.documentElement.dir = lang === 'ar' ? 'rtl' : 'ltr';
}

/** Adds the texts that only some pages need. */
export function addTexts(extra: Record<Lang, Table>): void {
  for (const lang of LANGS) tables[lang] = { ...tables[lang], ...extra[lang] };
}

/** A text. `{name}` places are filled from `values`; whoever gives a number has formatted it. */
export function t(key: Key, values: Readonly<Record<string, string>> = {}): string {
  return fill(tables[current][key] ?? key, values);
}

/** A counted text: chosen by `count`, which fills `{count}` as `shown`. */
export function tn(
  key: PluralKey,
  count: number,
  shown: string,
  values: Readonly<Record<string, string>> = {},
): string {
  const table = tables[current];
  const text = table[`${key}_${plurals[current].select(count)}`] ?? table[`${key}_other`] ?? key;
  return fill(text, { ...values, count: shown });
}

/** A text that may not exist, e.g. for an address field a newer server has added. */
export function tMaybe(key: string): string | null {
  return tables[current][key] ?? null;
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => isolated(values[name] ?? ''));
}

const FIRST_STRONG_ISOLATE = String.fromCharCode(0x2068);
const POP_ISOLATE = String.fromCharCode(0x2069);

/** Set apart by isolates, so that a name cannot turn the sentence around it; bare digits cannot. */
function isolated(value: string): string {
  return /^[\d\u0660-\u0669]*$/.test(value) ? value : FIRST_STRONG_ISOLATE + value + POP_ISOLATE;
}

/** The text of a person or shop in the viewer's language, or in the other one. */
export function pick(text: { en?: string; ar?: string } | null | undefined): string {
  const [first, second] = current === 'ar' ? [text?.ar, text?.en] : [text?.en, text?.ar];
  return (first !== undefined && first !== '' ? first : second) ?? '';
}
