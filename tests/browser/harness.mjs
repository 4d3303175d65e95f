// What the browser tests share: the program, Chromium, and how results are told.
//
// test(name, body) runs at once; a script ends with done(). What comes out is "ok NAME", "not ok NAME: why" and
// "skip NAME: why", as of the end-to-end tests.
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const top = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const program = process.env.RTSPBENCH ?? join(top, 'build/rtspbench');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// Where screenshots are left to be looked at; none without it.
const SHOTS = process.env.RTSPBENCH_SHOTS;

let failed = 0;
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));

class Skip extends Error {}

export function skip(why) {
  throw new Skip(why);
}

export function check(condition, why) {
  if (!condition) throw new Error(why);
}

export function equal(got, expected, what) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  check(a === b, `${what}: ${a}, expected ${b}`);
}

export async function test(name, body) {
  if (words.length > 0 && !words.some((word) => name.includes(word))) return;
  const undo = [];
  try {
    await body((step) => undo.push(step));
    console.log(`ok ${name}`);
  } catch (error) {
    if (error instanceof Skip) console.log(`skip ${name}: ${error.message}`);
    else {
      failed++;
      console.log(`not ok ${name}: ${error.stack.split('\n').slice(0, 3).join(' ').replaceAll(/\s+/g, ' ')}`);
    }
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

export async function done() {
  process.exitCode = failed > 0 ? 1 : 0;
}

export function folder(undo) {
  const path = mkdtempSync(join(tmpdir(), 'rtspbench-'));
  undo(() => rmSync(path, {recursive: true, force: true}));
  return path;
}

// A program under way; it ends with the test at the latest.
export function start(undo, ...options) {
  const child = spawn(program, options, {stdio: ['ignore', 'pipe', 'pipe']});
  const running = {child, output: ''};
  running.ended = new Promise((resolve) => child.on('exit', (status) => resolve(status)));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (running.output += data));
  undo(async () => {
    child.kill('SIGKILL'); // nobody waits for a result
    await running.ended;
  });
  // The rest of the first line that begins with text.
  running.says = async (text, seconds = 20) => {
    for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(20)) {
      const line = running.output.split('\n').slice(0, -1).find((one) => one.startsWith(text));
      if (line) return line.slice(text.length).trim();
      if (child.exitCode !== null) break;
    }
    if (/no dashboard|makes no reports/.test(running.output)) skip('this build has no front end');
    throw new Error(`no '${text}' in: ${running.output}`);
  };
  return running;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

// A browser with an empty profile. Pages note what they complain about, and whom they ask.
export async function browser(undo) {
  const {chromium} = await import('playwright-core').catch(() => skip('playwright-core is not installed (npm)'));
  if (!CHROMIUM) skip('chromium is not installed');
  const chrome = await chromium.launch({executablePath: CHROMIUM, args: FLAGS});
  undo(() => chrome.close());
  return {
    async open(url, {width = 1440, height = 900, scheme = 'light'} = {}) {
      const page = await chrome.newPage({viewport: {width, height}, colorScheme: scheme});
      page.complaints = [];
      page.asked = new Set();
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
      });
      page.on('pageerror', (error) => page.complaints.push(String(error)));
      page.on('request', (request) => page.asked.add(new URL(request.url()).origin));
      await page.goto(url);
      return page;
    },
  };
}

// As a full page, in the sizes and schemes that people have.
export const LOOKS = [['light', 1440], ['dark', 1440], ['light', 390], ['dark', 390]];

export async function shoot(page, name) {
  if (SHOTS) await page.screenshot({path: join(SHOTS, name + '.png'), fullPage: true});
}
