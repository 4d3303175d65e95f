// The front end's pieces that need no browser: formats, the series, the sentence.
import {done, equal, test} from './harness.mjs';
import {aDay} from './a_day.mjs';
import * as f from '../../web/src/format.js';
import {Series, seriesOf} from '../../web/src/series.js';
import {progress, verdict} from '../../web/src/verdict.js';

await test('numbers as people read them', () => {
  const rows = [
    [f.count, 1234567, '1,234,567'], [f.count, 0, '0'], [f.count, null, '–'],
    [f.short, 999, '999'], [f.short, 1000, '1.00k'], [f.short, 18432, '18.4k'], [f.short, 999960, '1.00M'],
    [f.ms, 0, '0 ms'], [f.ms, 0.87, '870 µs'], [f.ms, 0.0005, '0.50 µs'], [f.ms, 1, '1.00 ms'], [f.ms, 99.96, '100 ms'],
    [f.ms, 999.4, '999 ms'], [f.ms, 999.6, '1.00 s'], [f.ms, 12345, '12.3 s'], [f.ms, null, '–'],
    [f.bitrate, 183e6, '183 Mbit/s'], [f.bitrate, 0, '0 bit/s'], [f.bytes, 34.1e6, '34.1 MB'],
    [f.percent, 0, '0 %'], [f.percent, 0.5, '50.0 %'], [f.percent, 0.0008, '0.08 %'], [f.percent, 0.000001, '<0.001 %'],
    [f.percent, 1, '100 %'], [f.clock, 7, '0:07'], [f.clock, 754, '12:34'], [f.clock, 3723.9, '1:02:03'],
    [f.clock, 0.9999999, '0:01'], [f.seconds, 5, '5.00 s'], [f.seconds, 90, '1:30'],
  ];
  for (const [format, value, text] of rows) equal(format(value), text, `${format.name}(${value})`);
});

const rows = (from, to) => {
  const range = Array.from({length: to - from}, (_, i) => from + i);
  return {t_s: range.map((i) => i + 1), packets: range.map((i) => (i + 1) * 10), cpu: range.map((i) => (i === 1 ? 0.9 : 0.1)),
    startup_p95_ms: range.map((i) => (i === 0 ? 7 : null)), startups: range.map((i) => (i < 2 ? [3, 1, 5 + i, 2] : [])),
    startup_bands_ms: [0, 1]};
};

await test('rows that are there already are left out', () => {
  const series = new Series(rows(0, 5));
  series.append(rows(2, 8));
  series.append(rows(0, 3));
  equal(series.t, [1, 2, 3, 4, 5, 6, 7, 8], 'times');
  equal(series.column('packets'), [10, 20, 30, 40, 50, 60, 70, 80], 'packets');
  equal(series.startups.length, 8, 'startups');
});

await test('rates are a second, and of rows that are long enough', () => {
  const series = new Series({...rows(0, 4), t_s: [1, 3, 3.1, 4.1]});
  equal(series.rate('packets').map((v) => (v === null ? v : Math.round(v))), [10, 5, null, 10], 'rates');
});

await test('a long run is thinned: sums, peaks and later totals stay', () => {
  const series = new Series(rows(0, 4096));
  series.append(rows(4096, 4097));
  equal(series.length, 3073, 'rows');
  equal(series.t.slice(0, 2), [2, 4], 'times');
  equal(series.column('packets')[0], 20, 'the later total');
  equal(series.column('cpu')[0], 0.9, 'the higher peak');
  equal(series.column('startup_p95_ms')[0], 7, 'the one there is');
  equal(series.startups[0], [3, 2, 5, 2, 6, 2], 'bands added up');
  equal(series.t[series.length - 1], 4097, 'the newest');
  equal(new Set([...Object.values(series.columns).map((c) => c.length), series.startups.length]).size, 1, 'lengths');
});

await test('a result of an older version has its timeline', () => {
  const series = seriesOf({timeline: [{t_s: 5, packets: 3}, {t_s: 10, packets: 9}]});
  equal([series.t, series.column('packets'), series.column('lost_self')], [[5, 10], [3, 9], [null, null]], 'columns');
  equal(seriesOf({}).length, 0, 'nothing at all');
});

await test('the sentence says what matters', () => {
  const base = aDay();
  const clean = {...base, sessions: {...base.sessions, started: 9, established: 9, failed: 0, dropped: 0},
    rtp: {...base.rtp, lost: 0}};
  const limited = {...base.generator, verdict: 'limited', limits: ['cpu']};
  const none = {...clean, verdict: 'fail', sessions: {...clean.sessions, established: 0}};
  const startup = {...clean.latency_ms.startup, count: 4, p95: 1.5};
  const silent = {...clean, latency_ms: {...clean.latency_ms, startup}, lead: ['5 without media', '2 unanswered'],
    sessions: {...clean.sessions, started: 12, failed: 1, unanswered: 2, no_media: 5, dropped: 0}};
  const never = {expr: 'startup.p95<1s', value: null, never: 7, ok: false};
  const rows = [
    [verdict(clean), 'good', 'Passed', /^9 of 9 sessions established.*no packet lost\.$/],
    [verdict(base), 'warn', 'Passed', /^3 failed, 2 dropped; [\d,]+ of [\d,]+ sessions established, first packet within .* packets lost/],
    [verdict(silent), 'warn', 'Passed', new RegExp('^5 without media, 2 unanswered; 9 of 12 sessions established, ' +
      'first packet within 1\\.50 ms for 95 % of the 4 that got one, 1 failed, no packet lost\\.$')],
    [verdict({...silent, verdict: 'fail', slo: [never]}), 'bad', 'Failed',
      /^5 without media, 2 unanswered; 1 of 1 objective missed \(startup\.p95<1s\): 9 of 12 sessions established, first/],
    [verdict({...silent, verdict: 'invalid', generator: limited}), 'warn', 'Invalid',
      /says nothing about the server: 5 without media, 2 unanswered; 9 of 12/],
    [verdict({...silent, lead: undefined}), 'warn', 'Passed', /^5 without media, 2 unanswered; 9 of 12 /],
    [verdict({...clean, lead: ['6 TEARDOWNs unanswered']}), 'warn', 'Passed', /^6 TEARDOWNs unanswered; 9 of 9 /],
    [verdict({...clean, latency_ms: {...clean.latency_ms, startup: {...startup, count: 9}}}), 'good', 'Passed',
      / established, first packet within 1\.50 ms for 95 % of them, no packet lost\.$/],
    [verdict({...clean, verdict: 'fail', slo: [{expr: 'a<1', value: 0, ok: true}]}), 'bad', 'Failed',
      /^no media at all, and objectives were set: 9 of 9 sessions established/],
    [verdict({...none, errors: [], lead: ['9 unanswered']}), 'bad', 'Failed', /^No session of 9 was established: 9 unanswered\.$/],
    [verdict({...clean, generator: limited}), 'warn', 'Passed', /But the generator was the limit: its CPU was busy\.$/],
    [verdict({...clean, verdict: 'invalid', generator: limited}), 'warn', 'Invalid', /says nothing about the server/],
    [verdict({...clean, interrupted: {signal: 'SIGTERM', at_s: 2.04, of_s: 20}}), 'good', 'Passed',
      /^9 of 9 .* lost\. Interrupted after 2\.0 of 20 s\.$/],
    [verdict({...clean, interrupted: {signal: 'SIGTERM', at_s: 2.04, of_s: 20}, verdict: 'invalid'}), 'warn', 'Invalid',
      /^Interrupted after 2\.0 of 20 s, before the target was reached, so this says nothing about the server: 9 of 9/],
    [verdict({...none, interrupted: {signal: 'SIGINT', at_s: 65, of_s: 3600}}), 'bad', 'Failed', / Interrupted after 1:05 of 1:00:00\.$/],
    [verdict({...clean, interrupted: {signal: 'SIGTERM', at_s: 9, of_s: 20}, verdict: 'invalid', generator: limited}), 'warn', 'Invalid',
      /^The generator was the limit/],
    [verdict({...clean, verdict: 'fail', slo: [{expr: 'a<1', value: 2, ok: false}]}), 'bad', 'Failed', /^1 of 1 objective missed \(a<1\)/],
    [verdict(none), 'bad', 'Failed', /^No session of 9 was established\. Most often: connect timeout\.$/],
    [verdict({...clean, state: 'running', verdict: null, elapsed_s: 65}), 'warn', 'Unfinished', /^What .* unfinished run after 1:05: 9 of 9/],
    [progress(clean), 'live', 'Running', /^9 of 9/],
    [progress({...clean, slo: [{expr: 'a<1', value: 2, ok: false}]}), 'bad', 'Running', /^9 of 9/],
    [progress({...clean, slo: [{expr: 'a<1', value: null, ok: false}]}), 'live', 'Running', /^9 of 9/],
    [progress({...clean, slo: [{expr: 'a<1', value: null, never: 0, ok: false}]}), 'live', 'Running', /^9 of 9/],
    [progress({...silent, slo: [never]}), 'bad', 'Running', /^5 without media, 2 unanswered; 9 of 12/],
  ];
  for (const [[kind, word, sentence], ...expected] of rows) {
    equal([kind, word], expected.slice(0, 2), sentence);
    equal(expected[2].test(sentence), true, `${expected[2]} in '${sentence}'`);
  }
});

await done();
