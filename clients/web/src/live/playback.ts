/** How an address becomes a playing video: the browser's own player where it can, hls.js where not. */

export interface Source {
  detach(): void;
}

const HLS_TYPE = 'application/vnd.apple.mpegurl';

export async function attachSource(video: HTMLVideoElement, url: string): Promise<Source> {
  const isPlaylist = /\.m3u8(?:$|[?#])/.test(url);
  if (!isPlaylist || video.canPlayType(HLS_TYPE) !== '') {
    video.src = url;
    return {
      detach: () => {
        video.removeAttribute('src');
        video.load();
      },
    };
  }
  const { default: Hls } = await import('hls.js/light');
  const hls = new Hls({ lowLatencyMode: true, backBufferLength: 30, capLevelToPlayerSize: true });
  hls.on(Hls.Events.ERROR, (_, { fatal, type }) => {
    if (!fatal) return;
    if (type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else setTimeout(() => hls.startLoad(), 3_000);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return { detach: () => hls.destroy() };
}

/**
 * The second to show of a file that runs in a loop: `#loop=<epoch ms>` in its address tells when the
 * loop began, by the server's clock. Null for anything else.
 */
export function loopedSecond(url: string, now: number, durationS: number): number | null {
  const match = /#loop=(\d+)$/.exec(url);
  if (match === null || durationS <= 0) return null;
  const passedS = (now - Number(match[1])) / 1000;
  return ((passedS % durationS) + durationS) % durationS;
}
