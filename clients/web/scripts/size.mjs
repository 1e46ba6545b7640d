// Sizes of the built pages, gzipped, against their budgets. Everything a page can load counts, later
// chunks too; only the video player library, which a page without a playlist never loads, does not.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const BUDGETS_KB = { 'room.html': 60, 'index.html': 50, 'account.html': 60, 'studio.html': 90 };
const NOT_OURS = /hls/;

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'));

async function gzipped(file) {
  return gzipSync(await readFile(new URL(file, dist)), { level: 9 }).length;
}

function closure(start, isFollowed) {
  const found = new Set();
  const visit = (key) => {
    const chunk = manifest[key];
    if (chunk === undefined || found.has(key) || NOT_OURS.test(key)) return;
    found.add(key);
    for (const next of chunk.imports ?? []) visit(next);
    if (isFollowed) for (const next of chunk.dynamicImports ?? []) visit(next);
  };
  visit(start);
  return found;
}

async function weigh(keys) {
  const files = new Set([...keys].flatMap((key) => [manifest[key].file, ...(manifest[key].css ?? [])]));
  let sum = 0;
  for (const file of files) sum += await gzipped(file);
  return sum / 1000;
}

let isOver = false;
for (const [page, budgetKb] of Object.entries(BUDGETS_KB)) {
  const atOnce = await weigh(closure(page, false));
  const inAll = await weigh(closure(page, true));
  const isFine = inAll <= budgetKb;
  isOver ||= !isFine;
  console.log(
    `${isFine ? 'ok  ' : 'OVER'}  ${page.padEnd(13)} ${inAll.toFixed(1).padStart(6)} kB of ${budgetKb} (first picture: ${atOnce.toFixed(1)} kB)`,
  );
}
process.exit(isOver ? 1 : 0);
