// Builds the page: `node build.mjs` writes `dist/`, `node build.mjs FOLDER` writes elsewhere.
//
// The same sources give the same bytes, so that a test can compare what is committed with what is built. `--tests` bundles
// the tests of the sources for Node instead.
import { copyFileSync, readFileSync, writeFileSync, mkdirSync, rmSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, 'dist');

const shared = {
  absWorkingDir: here,
  bundle: true,
  charset: 'utf8',
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
  target: ['es2023', 'chrome123', 'firefox121', 'safari17.5'],
};

if (target === '--tests') {
  const folder = join(here, 'node_modules/.tests');
  rmSync(folder, { recursive: true, force: true });
  const sources = readdirSync(join(here, 'src'), { recursive: true, encoding: 'utf8' });
  const entryPoints = sources.filter((name) => name.endsWith('.test.ts')).map((name) => join('src', name));
  await build({
    ...shared,
    entryPoints,
    outdir: folder,
    platform: 'node',
    target: 'node20',
    outExtension: { '.js': '.mjs' },
  });
} else {
  mkdirSync(target, { recursive: true });
  await build({
    ...shared,
    entryPoints: { app: 'src/main.tsx' },
    outdir: target,
    minify: true,
  });
  for (const name of ['index.html', 'icon.png']) copyFileSync(join(here, 'src', name), join(target, name));
  writeFileSync(join(target, 'LICENSES'), licenses());
}

/** The licence texts of what is in the bundle. */
function licenses() {
  const texts = ['preact', 'uplot'].map((name) => {
    const folder = join(here, 'node_modules', name);
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return `${name} ${version}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}\n`;
  });
  return `The page of the dashboard contains two libraries, under these licences.\n\n${texts.join('\n\n')}`;
}
