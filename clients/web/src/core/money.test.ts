import { describe, expect, it } from 'vitest';
import { formatMoney, plainAmount, vatIncluded } from './money';
import { latinDigits, readMinor, readWhole } from './numbers';

const plain = (text: string) => text.replace(/[\u00a0\u200e\u200f\u061c\u202f]/g, ' ').replace(/ +/g, ' ').trim();

describe('money', () => {
  it.each([
    [12_345, 'SAR', 'en-SA-u-ca-gregory-nu-latn', 'SAR 123.45'],
    [12_345, 'KWD', 'en-KW-u-ca-gregory-nu-latn', 'KWD 12.345'],
    [12_345, 'JPY', 'en-US-u-ca-gregory-nu-latn', '¥12,345'],
    [12_345, 'SAR', 'ar-SA-u-ca-gregory-nu-arab', '١٢٣٫٤٥ ر.س.'],
    [12_345, 'KWD', 'ar-KW-u-ca-gregory-nu-arab', '١٢٫٣٤٥ د.ك.'],
    [12_345, 'AED', 'ar-AE-u-ca-gregory-nu-latn', '123.45 د.إ.'],
    [0, 'BHD', 'en-BH-u-ca-gregory-nu-latn', 'BHD 0.000'],
  ])('shows %i %s for %s', (minor, currency, locale, shown) => {
    expect(plain(formatMoney(minor, currency, locale))).toBe(shown);
  });

  it('is exact for the largest sums', () => {
    expect(plain(formatMoney(1_000_000_000_000, 'KWD', 'en-u-nu-latn'))).toBe('KWD 1,000,000,000.000');
    expect(plain(formatMoney(999_999_999_999, 'SAR', 'en-u-nu-latn'))).toBe('SAR 9,999,999,999.99');
  });

  it.each([
    [11_500, 1500, 1500],
    [6_400, 1500, 835],
    [1, 1500, 0],
    [4, 1500, 1],
    [999, 0, 0],
  ])('finds the VAT in %i at %i', (total, bps, vat) => {
    expect(vatIncluded(total, bps)).toBe(vat);
  });

  it.each([
    ['12.5', 3, 12_500],
    ['١٢٫٥', 3, 12_500],
    ['۱۲٫۵', 2, 1_250],
    ['12,50', 2, 1_250],
    [' 99 ', 2, 9_900],
    ['7.', 2, 700],
    ['300', 0, 300],
    ['12.345', 2, null],
    ['3.5', 0, null],
    ['-1', 2, null],
    ['1e3', 2, null],
    ['', 2, null],
    ['abc', 2, null],
  ])('reads %s with %i decimals', (text, exponent, minor) => {
    expect(readMinor(text, exponent)).toBe(minor);
  });

  it('writes an amount the way it reads it', () => {
    for (const [minor, currency, exponent] of [[12_345, 'KWD', 3], [500, 'SAR', 2], [77, 'JPY', 0]] as const) {
      expect(readMinor(plainAmount(minor, currency), exponent)).toBe(minor);
    }
  });
});

describe('digits', () => {
  it('reads Arabic-Indic, Persian and Latin ones', () => {
    expect(latinDigits('٠١٢٣٤٥٦٧٨٩ ۰۱۲۳۴۵۶۷۸۹ 0123456789')).toBe('0123456789 0123456789 0123456789');
    expect(readWhole('١٬٢٣٤')).toBe(1234);
    expect(readWhole('12 345')).toBe(12_345);
    expect(readWhole('3.5')).toBeNull();
    expect(readWhole('')).toBeNull();
  });
});
