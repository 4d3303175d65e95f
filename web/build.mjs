// Bundles the front end: node build.mjs OUTPUT-FOLDER gives page.html, app.js and app.css.
import {copyFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const source = join(dirname(fileURLToPath(import.meta.url)), 'src');
const output = process.argv[2];
const common = {bundle: true, minify: true, charset: 'utf8', legalComments: 'none', logLevel: 'warning',
  target: ['chrome111', 'firefox121', 'safari16.4']};

await build({...common, entryPoints: [join(source, 'main.js')], format: 'iife', outfile: join(output, 'app.js')});
await build({...common, entryPoints: [join(source, 'style.css')], outfile: join(output, 'app.css')});
copyFileSync(join(source, 'page.html'), join(output, 'page.html'));
