import { describe, expect, it } from 'vitest';
import { ServerClock } from './clock';

/** A page whose own clock is off, over a network with given delays each way. */
function page(clockOffMs: number) {
  let mono = 1000;
  const server = () => 1_800_000_000_000 + mono;
  const clock = new ServerClock(() => mono, server() + clockOffMs);
  return {
    clock,
    server,
    ask(upMs: number, downMs: number) {
      const sentAt = mono;
      mono += upMs;
      const told = server();
      mono += downMs;
      clock.sample(sentAt, told);
    },
    get errorMs() {
      return Math.abs(clock.now() - server());
    },
  };
}

describe('server clock', () => {
  it('believes the page until the server speaks', () => {
    expect(page(90_000).errorMs).toBe(90_000);
  });

  it('takes a pushed time over its own', () => {
    const { clock, server } = page(90_000);
    clock.hint(server() - 40);
    expect(Math.abs(clock.now() - server())).toBe(40);
  });

  it('does not let a pushed time replace a measured one', () => {
    const lateNews = page(0);
    lateNews.ask(20, 20);
    lateNews.clock.hint(lateNews.server() - 5000);
    expect(lateNews.errorMs).toBeLessThan(5);
  });

  it('is right to the millisecond over an even road', () => {
    const even = page(-3_600_000);
    for (let i = 0; i < 5; i++) even.ask(80, 80);
    expect(even.errorMs).toBeLessThan(1);
  });

  it('is not misled by slow trips among quick ones', () => {
    const uneven = page(12_345);
    for (const [up, down] of [[900, 30], [25, 28], [30, 26], [28, 1500], [27, 27], [31, 700]] as const) uneven.ask(up, down);
    expect(uneven.errorMs).toBeLessThan(5);
  });

  it('brings two pages within 250 ms of each other on a poor network', () => {
    const one = page(60_000);
    const other = page(-60_000);
    for (let i = 0; i < 5; i++) {
      one.ask(300 + 40 * i, 150);
      other.ask(100, 180 + 60 * i);
    }
    const apart = one.clock.now() - one.server() - (other.clock.now() - other.server());
    expect(Math.abs(apart)).toBeLessThan(250);
  });
});
