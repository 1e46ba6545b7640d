/** Which language a page is in, and where its texts are. Small: it runs before anything else. */

export type Lang = 'en' | 'ar';
export type Table = Readonly<Record<string, string>>;
export type Loaders = Readonly<Record<Lang, () => Promise<{ default: Table }>>>;

export const TEXTS: Loaders = {
  en: () => import('../i18n/locales/en.json'),
  ar: () => import('../i18n/locales/ar.json'),
};

/**
 * What nobody reads in the first moment: refusals, and what moderators do. Fetched once the page stands,
 * and not as a module: browsers remember that a module could not be had, and do not ask again.
 */
export const LATER_TEXTS: Loaders = {
  en: () => fetched(new URL('../i18n/locales/later.en.json', import.meta.url)),
  ar: () => fetched(new URL('../i18n/locales/later.ar.json', import.meta.url)),
};

async function fetched(url: URL): Promise<{ default: Table }> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(response.statusText);
  return { default: (await response.json()) as Table };
}

const STORED = 'lc.lang';

/** By the address (`?lang=ar`), else as chosen before, else as the browser prefers. */
export function findLanguage(): Lang {
  const asked = new URLSearchParams(location.search).get('lang');
  if (isLang(asked)) storeLanguage(asked);
  const known = isLang(asked) ? asked : stored();
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLang);
  return isLang(known) ? known : (preferred ?? 'en');
}

export function storeLanguage(lang: Lang): void {
  try {
    localStorage.setItem(STORED, lang);
  } catch {
    // it is asked for again on the next page
  }
}

/** Turns the page around before anything is painted. */
export function turnPage(lang: Lang): void {
  document.documentElement.lang = lang;
  document.documentElement.dir = lang === 'ar' ? 'rtl' : 'ltr';
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function isLang(value: string | null | undefined): value is Lang {
  return value === 'en' || value === 'ar';
}
