/** How every page begins: with its language, so that nothing is painted the wrong way round. */

import { mount as mountComponent, type Component } from 'svelte';
import { app } from '../app/app.svelte';
import { addTexts, askAgain, i18n } from '../i18n/index.svelte';
import { LATER_TEXTS, type Loaders } from '../early/language';
import '../styles/base.css';

/** `texts` are those that only this page needs, beside the common ones. */
export async function mount(page: Component, ...texts: Loaders[]): Promise<void> {
  void app.begin();
  for (const extra of texts) void addTexts(extra);
  await i18n.begin();
  const target = document.getElementById('app');
  if (target === null) return;
  target.replaceChildren();
  mountComponent(page, { target });
  window.addEventListener('online', askAgain);
  await addTexts(LATER_TEXTS).catch(() => undefined); // until they come a general sentence has to do
}
