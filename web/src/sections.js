// All that is not a chart: tiles, objectives, tables.
import {h, setText, swatch, table} from './dom.js';
import * as f from './format.js';
import {CAUSES, isJudged} from './verdict.js';
import {PHASES} from './percentiles.js';
import {Series} from './series.js';
import {whoOf} from './who.js';

export function section(title, ...children) {
  const id = 's-' + title.toLowerCase().replaceAll(/[^a-z]+/g, '-');
  return h('section', {'aria-labelledby': id}, h('h2', {id}, title), ...children);
}

const perSecond = (series, name) => Series.newest(series.rate(name));

function bitsNow(series, name) {
  const bytes = perSecond(series, name);
  return bytes === null ? null : bytes * 8;
}

const mean = (bytes, seconds) => f.bitrate(seconds > 0 ? bytes * 8 / seconds : null);

// The tiles about packets: received where anyone reads, else published. r: result, s: series of a run under way.
function packetTiles(counts, names) {
  return [
    ['Packets', (r, s) => (s ? f.perSecond(perSecond(s, names.packets)) : f.count(counts(r).packets)),
      (r, s) => (s ? f.count(counts(r).packets) + ' so far' : f.bytes(counts(r).bytes))],
    ['Bit rate', (r, s) => (s ? f.bitrate(bitsNow(s, names.bytes)) : mean(counts(r).bytes, r.elapsed_s)),
      (r, s) => (s ? f.bytes(counts(r).bytes) + ' so far' : 'mean of the whole run')],
  ];
}

const RECEIVED = packetTiles((r) => r.rtp, {packets: 'packets', bytes: 'bytes'});
const PUBLISHED = packetTiles((r) => r.published, {packets: 'published', bytes: 'published_bytes'});
const LOSS = ['Loss', (r) => f.percent(r.rtp.loss_ratio), (r) => f.plural(r.rtp.lost, 'packet')];
const DROPPED = ['Not sent', (r) => f.percent(r.published.dropped_ratio), (r) => f.plural(r.published.dropped, 'packet') + ' dropped'];

// One of two, by whether anyone reads.
const either = ([title, value, note], [otherTitle, otherValue, otherNote]) => [
  (r) => (!r || whoOf(r).reads ? title : otherTitle), (r, s) => (whoOf(r).reads ? value : otherValue)(r, s),
  (r, s) => (whoOf(r).reads ? note : otherNote)(r, s)];

// Unanswered ones count as failed; older results don't say.
const notEstablished = ({sessions: {failed, unanswered = 0}}) => failed + unanswered;

export function tiles() {
  const specs = [
    ['Sessions', (r, s) => f.count(s ? s.last('active') : r.sessions.active_peak),
      (r, s) => (s ? `of ${f.count(s.last('target'))} wanted` : 'at once, at most')],
    ...RECEIVED.map((received, i) => either(received, PUBLISHED[i])),
    ['Start-up, p95', (r) => f.ms(r.latency_ms.startup.p95), (r) => 'median ' + f.ms(r.latency_ms.startup.p50) +
      (r.latency_ms.startup.never > 0 ? `, ${f.count(r.latency_ms.startup.never)} never` : '')],
    either(LOSS, DROPPED),
    ['Failed, dropped', (r) => `${f.count(notEstablished(r))}, ${f.count(r.sessions.dropped)}`,
      (r) => f.plural(r.errors.reduce((n, e) => n + e.count, r.errors_not_kept), 'error') +
        (r.sessions.unanswered > 0 ? `, ${f.count(r.sessions.unanswered)} unanswered` : '')],
  ];
  const parts = specs.map(([title]) => ({title: h('dt', {}, typeof title === 'string' ? title : title(null)),
    value: h('dd', {class: 'value'}, '–'), note: h('dd', {class: 'note'}, ' ')}));
  const element = h('dl', {class: 'tiles'}, parts.map(({title, value, note}) =>
    h('div', {class: 'card tile'}, title, value, note)));
  return {
    element,
    update(result, series) {
      const missing = whoOf(result).reads ? result.rtp.lost : result.published.dropped;
      specs.forEach(([title, value, note], i) => {
        if (typeof title !== 'string') setText(parts[i].title, title(result));
        setText(parts[i].value, value(result, series));
        setText(parts[i].note, note(result, series));
        parts[i].value.classList.toggle('long', parts[i].value.textContent.length > 12);
      });
      parts[4].value.classList.toggle('bad', missing > 0);
      parts[5].value.classList.toggle('bad', notEstablished(result) + result.sessions.dropped > 0);
    },
  };
}

// What an objective's value is in, told by what it was compared with.
function sloValue({expr, value, never}) {
  if (value === null) return never > 0 ? `${f.count(never)} never got there` : 'not measured';
  if (/ratio/.test(expr)) return f.percent(value);
  if (/\d(ms|us|s|m)\b/.test(expr)) return f.ms(value);
  return f.short(value);
}

export function objectives() {
  const list = h('ul', {class: 'objectives'});
  const element = section('Objectives', list);
  let shown = '';
  return {
    element,
    update({slo}, running) {
      element.hidden = slo.length === 0;
      const key = JSON.stringify([slo, running]);
      if (key === shown) return;
      shown = key;
      list.replaceChildren(...slo.map((one) => {
        const state = running && !isJudged(one) ? 'open' : one.ok ? 'good' : 'bad';
        return h('li', {class: 'card objective ' + state},
          h('span', {class: 'mark'}, {open: 'not yet', good: 'kept', bad: 'missed'}[state]),
          h('code', {}, one.expr), h('span', {class: 'value'}, sloValue(one)));
      }));
    },
  };
}

const number = (title, text) => ({title, text, number: true});

export function percentileTable() {
  const view = table('Latency by phase', [
    {title: 'Phase', text: ([label]) => label, header: true},
    number('count', ([, p]) => f.count(p.count)), number('never', ([, p]) => f.count(p.never)), number('p50', ([, p]) => f.ms(p.p50)),
    number('p75', ([, p]) => f.ms(p.p75)), number('p90', ([, p]) => f.ms(p.p90)), number('p95', ([, p]) => f.ms(p.p95)),
    number('p99', ([, p]) => f.ms(p.p99)), number('p99.9', ([, p]) => f.ms(p.p999)), number('max', ([, p]) => f.ms(p.max)),
  ]);
  return {
    element: view.element,
    update(result) {
      const rows = PHASES.map(([key, label]) => [label, result.latency_ms[key]]);
      rows.push(['jitter', result.rtp.jitter_ms], ['publishing, late by', result.published?.late_ms],
        ['publishing, round trip', result.published?.round_trip_ms]);
      view.update(rows.filter(([, p]) => p?.count > 0 || p?.never > 0));
    },
  };
}

export function lossTable() {
  const view = table('Loss by cause', [
    {title: 'Lost by', text: ([, label]) => label, header: true, node: ([, label, color]) => h('span', {}, swatch(color), label)},
    number('packets', ([,,, lost]) => f.count(lost)), number('share', ([,,, lost, all]) => f.percent(all > 0 ? lost / all : null)),
    {title: 'look at', text: ([,,,, , note]) => note},
  ]);
  const element = section('Loss by cause', view.element);
  return {
    element,
    update(result) {
      const {rtp} = result;
      element.hidden = !whoOf(result).reads;
      view.update(CAUSES.map(([key, label, color, note]) => [key, label, color, rtp.lost_by[key], rtp.lost, note]));
    },
  };
}

export function errorTable() {
  const view = table('Errors', [
    {title: 'Phase', text: (e) => e.phase, header: true}, {title: 'Reason', text: (e) => e.reason},
    number('Status', (e) => (e.status === null ? '' : String(e.status))), number('Tries', (e) => f.count(e.count)),
    {title: 'The first one', text: (e) => e.sample, node: (e) => h('code', {}, e.sample)},
  ]);
  const none = h('p', {class: 'nothing'}, 'None.');
  const element = section('Errors', view.element, none);
  return {
    element,
    update(result) {
      const kept = [...result.errors];
      if (result.errors_not_kept > 0)
        kept.push({phase: '…', reason: 'further kinds', status: null, count: result.errors_not_kept, sample: ''});
      view.element.hidden = kept.length === 0;
      none.hidden = kept.length > 0;
      view.update(kept);
    },
  };
}

export function streamTable() {
  const FIRST = 50;
  let all = false;
  let rows = [];
  const more = h('button', {type: 'button', class: 'plain', onclick() {
    all = true;
    refresh();
  }}, '');
  const url = {title: 'URL', text: (s) => s.url, header: true, node: (s) => h('code', {}, s.url)};
  const sessions = [
    number('Established', (s) => `${f.count(s.sessions.established)} of ${f.count(s.sessions.started)}`),
    number('Failed', (s) => f.count(s.sessions.failed)), number('Dropped', (s) => f.count(s.sessions.dropped))];
  const received = [number('Packets', (s) => f.count(s.rtp.packets)), number('Lost', (s) => f.count(s.rtp.lost)),
    number('Loss', (s) => f.percent(s.rtp.loss_ratio))];
  const sent = [number('Published', (s) => f.count(s.published.packets)), number('Not sent', (s) => f.count(s.published.dropped)),
    number('Reported lost', (s) => f.count(s.published.reported_lost))];
  const rest = [number('Start-up p95', (s) => f.ms(s.startup_ms.p95)), number('Bit rate', (s) => f.bitrate(s.bitrate_bps))];
  const views = {
    readers: table('Streams', [url, ...sessions, ...received, ...rest]),
    publishers: table('Streams', [url, ...sessions, ...sent, ...rest]),
    both: table('Streams', [url, ...sessions, ...received, ...sent, ...rest]),
  };
  const element = section('Streams', ...Object.values(views).map((view) => view.element), more);
  let shown;
  function choose(view) {
    shown = view;
    for (const {element: one} of Object.values(views)) one.hidden = one !== shown.element;
  }
  choose(views.readers);
  function refresh() {
    shown.update(all ? rows : rows.slice(0, FIRST));
    more.hidden = all || rows.length <= FIRST;
    setText(more, `Show all ${f.count(rows.length)} (those with most packets come first)`);
  }
  return {
    element,
    update(result) {
      const {reads, publishes} = whoOf(result);
      rows = result.streams;
      choose(publishes && result.published ? (reads ? views.both : views.publishers) : views.readers);
      refresh();
    },
  };
}

const words = (counts) => Object.entries(counts).filter(([, n]) => n > 0)
  .map(([name, n]) => `${f.count(n)} ${name.replaceAll('_', ' ')}`).join(', ') || '–';

// Clients that misbehaved, and what the others saw of it; only where there are any.
export function misbehaving() {
  const bad = table('Clients that misbehaved', [
    {title: 'Kind', text: (m) => m.kind.replaceAll('_', ' '), header: true},
    number('begun', (m) => f.count(m.started)),
    {title: 'How they ended', text: (m) => words(m.outcomes)},
    {title: 'What they were answered', text: (m) => words(m.answers ?? {})},
    number('lived, mean', (m) => f.seconds(m.mean_life_s ?? null)),
  ]);
  const good = table('What the others saw', [
    {title: 'The others', text: ([label]) => label, header: true},
    number('time', ([, b]) => f.seconds(b.seconds)), number('begun', ([, b]) => f.count(b.started)),
    number('failed', ([, b]) => f.count(b.failed)), number('dropped', ([, b]) => f.count(b.dropped)),
    number('start-up p50', ([, b]) => f.ms(b.startup_p50_ms)), number('p95', ([, b]) => f.ms(b.startup_p95_ms)),
    number('packets', ([, b]) => f.count(b.packets)), number('lost', ([, b]) => f.count(b.lost)),
    number('jitter p95', ([, b]) => f.ms(b.jitter_p95_ms)), number('freezes', ([, b]) => f.count(b.freezes)),
  ]);
  const element = section('Misbehaving clients', bad.element, good.element);
  return {
    element,
    update({misbehaving: kinds = [], bystanders}) {
      element.hidden = kinds.length === 0;
      good.element.hidden = !bystanders;
      bad.update(kinds);
      if (bystanders) good.update([['before', bystanders.calm], ['beside them', bystanders.with_bad]]);
    },
  };
}

// [[term, text], ...] as a list of two columns; only what there is.
function facts(title, wide) {
  const list = h('dl', {class: wide ? 'facts wide' : 'facts'});
  const element = section(title, h('div', {class: 'card'}, list));
  let shown = '';
  return {
    element,
    update(pairs) {
      const present = pairs.filter(([, text]) => text !== null);
      const key = JSON.stringify(present);
      if (key === shown) return;
      shown = key;
      list.replaceChildren(...present.map(([term, text]) => h('div', {}, h('dt', {}, term), h('dd', {}, text))));
    },
  };
}

const range = (p, text) => (p.count > 0 ? `${text(p.p50)} median, ${text(p.p95)} p95, ${text(p.max)} at most` : '–');

// What became of the sessions; older results know less of it.
export function sessions() {
  const view = facts('Sessions', true);
  const held = (s) => (s.held_ratio === null ? '–'
    : `${f.percent(s.held_ratio)} of ${f.count(Math.round(s.wanted_s))} session-seconds wanted`);
  return {
    element: view.element,
    update({sessions: s}) {
      const known = (n) => (n === undefined ? null : f.count(n));
      view.update([
        ['Started', f.count(s.started)], ['Established', f.count(s.established)], ['Failed', f.count(s.failed)],
        ['Unanswered', known(s.unanswered)], ['Cancelled', f.count(s.cancelled)],
        ['With media', f.count(s.got_media)], ['Without media', known(s.no_media)],
        ['Dropped', f.count(s.dropped)], ['Completed', f.count(s.completed)], ['Never begun', f.count(s.not_started)],
        ['Retries', f.count(s.retries)], ['Starting', known(s.starting)], ['Playing', known(s.playing)],
        ['Held', s.held_ratio === undefined ? null : held(s)],
      ]);
    },
  };
}

const because = (n, why) => f.count(n) + (n > 0 ? `: ${why}` : '');

// Older results don't know.
function unconfirmed(p) {
  if (p.unconfirmed === undefined) return null;
  const share = p.unconfirmed > 0 ? ` (${f.percent(p.unconfirmed_ratio)})` : '';
  return `${f.count(p.unconfirmed)}${share}, ${f.bytes(p.unacked_bytes)} unacknowledged`;
}

// What publishers sent; only where there are any.
export function published() {
  const view = facts('Published');
  view.element.hidden = true; // until there are any
  return {
    element: view.element,
    update(result) {
      const {published: p, rtcp, elapsed_s: seconds} = result;
      view.element.hidden = !p || !whoOf(result).publishes;
      if (view.element.hidden) return;
      view.update([
        ['Packets', `${f.count(p.packets)}, ${f.bytes(p.bytes)}`],
        ['Bit rate', mean(p.bytes, seconds)],
        ['Dropped', `${f.count(p.dropped)} (${f.percent(p.dropped_ratio)})`],
        ['Dropped, by the server', because(p.dropped_by.server, 'it took too little')],
        ['Dropped, by our delay', because(p.dropped_by.self, 'this machine was late')],
        ['Unconfirmed sessions', unconfirmed(p)],
        ['Lost, as the server reports', rtcp.rr_received > 0 ? f.count(p.reported_lost) : 'no reports'],
        ['Written late by', range(p.late_ms, f.ms)],
        ['Round trip', range(p.round_trip_ms, f.ms)],
      ]);
    },
  };
}

export function panel() {
  const view = facts('Panel');
  return {
    element: view.element,
    update(result) {
      const {panel: p} = result;
      view.element.hidden = !whoOf(result).reads;
      view.update([
        ['Sessions looked at in depth', f.count(p.sessions)],
        ['Frames', `${f.count(p.frames.complete)} whole, ${f.count(p.frames.damaged)} damaged, ${f.count(p.frames.suspect)} suspect`],
        ['Keyframes', f.count(p.keyframes)],
        ['Freezes', `${f.count(p.freezes)}, ${f.seconds(p.freeze_s)} in all`],
        ['Stalls', `${f.count(p.stalls)}, ${f.seconds(p.stall_s)} in all, in ${f.plural(p.stalled_sessions, 'session')}`],
        ['Latency', range(p.latency_ms, f.ms)],
        ['Audio against video', range(p.skew_ms, f.ms)],
        ['After the first reader', range(p.cross_reader_ms, f.ms)],
        ['Pace', p.pace.count > 0 ? `${p.pace.p50} median, ${p.pace.min} at least` : '–'],
        ['Gaps that others had too', f.percent(p.shared_gap_ratio)],
        ['MDI delay factor', range(p.mdi.df_ms, f.ms)],
      ]);
    },
  };
}

export function generator() {
  const view = facts('Generator');
  return {
    element: view.element,
    update({generator: g}) {
      view.update([
        ['Verdict', g.verdict === 'ok' ? 'ok' : 'limited by ' + g.limits.join(', ')],
        ['Warnings', g.warnings?.length > 0 ? g.warnings.join('; ') : null], // older results have none
        ['CPU', `${f.seconds(g.cpu_s)}, the busiest thread at most ${f.percent(g.cpu_peak)}`],
        ['Cost of a packet', g.ns_per_packet === null ? '–' : f.count(Math.round(g.ns_per_packet)) + ' ns'],
        ['Memory', f.bytes(g.rss_bytes) + (g.bytes_per_session > 0 ? `, ${f.bytes(g.bytes_per_session)} a session` : '')],
        ['Loop lag', range(g.loop_lag_ms, f.ms)],
        ['Sessions begun late by', range(g.schedule_lag_ms, f.ms)],
        ['Drops by our UDP sockets', f.count(g.udp_socket_drops)],
        ['How', `${f.plural(g.threads, 'thread')}, ${g.io}, arrival by the ${g.arrival === 'kernel' ? 'kernel’s stamp' : 'time of the read'}`],
      ]);
    },
  };
}

function distributionText({kind, a_s, b_s, sigma}) {
  const words = {fixed: f.seconds(a_s), uniform: `uniform, ${f.seconds(a_s)} to ${f.seconds(b_s)}`,
    exp: `exponential, mean ${f.seconds(a_s)}`, lognormal: `lognormal, median ${f.seconds(a_s)}, sigma ${sigma}`};
  return words[kind] ?? kind;
}

function planText(value) {
  if (value === null || value === undefined || value === '') return null;
  if (Array.isArray(value)) {
    const texts = value.map((one) => (typeof one === 'object' ? one.url + (one.weight > 1 ? ' × ' + one.weight : '') : String(one)));
    return texts.length === 0 ? null : texts.slice(0, 8).join(', ') + (texts.length > 8 ? ` and ${f.count(texts.length - 8)} more` : '');
  }
  if (value.kind) return distributionText(value);
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

export function plan() {
  const view = facts('Plan', true);
  return {
    element: view.element,
    update({config}) {
      view.update(Object.entries(config ?? {}).map(([key, value]) => {
        const timed = key.endsWith('_s') && typeof value === 'number' && !key.endsWith('per_s');
        return [key.replace(/_per_s$/, ' a second').replace(timed ? /_s$/ : /$^/, '').replaceAll('_', ' '),
          timed && value > 0 && value < 1 ? f.ms(value * 1000) : timed ? f.seconds(value) : planText(value)];
      }));
    },
  };
}

export function machine() {
  const view = facts('Machine', true);
  return {
    element: view.element,
    update({host, tool}) {
      view.update([['Kernel', host.kernel], ['Cores', f.count(host.cores)], ['Memory', f.bytes(host.memory_bytes)],
        ['Open files a table', f.count(host.nofile)], ['Made by', `${tool.name} ${tool.version}`]]);
    },
  };
}
