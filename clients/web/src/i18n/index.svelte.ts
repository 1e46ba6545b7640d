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
/** What was added, or is on its way. */
const added = new Map<Loaders, Promise<void>>();
/** What did not come. */
const missed = new Set<Loaders>();
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
  get other(): Lang {
    return current === 'ar' ? 'en' : 'ar';
  },
  /** Changes the language of this page, and of those to come; of those alone when its texts cannot be had. */
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
  if (parts.length < loaders.length) return use(lang); // more has come meanwhile
  table = Object.assign({}, ...parts.map((part) => part.default)) as Table;
  current = lang;
  turnPage(lang);
}

/** Adds the texts that only some pages need. */
export function addTexts(extra: Loaders): Promise<void> {
  let adding = added.get(extra);
  if (adding === undefined) {
    adding = add(extra).catch((error: unknown) => {
      added.delete(extra);
      missed.add(extra);
      throw error;
    });
    added.set(extra, adding);
  }
  return adding;
}

/** Asks once more for what did not come: with the network, and whenever one of its texts is missing. */
export function askAgain(): void {
  for (const extra of missed) void addTexts(extra).catch(() => undefined);
}

async function add(extra: Loaders): Promise<void> {
  if (Object.keys(table).length > 0) {
    let lang: Lang;
    let part: Table;
    do {
      lang = current;
      part = (await extra[lang]()).default;
    } while (lang !== current);
    table = { ...table, ...part };
  }
  loaders.push(extra);
  missed.delete(extra);
}

function look(key: string): string | undefined {
  const text = table[key];
  if (text === undefined) askAgain();
  return text;
}

/** A text. `{name}` places are filled from `values`; whoever gives a number has formatted it. */
export function t(key: Key, values: Readonly<Record<string, string>> = {}): string {
  return fill(look(key) ?? key, values);
}

/** A counted text: chosen by `count`, which fills `{count}` as `shown`. */
export function tn(
  key: PluralKey,
  count: number,
  shown: string,
  values: Readonly<Record<string, string>> = {},
): string {
  const text = table[`${key}_${plurals[current].select(count)}`] ?? look(`${key}_other`) ?? key;
  return fill(text, { ...values, count: shown });
}

/** A text that may not exist, e.g. for an address field a newer server has added. */
export function tMaybe(key: string): string | null {
  return look(key) ?? null;
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
