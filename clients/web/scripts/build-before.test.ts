import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keepBuildBefore } from './build-before';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'build-before-'));
});
afterAll(() => rm(root, { recursive: true }));

/** What is there after a build of this page. */
async function built(text: string): Promise<string[]> {
  const input = join(root, 'main.js');
  await writeFile(input, `console.log('${text}')`);
  await build({ root, configFile: false, logLevel: 'silent', plugins: [keepBuildBefore()], build: { rolldownOptions: { input } } });
  return readdir(join(root, 'dist/assets'));
}

it('leaves the build before beside the new one, and none before that', async () => {
  const [first = ''] = await built('one');
  await writeFile(join(root, 'dist/assets', `${first}.gz`), ''); // as it is served
  const two = await built('two');
  expect(two).toHaveLength(3);
  expect(two).toEqual(expect.arrayContaining([first, `${first}.gz`]));
  const three = await built('three');
  expect(three).toHaveLength(2);
  expect(three).not.toContain(first);
});
