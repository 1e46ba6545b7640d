/** Runs as soon as it is there, while the page's own code is still on its way: fetches the texts. */

import { paintFirst } from './first-picture';
import { TEXTS, findLanguage, turnPage } from './language';

const lang = findLanguage();
turnPage(lang);
void TEXTS[lang]();

// `interactive` is the end of the page's text; the load events would wait for the page's own code
if (document.readyState === 'loading') {
  document.addEventListener('readystatechange', () => paintFirst(lang), { once: true });
} else {
  paintFirst(lang);
}
