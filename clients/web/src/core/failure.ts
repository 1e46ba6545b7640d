/** Why an order's last payment came to nothing, as the keys of the texts that say so, the best first. */

import type { OrderView } from './protocol/generated';

type Failed = Pick<OrderView, 'state' | 'payment_state' | 'failure'>;

export function failureTexts({ state, payment_state, failure }: Failed): readonly string[] {
  if (failure === null && (state !== 'pending_payment' || payment_state !== 'failed')) return [];
  const isOpen = state === 'pending_payment';
  // who cannot pay for it any more is not told to try another card
  return [...(failure === null ? [] : [...(isOpen ? [] : [`over_${failure}`]), `error_${failure}`]), 'payment_not_through'];
}
