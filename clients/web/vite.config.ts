import { readFile, readdir, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { keepBuildBefore } from './scripts/build-before.ts';

const server = process.env['LIVECOMMERCE_URL'] ?? 'http://127.0.0.1:8080';
const pages = { lobby: 'index.html', room: 'room.html', studio: 'studio.html', account: 'account.html' };

const FIRST_PICTURE = /vite\/preload-helper|src\/(?:early\/|core\/money)/;
const EVERY_PAGE =
  /node_modules\/svelte|src\/(?:app|ui|pages\/mount|i18n\/index|shop\/(?:buyer|texts)|live\/(?:Avatar|LiveBadge|Viewers)|core\/(?:api|checkout|clock|ids|numbers|refusal|storage|timing))/;
const LIVE_PAGES =
  /src\/(?:core\/(?:connection|live-room|recovery|room-state)|live\/(?!MessageActions|BanDialog)|shop\/(?:purchase|BagSheet|HeldBar))/;

export default defineConfig({
  plugins: [
    svelte(),
    keepBuildBefore(),
    {
      // in development the pages answer under the same addresses as on the server
      name: 'page-addresses',
      configureServer({ middlewares }) {
        middlewares.use((request, _response, next) => {
          const path = (request.url ?? '').split('?')[0] ?? '';
          if (/^\/r\/[^/.]+$/.test(path)) request.url = '/room.html';
          else if (/^\/studio\/[^/.]+$/.test(path)) request.url = '/studio.html';
          else if (path === '/account') request.url = '/account.html';
          next();
        });
      },
    },
    {
      // the texts set out at once, beside the page's own code and not behind it
      name: 'early-texts',
      apply: 'build',
      buildStart() {
        this.emitFile({ type: 'chunk', id: 'src/early/early.ts', name: 'early' });
      },
      transformIndexHtml: {
        order: 'post',
        handler(_html, { bundle = {} }) {
          const early = Object.values(bundle).find((item) => item.type === 'chunk' && item.name === 'early');
          if (early === undefined) return [];
          const attrs = { type: 'module', async: true, crossorigin: true, src: `/${early.fileName}` };
          return [{ tag: 'script', attrs, injectTo: 'head-prepend' as const }];
        },
      },
    },
    {
      // the server sends these as they are
      name: 'gzip-beside',
      apply: 'build',
      async writeBundle({ dir = 'dist' }) {
        for (const name of await readdir(`${dir}/assets`)) {
          if (!/\.(?:js|css|svg|json)$/.test(name)) continue;
          const path = `${dir}/assets/${name}`;
          await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
        }
      },
    },
  ],
  // texts as one string to parse, not a module of five hundred names
  json: { namedExports: false, stringify: true },
  build: {
    target: 'es2022',
    // oklch() without a second spelling of every colour
    cssTarget: ['chrome118', 'safari17.2', 'firefox121'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: pages,
      output: {
        // three shared chunks instead of a dozen: what runs first, what every page needs, what a live room needs
        codeSplitting: {
          groups: [
            { name: 'first', test: FIRST_PICTURE, priority: 3 },
            { name: 'base', test: EVERY_PAGE, priority: 2 },
            { name: 'live', test: LIVE_PAGES, priority: 1 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/v1': { target: server, ws: true }, '/media': { target: server } } },
  test: { include: ['{src,scripts}/**/*.test.ts'], environment: 'node' },
});
