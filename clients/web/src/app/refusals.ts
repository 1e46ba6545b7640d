/** What a person is told when the server says no. */

import type { Refusal } from '../core/refusal';
import { t, tMaybe, tn } from '../i18n/index.svelte';
import { app } from './app.svelte';

export function explain(refusal: Refusal): string {
  const waitS = refusal.afterMs === null ? null : Math.max(1, Math.ceil(refusal.afterMs / 1000));
  if (waitS !== null && (refusal.code === 'slow_mode' || refusal.code === 'rate_limited' || refusal.code === 'muted')) {
    return tn(`wait_${refusal.code}`, waitS, app.number(waitS));
  }
  // a newer server may have codes this page has not heard of
  return tMaybe(`error_${refusal.code}`) ?? t('error_internal');
}
