import { describe, expect, it } from 'vitest';
import { typedSince } from './typed';

describe('typedSince', () => {
  it('leaves an empty box when nothing was typed meanwhile', () => {
    expect(typedSince('hello ', 'hello ')).toBe('');
  });

  it('keeps what was typed behind it', () => {
    expect(typedSince('hello', 'hello how much is it?')).toBe('how much is it?');
  });

  it('keeps a box that was emptied and filled anew, or changed within', () => {
    expect(typedSince('hello', 'how much?')).toBe('how much?');
    expect(typedSince('hello', 'hallo there')).toBe('hallo there');
    expect(typedSince('hello', '')).toBe('');
  });
});
