// The dashboard while a run of 200 readers goes on.
import {join} from 'node:path';
import {browser, check, done, equal, folder, LOOKS, readJson, shoot, sleep, start, test} from './harness.mjs';

const count = (n) => n.toLocaleString('en-US');

// A run of readers against a server of its own, with what it has to say where.
async function watched(undo, seconds, ...options) {
  const file = join(folder(undo), 'result.json');
  const server = start(undo, 'serve', '--port', '0', '--pattern', '50/s:900');
  const url = await server.says('ready ');
  const run = start(undo, `${url}a?drop=1/200`, `${url}b?status=503`, `${url}c*5`, '-n', '200', '-r', '60/s',
    '-d', `${seconds}s`, '-q', '--web', ':0', '--json', file, ...options);
  return {run, file, where: await run.says('rtspbench: dashboard at ')};
}

const tile = (page, title) => page.locator('.tile', {hasText: title}).locator('.value').first().textContent();
const cells = (page, name) => page.locator(`section[aria-labelledby=${name}] tbody tr`)
  .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));

// How much what is there has moved about, without anybody's doing (0 to 1).
async function layoutShift(page) {
  return page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) sum += entry.value;
    }).observe({type: 'layout-shift', buffered: true});
    setTimeout(() => resolve(sum), 200);
  }));
}

// Each change of a text, while a time goes by.
async function changes(page, selector, ms) {
  return page.evaluate(([selector, ms]) => new Promise((resolve) => {
    const seen = [];
    const watcher = new MutationObserver(() => seen.push(document.querySelector(selector).textContent));
    watcher.observe(document.querySelector(selector), {childList: true, characterData: true, subtree: true});
    setTimeout(() => resolve(seen), ms);
  }), [selector, ms]);
}

await test('shows what the result holds in the end', async (undo) => {
  const chrome = await browser(undo);
  const {run, file, where} = await watched(undo, 12);
  const page = await chrome.open(where);
  await page.locator('.state[data-state=live]', {hasText: 'live'}).waitFor();

  const times = await changes(page, '.time', 4000);
  check(times.length >= 3 && times.length <= 6, `changes in 4 s: ${times}`);

  await page.reload();
  const axis = page.locator('figure', {hasText: 'Sessions'}).first();
  await axis.locator('summary').click();
  await axis.locator('tbody tr').nth(3).waitFor();
  const rows = await axis.locator('tbody th').allTextContents();
  equal(rows[rows.length - 1], '0:01', 'the first row after a reload');

  await page.locator('.state[data-state=ended]').waitFor({timeout: 20000});
  equal(await run.ended, 0, 'status');
  const result = readJson(file);
  equal(await tile(page, 'Packets'), count(result.rtp.packets), 'packets');
  const {failed, unanswered, dropped} = result.sessions;
  equal(await tile(page, 'Failed, dropped'), `${count(failed + unanswered)}, ${dropped}`, 'failed');
  const sentence = await page.locator('.sentence').textContent();
  check(sentence.includes(`${result.sessions.established} of 200 sessions`), sentence);
  check(sentence.includes(`${count(result.rtp.lost)} packets lost`), sentence);
  equal((await cells(page, 's-streams')).map((row) => [row[0], row[4], row[5]]),
    result.streams.map(({url, rtp}) => [url, count(rtp.packets), count(rtp.lost)]), 'streams');
  equal((await cells(page, 's-errors')).map((row) => [...row.slice(0, 2), row[3], row[4]]),
    result.errors.map((e) => [e.phase, e.reason, count(e.count), e.sample]), 'errors');
  equal((await cells(page, 's-loss-by-cause')).map((row) => row[1]),
    ['network', 'local_socket', 'self', 'server'].map((key) => count(result.rtp.lost_by[key])), 'loss by cause');
  equal(page.complaints, [], 'console');
  equal([...page.asked], [new URL(where).origin], 'who was asked');
});

await test('looks right in every size and scheme', async (undo) => {
  const chrome = await browser(undo);
  const {where} = await watched(undo, 60);
  const pages = [];
  for (const [scheme, width] of LOOKS) pages.push([scheme, width, await chrome.open(where, {width, scheme})]);
  await sleep(4500);
  for (const [scheme, width, page] of pages) {
    await page.locator('.plot canvas').nth(11).waitFor();
    const shift = await layoutShift(page);
    const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    check(wide <= shown, `${width} ${scheme}: ${wide} pixels wide`);
    check(shift < 0.1, `${width} ${scheme}: layout shift ${shift}`);
    const canvases = await page.locator('.plot canvas').count();
    equal(canvases, 12, `${width} ${scheme}: plots`);
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    equal(dark === 'rgb(14, 18, 23)', scheme === 'dark', `${width}: dark`);
    equal(page.complaints, [], 'console');
    await shoot(page, `dashboard-${width}-${scheme}`);
  }
});

await test('is used by keyboard and read aloud', async (undo) => {
  const chrome = await browser(undo);
  const {where} = await watched(undo, 60);
  const page = await chrome.open(where);
  await page.locator('.legend button').first().waitFor();
  await page.keyboard.press('Tab');
  const focused = await page.evaluate(() => {
    const style = getComputedStyle(document.activeElement);
    return [document.activeElement.tagName, style.outlineStyle];
  });
  equal(focused, ['BUTTON', 'solid'], 'focus');
  await page.keyboard.press('Space');
  equal(await page.evaluate(() => document.activeElement.getAttribute('aria-pressed')), 'false', 'a line is hidden');
  await sleep(1500);
  const unnamed = await page.evaluate(() => [...document.querySelectorAll('button, summary, [role=img], [role=region], input')]
    .filter((e) => !e.closest('[hidden]') && !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label'))).length);
  equal(unnamed, 0, 'elements without a name');
  const label = await page.locator('[role=img]').first().getAttribute('aria-label');
  check(/^Sessions over time; now active \d+/.test(label), label);
  equal(await page.locator('h1').count(), 1, 'h1');
});

await test('shows what publishers send, and nothing of readers', async (undo) => {
  const chrome = await browser(undo);
  const file = join(folder(undo), 'result.json');
  const url = await start(undo, 'serve', '--port', '0').says('ready ');
  const run = start(undo, '--publish', '--pattern', '100/s:700', `${url}live/{n}`, '-n', '10', '-r', '20/s', '-d', '6s', '-q',
    '--web', ':0', '--json', file);
  const where = await run.says('rtspbench: dashboard at ');
  const page = await chrome.open(where);
  await page.locator('.what', {hasText: '10 publishers to rtsp://'}).waitFor();
  await page.locator('.tile', {hasText: 'Packets'}).locator('.value', {hasText: /k\/s/}).waitFor();
  await page.locator('.state[data-state=ended]').waitFor({timeout: 20000});
  equal(await run.ended, 0, 'status');
  const {published, streams} = readJson(file);
  check(published.packets > 4000 && published.dropped === 0, JSON.stringify(published));
  equal(await tile(page, 'Packets'), count(published.packets), 'packets');
  equal(await tile(page, 'Not sent'), '0 %', 'dropped');
  const sentence = await page.locator('.sentence').textContent();
  check(sentence.includes('10 of 10 publishers') && sentence.includes('no packet dropped'), sentence);
  check(!sentence.includes('lost'), sentence);
  const facts = await page.locator('section[aria-labelledby=s-published] dd').allTextContents();
  check(facts[0].startsWith(count(published.packets) + ', '), facts[0]);
  equal((await cells(page, 's-streams')).map((row) => [row[0], row[4], row[5]]),
    streams.map(({url: path, published: p}) => [path, count(p.packets), count(p.dropped)]), 'streams');
  const charts = await page.locator('.charts figure:visible .title').allTextContents();
  equal(charts, ['Sessions', 'Start-up', 'Start-up heat map', 'Packets', 'Bit rate', 'Dropped', 'Lateness', 'Errors',
    'Generator CPU', 'Generator lag'], 'charts');
  equal(await page.locator('figure', {hasText: 'Packets'}).first().locator('.legend button:visible').count(), 1, 'lines');
  equal(await page.locator('h2:visible', {hasText: /Panel|Loss by cause/}).count(), 0, 'sections of readers');
  equal(page.complaints, [], 'console');
  await shoot(page, 'publishers');
});

await test('pauses and resumes arrivals', async (undo) => {
  const chrome = await browser(undo);
  const {where} = await watched(undo, 60, '-r', '5/s', '--web-control', 'a-long-secret');
  const page = await chrome.open(where);
  await page.getByRole('button', {name: 'Pause …'}).click();
  await page.getByLabel('Token').fill('a-long-secret');
  await page.getByRole('button', {name: 'Pause', exact: true}).click();
  await page.locator('.state', {hasText: 'arrivals paused'}).waitFor();
  await page.getByRole('button', {name: 'Resume …'}).click();
  await page.getByRole('button', {name: 'Resume', exact: true}).click();
  await page.locator('.state', {hasText: /live$/}).waitFor();
  equal(page.complaints, [], 'console');
});

await test('raises and lowers the target, by keyboard', async (undo) => {
  const chrome = await browser(undo);
  const {file, run, where} = await watched(undo, 9, '--web-control', 'a-long-secret');
  const page = await chrome.open(where);
  await page.getByRole('button', {name: 'Raise target'}).focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Token').fill('a-long-secret');
  await page.keyboard.press('Enter');
  await page.locator('.target output', {hasText: '110 %'}).waitFor();
  await page.getByRole('button', {name: 'Lower target'}).focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press('Space'); // not asked again
  await page.locator('.target output', {hasText: '80 %'}).waitFor();
  await page.locator('.state[data-state=ended]').waitFor({timeout: 20000});
  equal(await run.ended, 0, 'status');
  equal(readJson(file).by_hand, {target_scale: 0.8, target_changes: 4, pauses: 0}, 'by_hand');
  const sentence = await page.locator('.sentence').textContent();
  check(sentence.includes('The target was changed by hand, to 80.0\u00a0% of the plan’s at last.'), sentence);
  equal(page.complaints, [], 'console');
});

await test('shows misbehaving clients', async (undo) => {
  const chrome = await browser(undo);
  const {file, run, where} = await watched(undo, 8, '--include-bad-clients', '--bad-client-ratio', '0.2');
  const page = await chrome.open(where);
  await page.locator('.state[data-state=ended]').waitFor({timeout: 20000});
  equal(await run.ended, 0, 'status');
  const {misbehaving} = readJson(file);
  check(misbehaving.length > 3, `${misbehaving.length} kinds`);
  const rows = (await cells(page, 's-misbehaving-clients')).filter((row) => row.length === 5);
  equal(rows.map((row) => [row[0], row[1]]),
    misbehaving.map(({kind, started}) => [kind.replaceAll('_', ' '), count(started)]), 'kinds');
  misbehaving.forEach(({outcomes}, i) => {
    for (const [name, n] of Object.entries(outcomes))
      if (n > 0) check(rows[i][2].includes(`${count(n)} ${name.replaceAll('_', ' ')}`), rows[i][2]);
  });
  equal(page.complaints, [], 'console');
});

await test('stops the run for who has the token', async (undo) => {
  const chrome = await browser(undo);
  const {run, file, where} = await watched(undo, 60, '--web-control', 'a-long-secret');
  const page = await chrome.open(where);
  await page.getByRole('button', {name: 'Stop …'}).click();
  await page.getByLabel('Token').fill('not-the-token');
  await page.getByRole('button', {name: 'Stop', exact: true}).click();
  await page.getByText('That is not the token.').waitFor();
  await page.getByLabel('Token').fill('a-long-secret');
  await page.keyboard.press('Enter');
  await page.locator('dialog').waitFor({state: 'hidden'});
  await page.locator('.state[data-state=ended]').waitFor({timeout: 15000});
  equal(await run.ended, 0, 'status');
  check(readJson(file).elapsed_s < 30, 'it did not stop');
});

await done();
