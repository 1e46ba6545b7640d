/** Ids that a client makes: for commands, and so that the same wish has one effect. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** 22 characters: the time first, so that the server stores those of a moment side by side, then 84 random bits. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(14));
  return Date.now().toString(36) + Array.from(bytes, (byte) => ALPHABET[byte & 63]).join('');
}
