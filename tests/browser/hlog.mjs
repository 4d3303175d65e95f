// --hlog, read back by HdrHistogram's own JavaScript: no browser needed.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {check, done, equal, folder, readJson, skip, start, test} from './harness.mjs';

const hdr = await import('hdr-histogram-js').catch(() => null);

// Every line of the log by its tag, added up.
function read(text) {
  const reader = new hdr.HistogramLogReader(text);
  const tags = new Map();
  for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram()) {
    const known = tags.get(one.tag) ?? {intervals: 0, sum: null};
    known.sum ? known.sum.add(one) : (known.sum = one);
    known.intervals++;
    tags.set(one.tag, known);
  }
  return tags;
}

// A run of 60 sessions; the log as it was read, and the result.
async function logged(undo, path, ...options) {
  if (!hdr) skip('hdr-histogram-js is not installed (npm)');
  const dir = folder(undo);
  const server = start(undo, 'serve', '--port', '0');
  const url = await server.says('ready ');
  const log = join(dir, 'run.hlog'), file = join(dir, 'run.json');
  const run = start(undo, url + path, '-n', '60', '-r', '20/s', '-d', '5s', '--stats-interval', '1s', '-q', '--hlog', log,
    '--json', file, ...options);
  equal(await run.ended, 0, 'status');
  return {tags: read(readFileSync(log, 'utf8')), result: readJson(file)};
}

function sayTheSame({tags, result}) {
  const expected = {...result.latency_ms, jitter: result.rtp.jitter_ms, loop_lag: result.generator.loop_lag_ms,
    schedule_lag: result.generator.schedule_lag_ms, panel_latency: result.panel.latency_ms,
    publish_late: result.published.late_ms, round_trip: result.published.round_trip_ms};
  for (const [tag, h] of Object.entries(expected)) {
    if (h.count === 0) {
      check(!tags.has(tag), `${tag} is in the log, and has no values`);
      continue;
    }
    check(tags.has(tag), `${tag} is not in the log`);
    const {sum} = tags.get(tag);
    equal(sum.totalCount, h.count, `${tag}: count`);
    for (const [name, percent] of [['p50', 50], ['p75', 75], ['p90', 90], ['p95', 95], ['p99', 99], ['p999', 99.9]])
      equal(Math.min(sum.getValueAtPercentile(percent), h.max * 1000) / 1000, h[name], `${tag}: ${name}`);
  }
}

await test('the log says what the result says', async (undo) => {
  const {tags, result} = await logged(undo, 'card');
  sayTheSame({tags, result});
  check(tags.get('startup').intervals >= 3, 'startup has a line an interval');
  equal(tags.get('startup').sum.numberOfSignificantValueDigits, 3, 'digits of startup');
});

await test('the log of publishers, too', async (undo) => {
  const {tags, result} = await logged(undo, 'live/{n}', '--publish', '--pattern', '50/s:200');
  sayTheSame({tags, result});
  for (const tag of ['announce', 'record', 'publish_late']) check(tags.has(tag), `${tag} is not in the log`);
  equal(tags.get('publish_late').sum.totalCount, result.published.packets, 'packets');
  check(tags.get('publish_late').intervals >= 4, 'publish_late has a line an interval');
});

await done();
