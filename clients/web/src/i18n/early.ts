/** Runs as soon as it is there, while the page's own code is still on its way: fetches the texts. */

import { TEXTS, findLanguage, turnPage } from './language';

const lang = findLanguage();
turnPage(lang);
void TEXTS[lang]();
