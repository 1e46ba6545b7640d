/** How every page begins: the language first, so that nothing is painted the wrong way round. */

import { mount as mountComponent, type Component } from 'svelte';
import { app } from '../app/app.svelte';
import { i18n } from '../i18n/index.svelte';
import '../styles/base.css';

export function mount(page: Component): void {
  i18n.begin();
  void app.begin();
  const target = document.getElementById('app');
  if (target !== null) mountComponent(page, { target });
}
