import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failureTexts } from './failure';

const ended = { state: 'cancelled', payment_state: 'failed' };
const open = { state: 'pending_payment', payment_state: 'failed' };

function read(name: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`../i18n/locales/${name}`, import.meta.url), 'utf8')) as Record<string, string>;
}

describe('failureTexts', () => {
  it('says nothing of an order that never failed, or was paid after all', () => {
    expect(failureTexts({ state: 'pending_payment', payment_state: 'not_paid', failure: null })).toEqual([]);
    expect(failureTexts({ state: 'confirmed', payment_state: 'captured', failure: null })).toEqual([]);
    expect(failureTexts({ state: 'cancelled', payment_state: 'refunded', failure: null })).toEqual([]);
  });

  it('names the reason while another try is open', () => {
    expect(failureTexts({ ...open, failure: 'payment_declined' })[0]).toBe('error_payment_declined');
  });

  it('offers no other try for an order that is over', () => {
    expect(failureTexts({ ...ended, failure: 'payment_declined' })[0]).toBe('over_payment_declined');
  });

  it('has a general sentence for a reason of a newer server, and for none', () => {
    expect(failureTexts({ ...ended, failure: 'mystery' }).at(-1)).toBe('payment_not_through');
    expect(failureTexts({ ...open, failure: null })).toEqual(['payment_not_through']);
  });

  it.each(['en', 'ar'])('finds a sentence in %s for every reason the server has', (lang) => {
    const texts = read(`later.${lang}.json`);
    for (const failure of ['payment_declined', 'payment_unavailable', 'payment_returned', 'hold_expired', 'mystery']) {
      for (const order of [open, ended]) {
        const said = failureTexts({ ...order, failure }).find((key) => key in texts);
        expect(said, failure).toMatch(failure === 'mystery' ? /^payment_not_through$/ : new RegExp(`_${failure}$`));
      }
    }
  });

  it.each(['en', 'ar'])('is never silent in %s beside an open sheet, though the later texts did not come', (lang) => {
    const texts = { ...read(`${lang}.json`), ...read(`buying.${lang}.json`) };
    for (const failure of ['payment_declined', 'payment_unavailable', 'payment_returned', 'hold_expired', 'mystery', null]) {
      expect(failureTexts({ ...open, failure }).find((key) => key in texts), failure ?? 'none').toBeDefined();
    }
  });
});
