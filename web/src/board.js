// The whole board, the same for a run under way and for a report.
import {h, setText} from './dom.js';
import * as f from './format.js';
import {TimeChart} from './charts.js';
import {HeatMap} from './heatmap.js';
import {PercentilePlot} from './percentiles.js';
import * as s from './sections.js';
import {CAUSES, progress, verdict} from './verdict.js';
import {whoOf} from './who.js';

const columns = (...specs) => specs.map(([label, name, color, more]) =>
  ({label, color, values: (series) => series.column(name), ...more}));
const rates = (...specs) => specs.map(([label, name, color, more]) =>
  ({label, color, values: (series) => series.rate(name), ...more}));

const bits = (name) => (series) => series.rate(name).map((v) => (v === null ? null : v * 8));

function makeCharts() {
  return [
    new TimeChart({title: 'Sessions', format: f.short, least: 5, lines: columns(
      ['active', 'active', '--c1', {fill: true}], ['target', 'target', '--quiet', {dash: [5, 4]}])}),
    new TimeChart({title: 'Start-up', note: 'from when a session was due to its first packet', format: f.ms, least: 0.1,
      empty: 'No session has started up yet', lines: columns(['p50', 'startup_p50_ms', '--p50'],
        ['p95', 'startup_p95_ms', '--p95'], ['p99', 'startup_p99_ms', '--p99'])}),
    new HeatMap(),
    new TimeChart({title: 'Packets', format: f.perSecond, least: 10, lines: rates(
      ['received', 'packets', '--c1', {fill: true, when: 'reads'}],
      ['published', 'published', '--c3', {fill: true, when: 'publishes'}])}),
    new TimeChart({title: 'Bit rate', format: f.bitrate, least: 1000, lines: [
      {label: 'received', color: '--c2', fill: true, when: 'reads', values: bits('bytes')},
      {label: 'published', color: '--c3', fill: true, when: 'publishes', values: bits('published_bytes')}]}),
    new TimeChart({title: 'Dropped', note: 'packets that publishers did not get rid of, a second', when: 'publishes',
      format: f.perSecond, least: 1, lines: rates(['dropped', 'publish_dropped', '--loss-server', {fill: true}])}),
    new TimeChart({title: 'Lateness', note: 'from when a packet was due until it was written', when: 'publishes', format: f.ms,
      least: 0.1, lines: columns(['p50', 'publish_late_p50_ms', '--p50'], ['p95', 'publish_late_p95_ms', '--p95'],
        ['p99', 'publish_late_p99_ms', '--p99'])}),
    new TimeChart({title: 'Loss by cause', note: 'packets a second', when: 'reads', format: f.short, least: 1, stacked: true,
      lines: rates(...CAUSES.map(([key, label, color]) => [label.replace('our ', ''), 'lost_' + key, color]))}),
    new TimeChart({title: 'Jitter', when: 'reads', format: f.ms, least: 0.1, lines: columns(['p50', 'jitter_p50_ms', '--p50'],
      ['p95', 'jitter_p95_ms', '--p95'], ['p99', 'jitter_p99_ms', '--p99'])}),
    new TimeChart({title: 'Errors', note: 'tries, sessions failed and dropped, a second', format: f.perSecond, least: 1,
      lines: rates(['errors', 'errors', '--loss-server', {fill: true}], ['failed', 'failed', '--c3'], ['dropped', 'dropped', '--c5'])}),
    new TimeChart({title: 'Latency', note: 'capture to arrival, the panel', when: 'reads', format: f.ms, least: 1,
      empty: 'No stream says when it was captured', lines: columns(['p50', 'latency_p50_ms', '--p50'],
        ['p95', 'latency_p95_ms', '--p95'])}),
    new TimeChart({title: 'Freezes', note: 'a second, the panel', when: 'reads', format: f.perSecond, least: 1,
      lines: rates(['freezes', 'freezes', '--c5', {fill: true}])}),
    new TimeChart({title: 'Generator CPU', note: 'its busiest thread', format: f.percent, least: 0.1,
      lines: columns(['busy', 'cpu', '--quiet', {fill: true}])}),
    new TimeChart({title: 'Generator lag', note: 'how late it was, p99', format: f.ms, least: 1, lines: columns(
      ['loop', 'loop_lag_p99_ms', '--c1'], ['schedule', 'schedule_lag_p99_ms', '--c3'])}),
  ];
}

function head() {
  const state = h('span', {class: 'state'}, h('i', {class: 'dot'}), h('span', {}, ''));
  const time = h('span', {class: 'time'}, '');
  const what = h('p', {class: 'what'}, ' ');
  const actions = h('div', {class: 'actions'});
  const bar = h('progress', {max: '1', value: '0', 'aria-label': 'Time gone by'});
  const element = h('header', {}, h('div', {class: 'top'}, h('h1', {}, 'rtspbench'), state, time, actions), what, bar);
  return {element, state, time, what, bar, actions};
}

function planLine(result) {
  const {config} = result;
  if (!config) return 'started ' + when(result);
  const urls = config.urls ?? [];
  const target = urls.length > 0 ? urls[0].url + (config.url_count > 1 ? ` and ${f.count(config.url_count - 1)} more` : '') : '';
  const what = config.publish ? f.plural(config.readers, 'publisher') + ' to' : f.plural(config.readers, 'reader') + ' of';
  return `${what} ${target} over ${config.transport}, started ${when(result)}`;
}

const when = (result) => new Date(result.started_at).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'medium'});

export class Board {
  constructor(place) {
    this.head = head();
    this.sentence = h('p', {class: 'sentence', role: 'status'}, h('b', {}, ''), h('span', {}, ' '));
    this.tiles = s.tiles();
    this.objectives = s.objectives();
    this.charts = makeCharts();
    this.percentiles = new PercentilePlot();
    this.tables = [s.sessions(), s.percentileTable(), s.lossTable(), s.published(), s.errorTable(), s.streamTable(), s.misbehaving(),
      s.panel(), s.generator(), s.plan(), s.machine()];
    const [sessions, latency, loss, published, errors, streams, misbehaving, panel, generator, plan, machine] =
      this.tables.map(({element}) => element);
    this.element = h('div', {class: 'board'}, this.head.element,
      h('main', {}, this.sentence, this.tiles.element, this.objectives.element,
        h('section', {class: 'charts', 'aria-label': 'Over time'}, this.charts.map(({element}) => element)),
        sessions, s.section('Latency', h('div', {class: 'latency'}, latency, this.percentiles.element)),
        errors, loss, published, misbehaving, streams, h('div', {class: 'pair'}, panel, generator), plan, machine));
    place.replaceChildren(this.element);
  }

  // state: "live", "lost", "ended" or "report"
  show(state, result, series) {
    const words = {live: 'live', lost: 'connection lost', ended: 'ended', report: 'report'};
    const running = state === 'live' || state === 'lost';
    const duration = result.config?.duration_s;
    this.head.state.dataset.state = state;
    setText(this.head.state.lastChild, words[state] + (state === 'live' && this.paused ? ', arrivals paused' : ''));
    setText(this.head.time, f.clock(result.elapsed_s) + (running && duration ? ' of ' + f.clock(duration) : ''));
    setText(this.head.what, planLine(result));
    this.head.bar.hidden = !running;
    if (duration) this.head.bar.value = Math.min(1, result.elapsed_s / duration);
    this.say(running ? progress(result) : verdict(result));
    this.tiles.update(result, running ? series : null);
    this.objectives.update(result, running);
    for (const view of this.tables) view.update(result);
    this.percentiles.element.hidden = running || !result.histograms;
    const who = whoOf(result);
    const steps = this.charts.map((chart) => () => chart.update(series, who));
    if (!running) steps.push(() => this.percentiles.update(result.histograms));
    this.drawSoon(steps);
  }

  // One after the other, so that the page can be read, and scrolled, before the last is drawn.
  // What comes meanwhile waits its turn: else a slow machine would never get to the last.
  drawSoon(steps) {
    if (this.drawing) {
      this.waiting = steps;
      return;
    }
    this.drawing = steps;
    const step = () => {
      this.drawing.shift()();
      if (this.drawing.length === 0) [this.drawing, this.waiting] = [this.waiting, null];
      if (this.drawing) setTimeout(step);
    };
    setTimeout(step);
  }

  say([kind, word, sentence]) {
    this.sentence.className = 'sentence ' + kind;
    setText(this.sentence.firstChild, word);
    setText(this.sentence.lastChild, ' ' + sentence.replaceAll(/(\d) (%|[mµ]?s\b)/g, '$1\u00a0$2'));
    this.sentence.setAttribute('aria-live', word === 'Running' ? 'off' : 'polite');
  }
}
