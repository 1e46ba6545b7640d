/** Texts in the viewer's language. One reactive language; a page that reads `t` follows it. */

import type accountEn from './locales/account.en.json';
import type buyingEn from './locales/buying.en.json';
import type en from './locales/en.json';
import type laterEn from './locales/later.en.json';
import type studioEn from './locales/studio.en.json';
import { TEXTS, findLanguage, storeLanguage, turnPage, type Lang, type Loaders, type Table } from '../early/language';

export type { Lang };

const PLURAL_FORMS = ['zero', 'one', 'two', 'few', 'many', 'other'] as const;
type PluralForm = (typeof PLURAL_FORMS)[number];

type Entry = keyof typeof en | keyof typeof laterEn | keyof typeof buyingEn | keyof typeof studioEn | keyof typeof accountEn;
type PluralKey = Entry extends infer Each ? (Each extends `${infer Base}_other` ? Base : never) : never;
/** A text by its key; a counted text by its key without the form. */
export type Key = Exclude<Entry, `${PluralKey}_${PluralForm}`> | PluralKey;

const loaders: Loaders[] = [TEXTS];
const plurals: Record<Lang, Intl.PluralRules> = {
  en: new Intl.PluralRules('en'),
  ar: new Intl.PluralRules('ar'),
};

let current = $state<Lang>('en');
let table = $state.raw<Table>({});

export const i18n = {
  get lang(): Lang {
    return current;
  },
  get dir(): 'ltr' | 'rtl' {
    return current === 'ar' ? 'rtl' : 'ltr';
  },
  /** Changes the language of this page, and of those to come. */
  async choose(lang: Lang): Promise<void> {
    storeLanguage(lang);
    await use(lang);
  },
  begin(): Promise<void> {
    return use(findLanguage());
  },
};

async function use(lang: Lang): Promise<void> {
  const parts = await Promise.all(loaders.map((load) => load[lang]()));
  table = Object.assign({}, ...parts.map((part) => part.default)) as Table;
  current = lang;
  turnPage(lang);
}

/** Adds the texts that only some pages need. */
export async function addTexts(extra: Loaders): Promise<void> {
  if (loaders.includes(extra)) return;
  loaders.push(extra);
  if (Object.keys(table).length === 0) return;
  try {
    await use(current);
  } catch (error) {
    loaders.splice(loaders.indexOf(extra), 1); // asked for again the next time
    throw error;
  }
}

/** A text. `{name}` places are filled from `values`; whoever gives a number has formatted it. */
export function t(key: Key, values: Readonly<Record<string, string>> = {}): string {
  return fill(table[key] ?? key, values);
}

/** A counted text: chosen by `count`, which fills `{count}` as `shown`. */
export function tn(
  key: PluralKey,
  count: number,
  shown: string,
  values: Readonly<Record<string, string>> = {},
): string {
  const text = table[`${key}_${plurals[current].select(count)}`] ?? table[`${key}_other`] ?? key;
  return fill(text, { ...values, count: shown });
}

/** A text that may not exist, e.g. for an address field a newer server has added. */
export function tMaybe(key: string): string | null {
  return table[key] ?? null;
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => isolated(values[name] ?? ''));
}

/** Letters that run the other way than the language does. */
const AGAINST: Readonly<Record<Lang, RegExp>> = { en: /[\p{Script=Arabic}\p{Script=Hebrew}]/u, ar: /\p{Script=Latin}/u };
const FIRST_STRONG_ISOLATE = String.fromCharCode(0x2068);
const POP_ISOLATE = String.fromCharCode(0x2069);

/** Set apart by isolates where it runs against the sentence, so that a name cannot turn it around. */
function isolated(value: string): string {
  return AGAINST[current].test(value) ? FIRST_STRONG_ISOLATE + value + POP_ISOLATE : value;
}

/** The text of a person or shop in the viewer's language, or in the other one. */
export function pick(text: { en?: string; ar?: string } | null | undefined): string {
  const [first, second] = current === 'ar' ? [text?.ar, text?.en] : [text?.en, text?.ar];
  return (first !== undefined && first !== '' ? first : second) ?? '';
}
