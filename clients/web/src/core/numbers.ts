/** Numbers as people write them: with Latin, Arabic-Indic or Persian digits. */

const ZEROS = [0x0660, 0x06f0];

/** The same text with Latin digits; everything else stays. */
export function latinDigits(text: string): string {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => {
    const code = digit.charCodeAt(0);
    const zero = ZEROS.find((start) => code >= start && code <= start + 9) ?? code;
    return String(code - zero);
  });
}

/** Digits and nothing else, however they were grouped; null when there is something else. */
export function readWhole(text: string): number | null {
  const plain = latinDigits(text).replace(/[\s,\u066c\u00a0\u202f_]/g, '');
  return /^\d{1,15}$/.test(plain) ? Number(plain) : null;
}

/**
 * An amount in minor units: "12.5" in a currency of three decimals is 12500.
 *
 * A point, a comma or the Arabic decimal sign parts the decimals; more decimals than the currency has,
 * or anything that is not a number, is null.
 */
export function readMinor(text: string, exponent: number): number | null {
  const plain = latinDigits(text)
    .trim()
    .replace(/[\s\u066c\u00a0\u202f\u200e\u200f\u061c]/g, '')
    .replace(/[\u066b,]/g, '.');
  const match = /^(\d{1,12})(?:\.(\d*))?$/.exec(plain);
  if (match === null) return null;
  const decimals = match[2] ?? '';
  if (decimals.length > exponent) return null;
  return Number(`${match[1] ?? '0'}${decimals.padEnd(exponent, '0')}`);
}
