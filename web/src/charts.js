// Charts over time: uPlot, with a legend of buttons, a table behind, and one cursor for all.
import uPlot from 'uplot';
import {h, setText, swatch, cssColor} from './dom.js';
import {clock} from './format.js';
import {READERS} from './who.js';

const HEIGHT = 176;
const FONT = '11px system-ui, sans-serif';
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
const TABLE_ROWS = 60;

export const charts = new Set();

export function timeAxis() {
  return {
    font: FONT, stroke: cssColor('--muted'), size: 28, gap: 8, space: 64, incrs: STEPS,
    grid: {stroke: cssColor('--grid'), width: 1}, ticks: {show: false},
    values: (u, ticks, axis, space, step) => ticks.map((tick) => (step >= 3600 ? tick / 3600 + ' h' : clock(tick))),
  };
}

export function valueAxis(format, more = {}) {
  return {
    font: FONT, stroke: cssColor('--muted'), size: 62, gap: 6, space: 32,
    grid: {stroke: cssColor('--grid'), width: 1}, ticks: {show: false},
    values: (u, ticks) => ticks.map((tick) => (tick === null ? '' : format(tick).replace(/\.0+(?=\D|$)/, ''))), ...more,
  };
}

// From the start on, where nobody has zoomed in.
export const timeScale = {
  time: false,
  range: (u, from, to) => (from === null ? [0, 1] : [from === u.data[0][0] ? 0 : from, Math.max(to, from + 0.001)]),
};

// From 0 to a little above the highest; a flat 0 has room too.
function fromZero(least) {
  return (u, low, high) => [0, Math.max(high === null ? 0 : high * 1.08, least)];
}

// A card with a title, a legend, a plot and what else the caller puts there.
export function card(title, note) {
  const id = 'c-' + title.toLowerCase().replaceAll(/[^a-z]+/g, '-');
  const legend = h('div', {class: 'legend'});
  const plot = h('div', {class: 'plot', role: 'img'});
  const empty = h('p', {class: 'empty', hidden: true});
  const element = h('figure', {class: 'card chart', 'aria-labelledby': id},
    h('figcaption', {id}, h('span', {class: 'title'}, title), note ? h('span', {class: 'note'}, note) : null),
    legend, h('div', {class: 'stage'}, plot, empty));
  return {element, legend, plot, empty};
}

// Keeps a plot as wide as its place and in the colours of the page; make() gives uPlot's options.
export class Plot {
  constructor(place, make) {
    Object.assign(this, {place, make, data: null, zoomed: false});
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(place);
    charts.add(this);
  }

  resize() {
    const width = Math.floor(this.place.clientWidth);
    if (width < 50) return;
    if (!this.u) {
      if (this.data) this.draw();
    } else if (this.u.width !== width) this.u.setSize({width, height: this.u.height});
  }

  // Anew: colours are read when a plot is made.
  draw() {
    const width = Math.floor(this.place.clientWidth);
    this.u?.destroy();
    this.u = undefined;
    if (width < 50 || !this.data) return;
    const options = {height: HEIGHT, width, legend: {show: false}, padding: [8, 18, 0, 0], ...this.make(this)};
    options.hooks = {...options.hooks, setSelect: [(u) => (this.zoomed = u.select.width > 0 || this.zoomed)]};
    this.u = new uPlot(options, this.data, this.place);
    this.u.over.addEventListener('dblclick', () => (this.zoomed = false));
  }

  set(data) {
    this.data = data;
    if (!this.u) this.resize();
    else if (this.zoomed) this.u.setData(data, false);
    else this.u.setData(data);
    if (this.zoomed) this.u?.redraw();
  }
}

export const sharedCursor = {sync: {key: 'time'}, drag: {x: true, y: false}, y: false, points: {size: 7}};

function newest(line) {
  for (let i = line.length - 1; i >= 0; i--) if (line[i] !== null) return line[i];
  return null;
}

const highest = (line) => line.reduce((a, b) => (b !== null && (a === null || b > a) ? b : a), null);
const isAny = (line) => line.some((value) => value !== null);

// spec: {title, note, format, least, empty, stacked, when, lines: [{label, color, dash, fill, when, values: series => []}]}
// when names what of whoOf() there must be; nothing: it is always there.
export class TimeChart {
  constructor(spec) {
    Object.assign(this, {spec, ...card(spec.title, spec.note)});
    this.lines = spec.lines.map((line) => ({...line, now: [], shown: true, there: true}));
    this.times = [];
    this.drawnRows = 0; // times itself grows with the series
    for (const line of this.lines) this.addButton(line);
    this.settle(READERS);
    this.chart = new Plot(this.plot, () => this.options());
    this.behind = tableBehind(spec.title, () => [this.present().map(({label}) => label), this.times,
      (i) => this.present().map(({now}) => spec.format(now[i]))]);
    this.element.append(this.behind.element);
  }

  addButton(line) {
    line.value = h('span', {class: 'value'}, '–');
    line.button = h('button', {type: 'button', 'aria-pressed': 'true', onclick: () => this.toggle(line)},
      swatch(line.color, line.dash), line.label, line.value);
    this.legend.append(line.button);
  }

  present() {
    return this.lines.filter(({there}) => there);
  }

  // Whether that changed anything.
  settle(who) {
    const before = this.lines.map(({there}) => there).join();
    this.element.hidden = Boolean(this.spec.when && !who[this.spec.when]);
    for (const line of this.lines) {
      line.there = !line.when || who[line.when];
      line.button.hidden = !line.there;
    }
    return before !== this.lines.map(({there}) => there).join();
  }

  // Stacked lines stand on those before them, and are drawn from the highest down.
  inOrder() {
    return this.spec.stacked ? [...this.lines].reverse() : this.lines;
  }

  options() {
    return {
      cursor: sharedCursor,
      scales: {x: timeScale, y: {range: fromZero(this.spec.least ?? 1)}},
      axes: [timeAxis(), valueAxis(this.spec.format)],
      series: [{}, ...this.inOrder().map((line) => (this.spec.stacked ? stackedLine(line) : plainLine(line)))],
      hooks: {setCursor: [(u) => this.showValues(u.cursor.idx)]},
    };
  }

  data() {
    if (!this.spec.stacked) return [this.times, ...this.lines.map(({now}) => now)];
    const sums = new Array(this.times.length).fill(0);
    const stacked = this.lines.map(({now, shown}) =>
      now.map((value, i) => (sums[i] += shown ? Math.max(value ?? 0, 0) : 0)));
    return [this.times, ...stacked.reverse()];
  }

  toggle(line) {
    line.shown = !line.shown;
    line.button.setAttribute('aria-pressed', String(line.shown));
    this.chart.data = this.data();
    this.chart.draw();
  }

  showValues(index) {
    const has = index !== null && index !== undefined;
    for (const {now, value} of this.lines) setText(value, this.spec.format(has ? now[index] ?? null : newest(now)));
  }

  describe() {
    const {title, format} = this.spec;
    return `${title} over time; now ` + this.present().map(({label, now}) =>
      `${label} ${format(newest(now))}, at most ${format(highest(now))}`).join('; ');
  }

  update(series, who) {
    const few = this.drawnRows < 3; // then its points are marked
    const anew = this.settle(who);
    this.times = series.t;
    this.drawnRows = this.times.length;
    for (const line of this.lines) line.now = line.values(series);
    this.empty.hidden = !this.spec.empty || this.lines.some(({now}) => isAny(now));
    setText(this.empty, this.spec.empty ?? '');
    this.chart.set(this.data());
    if (anew || (few && this.drawnRows >= 3)) this.chart.draw();
    this.showValues(this.chart.u?.cursor.idx);
    this.plot.setAttribute('aria-label', this.describe());
    this.behind.refresh();
  }
}

function plainLine({label, color, dash, fill, now, shown, there}) {
  return {
    label, dash, show: shown && there, stroke: cssColor(color), width: dash ? 1.25 : 1.75, spanGaps: true,
    fill: fill ? cssColor(color) + '1c' : undefined,
    points: {show: now.filter((value) => value !== null).length < 3, size: 5},
  };
}

function stackedLine({label, color, shown}) {
  return {label, show: shown, fill: cssColor(color), width: 0, paths: uPlot.paths.stepped({align: -1}), points: {show: false}};
}

// The same numbers for those who don't see the plot: filled while it is open, at most TABLE_ROWS rows.
export function tableBehind(title, read) {
  const place = h('div', {class: 'table', tabindex: '0', role: 'region', 'aria-label': title + ', as a table'});
  const element = h('details', {}, h('summary', {}, 'Table'), place);
  function refresh() {
    if (!element.open) return;
    const [labels, times, cells] = read();
    const step = Math.max(1, Math.ceil(times.length / TABLE_ROWS));
    const rows = [];
    for (let i = times.length - 1; i >= 0; i -= step)
      rows.push(h('tr', {}, h('th', {scope: 'row'}, clock(times[i])),
        cells(i).map((text) => h('td', {class: 'number'}, text))));
    place.replaceChildren(h('table', {}, h('caption', {class: 'hidden'}, title),
      h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'Time'),
        labels.map((label) => h('th', {scope: 'col', class: 'number'}, label)))), h('tbody', {}, rows)));
  }
  element.addEventListener('toggle', refresh);
  return {element, refresh};
}

// After the page's colours have changed.
export function redrawAll() {
  for (const chart of charts) chart.draw();
}
