// Reports as files: a small one in every look, and one of a day.
import {execFileSync} from 'node:child_process';
import {existsSync, statSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {browser, check, done, equal, folder, LOOKS, program, readJson, shoot, skip, start, test} from './harness.mjs';
import {aDay} from './a_day.mjs';

async function report(undo, result, name) {
  const place = folder(undo);
  const [input, output] = [join(place, 'result.json'), join(place, name)];
  writeFileSync(input, JSON.stringify(result));
  const made = start(undo, 'report', input, '-o', output);
  const status = await made.ended;
  if (status !== 0) await made.says('done', 1);
  return output;
}

// A run with something of everything in it.
async function aRun(undo) {
  const file = join(folder(undo), 'result.json');
  const server = start(undo, 'serve', '--port', '0');
  const url = await server.says('ready ');
  const run = start(undo, `${url}card?drop=1/300`, `${url}cam{1..3}?drop=1/90&reset_after=5s`, `${url}x?status=503`,
    '-n', '60', '-r', '15/s', '-d', '8s', '-t', 'udp', '-q', '--json', file);
  equal(await run.ended, 0, 'status');
  return readJson(file);
}

await test('a report looks right in every size and scheme', async (undo) => {
  const chrome = await browser(undo);
  const result = await aRun(undo);
  const output = await report(undo, result, 'report.html');
  for (const [scheme, width] of LOOKS) {
    const page = await chrome.open(pathToFileURL(output).href, {width, scheme});
    await page.locator('.plot canvas').nth(12).waitFor();
    const sentence = await page.locator('.sentence').textContent();
    check(sentence.startsWith('Passed '), sentence);
    equal(await page.locator('.plot canvas').count(), 13, 'plots');
    const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    check(wide <= shown, `${width} ${scheme}: ${wide} pixels wide`);
    equal(page.complaints, [], 'console');
    equal([...page.asked], ['null'], 'who was asked');
    await shoot(page, `report-${width}-${scheme}`);
    await page.close();
  }
});

await test('a report prints in light colours, all of it', async (undo) => {
  const chrome = await browser(undo);
  const page = await chrome.open(pathToFileURL(await report(undo, aDay(), 'day.html')).href, {scheme: 'dark'});
  await page.locator('.plot canvas').nth(12).waitFor();
  const pdf = await page.pdf({format: 'A4'});
  check(pdf.length > 50000, `${pdf.length} bytes`);
  await page.emulateMedia({media: 'print', colorScheme: 'dark'});
  equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)', 'paper');
  await page.setViewportSize({width: 703, height: 1000}); // A4 within its margins
  const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  check(wide <= shown, `${wide} pixels wide on paper`);
  if (process.env.RTSPBENCH_SHOTS) writeFileSync(join(process.env.RTSPBENCH_SHOTS, 'report.pdf'), pdf);
});

// By itself in the time that it takes; A_DAY_READERS=10000 is the whole of it.
function aDayOnTheSim(undo) {
  const maker = join(dirname(program), 'tests/unit/a-day');
  if (!existsSync(maker)) skip(`${maker} was not built`);
  const file = join(folder(undo), 'result.json');
  execFileSync(maker, [file], {env: {A_DAY_READERS: '2000', ...process.env}});
  return readJson(file);
}

async function isSmallAndQuick(undo, result, name) {
  const chrome = await browser(undo);
  const output = await report(undo, result, 'day.html');
  const bytes = statSync(output).size;
  check(bytes < 2e6, `${bytes} bytes`);
  // The best of some: what else the machine does is not the page's doing.
  let page;
  const loaded = [];
  for (let i = 0; i < 5 && !(Math.min(...loaded) < 1000); i++) {
    page = await chrome.open(pathToFileURL(output).href);
    loaded.push(await page.evaluate(() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd));
  }
  check(Math.min(...loaded) < 1000, `DOMContentLoaded after ${loaded} ms`);
  await page.locator('.plot canvas').nth(12).waitFor();
  equal(page.complaints, [], 'console');
  await shoot(page, name + '-1440-light');
}

await test('a report of a day and 10,000 sessions is small and quick', async (undo) => {
  await isSmallAndQuick(undo, aDay(), 'day');
});

await test('a report of a day on the simulated network is small and quick', async (undo) => {
  const result = aDayOnTheSim(undo);
  check(result.series.t_s.length > 1500 && result.rtp.lost > 0, 'not much of a day');
  await isSmallAndQuick(undo, result, 'sim-day');
});

// The day once more, with publishers beside its readers, who came in the second half.
function aDayOfBoth() {
  const day = aDay();
  const rows = day.series.t_s.length;
  const ramp = (end) => Array.from({length: rows}, (_, i) => Math.round(Math.max(0, (2 * i) / rows - 1) * end));
  Object.assign(day.series, {published: ramp(4e9), published_bytes: ramp(4e12), publish_dropped: ramp(90000),
    publish_late_p50_ms: day.series.jitter_p50_ms, publish_late_p95_ms: day.series.jitter_p95_ms,
    publish_late_p99_ms: day.series.jitter_p99_ms});
  const published = {packets: 4e9, bytes: 4e12, dropped: 90000, dropped_ratio: 90000 / (4e9 + 90000),
    dropped_by: {server: 60000, self: 30000}, reported_lost: 120000, unconfirmed: 12, unacked_bytes: 34567,
    unconfirmed_ratio: 0.12, late_ms: day.rtp.jitter_ms, round_trip_ms: day.rtp.jitter_ms};
  day.streams[0].published = published;
  for (const stream of day.streams) stream.published ??= {packets: 0, bytes: 0, dropped: 0, reported_lost: 0};
  return {...day, published, rtcp: {...day.rtcp, sr_sent: 5, rr_received: 7}};
}

await test('publishers beside readers', async (undo) => {
  const chrome = await browser(undo);
  for (const [scheme, width] of LOOKS) {
    const page = await chrome.open(pathToFileURL(await report(undo, aDayOfBoth(), 'both.html')).href, {scheme, width});
    await page.locator('.plot canvas').nth(14).waitFor();
    const sentence = await page.locator('.sentence').textContent();
    check(sentence.includes('90,000 packets dropped (0.002\u00a0%, most by the server)'), sentence);
    const packets = page.locator('figure[aria-labelledby=c-packets]');
    equal(await packets.locator('.legend button:visible').count(), 2, 'lines');
    const label = await packets.locator('[role=img]').getAttribute('aria-label');
    check(/; now received [^;]*; published /.test(label), label);
    equal((await page.locator('section[aria-labelledby=s-published] dd').allTextContents()).slice(2, 7),
      ['90,000 (0.002 %)', '60,000: it took too little', '30,000: this machine was late',
        '12 (12.0 %), 34.6 kB unacknowledged', '120,000'], 'published');
    equal(await page.locator('section[aria-labelledby=s-streams] .table:visible thead th').allTextContents(),
      ['URL', 'Established', 'Failed', 'Dropped', 'Packets', 'Lost', 'Loss', 'Published', 'Not sent', 'Reported lost',
        'Start-up p95', 'Bit rate'], 'columns');
    const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    check(wide <= shown, `${width} ${scheme}: ${wide} pixels wide`);
    equal(page.complaints, [], 'console');
    await shoot(page, `both-${width}-${scheme}`);
    await page.close();
  }
});

await test('objectives that were missed are red', async (undo) => {
  const chrome = await browser(undo);
  const result = {...aDay(), verdict: 'fail', slo: [{expr: 'startup.p95<20ms', value: 31.5, ok: false},
    {expr: 'loss_ratio<0.1%', value: 0.0002, ok: true}, {expr: 'join.p95<1s', value: null, never: 1200, ok: false},
    {expr: 'freezes=0', value: null, never: 0, ok: false}]};
  const page = await chrome.open(pathToFileURL(await report(undo, result, 'slo.html')).href);
  equal(await page.locator('.objective.bad').allTextContents(), ['missedstartup.p95<20ms31.5 ms',
    'missedjoin.p95<1s1,200 never got there', 'missedfreezes=0not measured'], 'missed');
  equal(await page.locator('.objective.good').allTextContents(), ['keptloss_ratio<0.1%0.02 %'], 'kept');
  const sentence = await page.locator('.sentence').textContent();
  check(sentence.startsWith('Failed 3 failed, 2 dropped; 3 of 4 objectives missed'), sentence);
});

// 40 were begun; 15 were not answered, 5 of the others got no packet. Half of the load that was wanted was there.
function halfHung() {
  const day = aDay();
  const sessions = {started: 40, established: 24, got_media: 19, failed: 1, unanswered: 15, cancelled: 0, dropped: 0, completed: 24,
    not_started: 0, retries: 0, starting: 0, playing: 0, no_media: 5, held_ratio: 0.5, held_s: 400, wanted_s: 800, active_peak: 24};
  const startup = {...day.latency_ms.startup, count: 19, p95: 1.5, never: 21};
  return {...day, sessions, latency_ms: {...day.latency_ms, startup, come_back: {...startup, count: 0, never: 3}},
    lead: ['15 unanswered', '5 without media'], headline: 'FAIL  24 of 40 sessions, …', verdict: 'fail',
    slo: [{expr: 'startup.p95<500ms', value: null, never: 21, ok: false}]};
}

await test('who hung, or got no media, is counted', async (undo) => {
  const chrome = await browser(undo);
  const page = await chrome.open(pathToFileURL(await report(undo, halfHung(), 'hung.html')).href);
  await page.locator('.plot canvas').nth(12).waitFor();
  const sentence = await page.locator('.sentence').textContent();
  check(sentence.startsWith('Failed 15 unanswered, 5 without media; 1 of 1 objective missed'), sentence);
  check(sentence.includes('24 of 40 sessions established, first packet within 1.50\u00a0ms for 95\u00a0% of the 19 that got one'), sentence);
  const tile = page.locator('.tile', {hasText: 'Failed, dropped'});
  equal(await tile.locator('.value').textContent(), '16, 0', 'failed and unanswered, dropped');
  check((await tile.locator('.note').textContent()).endsWith('errors, 15 unanswered'), 'the note');
  const facts = await page.locator('section[aria-labelledby=s-sessions] .facts > div')
    .evaluateAll((rows) => Object.fromEntries(rows.map((row) => [...row.children].map((cell) => cell.textContent))));
  equal(facts, {Started: '40', Established: '24', Failed: '1', Unanswered: '15', Cancelled: '0', 'With media': '19',
    'Without media': '5', Dropped: '0', Completed: '24', 'Never begun': '0', Retries: '0', Starting: '0', Playing: '0',
    Held: '50.0 % of 800 session-seconds wanted'}, 'sessions');
  const rows = await page.locator('section[aria-labelledby=s-latency] tbody tr')
    .evaluateAll((all) => all.map((row) => [row.children[0].textContent, row.children[2].textContent]));
  equal(rows.filter(([name]) => ['startup', 'come back'].includes(name)), [['startup', '21'], ['come back', '3']], 'never');
  equal(page.complaints, [], 'console');
  await shoot(page, 'hung-1440-light');
});

await test('a result that knows nothing of unanswered sessions', async (undo) => {
  const chrome = await browser(undo);
  const page = await chrome.open(pathToFileURL(await report(undo, aDay(), 'older.html')).href);
  const terms = await page.locator('section[aria-labelledby=s-sessions] dt').allTextContents();
  equal(terms, ['Started', 'Established', 'Failed', 'Cancelled', 'With media', 'Dropped', 'Completed', 'Never begun', 'Retries'], 'terms');
  equal(page.complaints, [], 'console');
});

await done();
