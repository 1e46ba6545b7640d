import type { Loaders } from '../early/language';

/** Texts of what opens over the room: addresses, payment, names of places. */
export const BUYING_TEXTS: Loaders = {
  en: () => import('../i18n/locales/buying.en.json'),
  ar: () => import('../i18n/locales/buying.ar.json'),
};
