/** What a person is told when the server says no. */

import { failureTexts } from '../core/failure';
import type { OrderView } from '../core/protocol/generated';
import type { Refusal } from '../core/refusal';
import { t, tMaybe, tn } from '../i18n/index.svelte';
import { app } from './app.svelte';

export function explain(refusal: Refusal): string {
  const waitS = refusal.afterMs === null ? null : Math.max(1, Math.ceil(refusal.afterMs / 1000));
  if (waitS !== null && (refusal.code === 'slow_mode' || refusal.code === 'rate_limited' || refusal.code === 'muted')) {
    return tn(`wait_${refusal.code}`, waitS, app.number(waitS));
  }
  const reason = typeof refusal.data['reason'] === 'string' ? tMaybe(`error_${refusal.code}_${refusal.data['reason']}`) : null;
  // a newer server may have codes this page has not heard of
  return reason ?? tMaybe(`error_${refusal.code}`) ?? t('error_internal');
}

/** Why its payment failed, or that its money comes back; null when there is nothing to say. */
export function explainFailure(order: OrderView): string | null {
  const keys = failureTexts(order);
  for (const key of keys) {
    const text = tMaybe(key);
    if (text !== null) return text;
  }
  // nothing to say, or none of the texts has come yet
  return keys.length === 0 ? null : t('error_internal');
}

/** How an order ended that came to nothing. */
export function explainEnding(order: OrderView): string {
  if (order.state === 'expired' && order.failure !== 'payment_returned') return t('error_hold_expired');
  return explainFailure(order) ?? t('order_cancelled', { number: order.number });
}
