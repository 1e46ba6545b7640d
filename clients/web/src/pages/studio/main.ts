import type { Loaders } from '../../early/language';
import { mount } from '../mount';
import Studio from './Studio.svelte';

const STUDIO_TEXTS: Loaders = {
  en: () => import('../../i18n/locales/studio.en.json'),
  ar: () => import('../../i18n/locales/studio.ar.json'),
};

void mount(Studio, STUDIO_TEXTS);
