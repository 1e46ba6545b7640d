import type { Loaders } from '../early/language';

/** Texts of the pages around the room: account and lobby. */
export const ACCOUNT_TEXTS: Loaders = {
  en: () => import('../i18n/locales/account.en.json'),
  ar: () => import('../i18n/locales/account.ar.json'),
};
