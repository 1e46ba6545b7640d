/** The light build has the full one's types: it only lacks subtitles, DRM and alternate audio. */
declare module 'hls.js/light' {
  export { default } from 'hls.js';
}
