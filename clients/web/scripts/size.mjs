// Sizes of the built pages' own scripts and styles, gzipped, against their budgets: what a page loads
// at once, its texts included, and all it can ever load. A page is in one language, the larger one is
// counted. The video player library, which a page without a playlist never loads, is not ours.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const BUDGETS_KB = {
  'room.html': { atOnce: 60, inAll: 80 },
  'index.html': { atOnce: 45, inAll: 50 },
  'account.html': { atOnce: 60, inAll: 70 },
  'studio.html': { atOnce: 80, inAll: 95 },
};
const EARLY = 'src/early/early.ts';
const TEXTS = 'src/i18n/locales/ar.json';
const NOT_COUNTED = /hls|locales\/(?:\w+\.)?en\.json/;

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'));

/** Chunks that load with these, and, if so wanted, those that may follow. */
function closure(starts, isFollowed) {
  const found = new Set();
  const visit = (key) => {
    const chunk = manifest[key];
    if (chunk === undefined || found.has(key) || NOT_COUNTED.test(key)) return;
    found.add(key);
    for (const next of chunk.imports ?? []) visit(next);
    if (isFollowed) for (const next of chunk.dynamicImports ?? []) visit(next);
  };
  starts.forEach(visit);
  return found;
}

/** Texts that are fetched as they are, not as a module. */
function textsOf(key) {
  return (manifest[key].assets ?? []).filter((name) => /\.ar-[^/]*\.json$/.test(name));
}

async function weigh(keys, isFollowed) {
  const files = new Set([...keys].flatMap((key) => [manifest[key].file, ...(manifest[key].css ?? []), ...(isFollowed ? textsOf(key) : [])]));
  let bytes = 0;
  for (const file of files) bytes += gzipSync(await readFile(new URL(file, dist)), { level: 9 }).length;
  return bytes / 1000;
}

let isOver = false;
for (const [page, budget] of Object.entries(BUDGETS_KB)) {
  const starts = [page, EARLY, TEXTS];
  const atOnce = await weigh(closure(starts, false), false);
  const inAll = await weigh(closure(starts, true), true);
  const isFine = atOnce <= budget.atOnce && inAll <= budget.inAll;
  isOver ||= !isFine;
  const told = [
    isFine ? 'ok  ' : 'OVER',
    page.padEnd(13),
    `${atOnce.toFixed(1).padStart(5)} kB of ${budget.atOnce} at once,`,
    `${inAll.toFixed(1).padStart(5)} kB of ${budget.inAll} in all`,
  ];
  console.log(told.join(' '));
}
process.exit(isOver ? 1 : 0);
