import { readFile, readdir, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Plugin } from 'vite';

/**
 * Leaves what the build before this one consisted of, beside it. Its pages are still open, and ask for parts
 * they have not fetched yet; and in a rolling restart it is still served.
 */
export function keepBuildBefore(): Plugin {
  let out = '';
  let before = '';
  return {
    name: 'keep-build-before',
    apply: 'build',
    config: () => ({ build: { emptyOutDir: false, manifest: true } }),
    configResolved({ root, build }) {
      out = resolve(root, build.outDir);
    },
    async buildStart() {
      before = await readFile(`${out}/.vite/manifest.json`, 'utf8').catch(() => '');
    },
    async writeBundle(_options, bundle) {
      for (const name of await readdir(`${out}/assets`)) {
        const file = `assets/${name.replace(/\.gz$/, '')}`;
        if (!(file in bundle) && !before.includes(`"${file}"`)) await rm(`${out}/assets/${name}`);
      }
    },
  };
}
