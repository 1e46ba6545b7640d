import { describe, expect, it } from 'vitest';
import { loopedSecond } from './playback';

describe('a looped file', () => {
  it('is at the same second for everybody', () => {
    expect(loopedSecond('/media/show.mp4#loop=1000', 31_000, 20)).toBe(10);
    expect(loopedSecond('/media/show.mp4#loop=1000', 500, 20)).toBe(19.5);
  });

  it('is nothing else', () => {
    expect(loopedSecond('/media/show.mp4', 31_000, 20)).toBeNull();
    expect(loopedSecond('/media/show.mp4#loop=1000', 31_000, 0)).toBeNull();
  });
});
