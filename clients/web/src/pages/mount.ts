/** How every page begins: with its language, so that nothing is painted the wrong way round. */

import { mount as mountComponent, type Component } from 'svelte';
import { app } from '../app/app.svelte';
import { i18n } from '../i18n/index.svelte';
import '../styles/base.css';

export async function mount(page: Component): Promise<void> {
  void app.begin();
  await i18n.begin();
  const target = document.getElementById('app');
  if (target !== null) mountComponent(page, { target });
}
