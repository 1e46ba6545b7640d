/** Money is whole minor units of one currency until the very moment it is shown. */

const EXPONENTS: Readonly<Record<string, number>> = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0,
  RWF: 0, UGX: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
};

/** How many decimals the minor unit of a currency has: 0, 2 or 3 (ISO 4217). */
export function exponent(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

const formats = new Map<string, Intl.NumberFormat>();

/** `locale` comes from the market: it pins the digits, so that a page never mixes two systems. */
export function formatMoney(minor: number, currency: string, locale: string): string {
  const decimals = exponent(currency);
  const key = `${locale} ${currency}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency,
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formats.set(key, format);
  }
  return format.format(minor / 10 ** decimals);
}

/** The VAT inside a VAT-inclusive amount, rounded half up, exactly as the server does it. */
export function vatIncluded(totalMinor: number, vatBps: number): number {
  const whole = 10_000 + vatBps;
  return Math.floor((2 * totalMinor * vatBps + whole) / (2 * whole));
}

/** What `minor` looks like in an input: plain digits and a point. */
export function plainAmount(minor: number, currency: string): string {
  const decimals = exponent(currency);
  return (minor / 10 ** decimals).toFixed(decimals);
}
