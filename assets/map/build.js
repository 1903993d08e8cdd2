// Builds src/ into ../../static/map.js. The first line names what it was built from, so that a test without
// Node can tell a stale or an edited bundle: the SHA-256 of the sources, and of everything after that line.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '../../static/map.js');
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

const names = readdirSync(join(here, 'src')).sort().map((name) => `src/${name}`);
const sources = ['build.js', 'package-lock.json', 'package.json', ...names];
const parts = sources.flatMap((name) => [name, '\0', readFileSync(join(here, name)), '\0']);

const result = await build({
  entryPoints: [join(here, 'src/index.js')],
  bundle: true,
  format: 'esm',
  minify: true,
  target: 'es2022',
  loader: { '.css': 'text' },
  legalComments: 'eof',
  write: false,
});
const body = result.outputFiles[0].text;
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, `// sources ${sha256(...parts)} bundle ${sha256(body)}\n${body}`);
