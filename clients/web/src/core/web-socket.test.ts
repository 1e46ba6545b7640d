import { afterEach, describe, expect, it, vi } from 'vitest';
import { openWebSocket } from './connection';

/** A browser's socket, as far as ours uses it. */
class PlayedSocket {
  static last: PlayedSocket;
  static readonly OPEN = 1;
  readonly readyState = 1;
  protocol = '';
  readonly offered: string[];
  onopen: () => void = () => undefined;
  onmessage: (message: { data: string | Blob }) => void = () => undefined;
  onclose: (end: { code: number; reason: string }) => void = () => undefined;

  constructor(_url: string, offered: string | string[]) {
    this.offered = [offered].flat();
    PlayedSocket.last = this;
  }

  send(): void {
    // nobody listens
  }

  close(): void {
    // nobody minds
  }
}

async function deflated(text: string): Promise<Blob> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Response(stream).blob();
}

function opened(protocol: string): { heard: (string | number)[]; socket: PlayedSocket } {
  vi.stubGlobal('WebSocket', PlayedSocket);
  const heard: (string | number)[] = [];
  openWebSocket('ws://shop/v1/live')({
    opened: () => heard.push('opened'),
    received: (text) => heard.push(text),
    closed: (code, withinMs = 0) => heard.push(code, withinMs),
  });
  const socket = PlayedSocket.last;
  socket.protocol = protocol;
  socket.onopen();
  return { heard, socket };
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('a web socket', () => {
  it('offers both, and reads what is deflated in the order in which it came', async () => {
    const { heard, socket } = opened('livecommerce.v1.json.deflate');
    expect(socket.offered).toEqual(['livecommerce.v1.json.deflate', 'livecommerce.v1.json']);
    const long = 'مرحبا '.repeat(500);
    socket.onmessage({ data: await deflated(long) });
    socket.onmessage({ data: 'short' });
    socket.onmessage({ data: await deflated('last') });
    socket.onclose({ code: 4001, reason: 'within_ms=800' });
    await vi.waitFor(() => expect(heard).toHaveLength(6));
    expect(heard).toEqual(['opened', long, 'short', 'last', 4001, 800]);
  });

  it('goes on behind a message that cannot be read', async () => {
    const told = vi.spyOn(console, 'error').mockReturnValue();
    const { heard, socket } = opened('livecommerce.v1.json.deflate');
    socket.onmessage({ data: new Blob(['no deflate']) });
    socket.onmessage({ data: 'short' });
    await vi.waitFor(() => expect(heard).toEqual(['opened', 'short']));
    expect(told).toHaveBeenCalledOnce();
  });

  it('reads a server that deflates nothing', async () => {
    const { heard, socket } = opened('livecommerce.v1.json');
    socket.onmessage({ data: 'short' });
    socket.onclose({ code: 1006, reason: '' });
    await vi.waitFor(() => expect(heard).toEqual(['opened', 'short', 1006, 0]));
  });
});
