// Charts over time: uPlot, with a legend of buttons, a table behind, and one cursor for all.
import uPlot from 'uplot';
import {h, setText, swatch, cssColor} from './dom.js';
import {clock} from './format.js';

const HEIGHT = 176;
const FONT = '11px system-ui, sans-serif';
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
const TABLE_ROWS = 60;

export const charts = new Set();

function timeAxis() {
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

// spec: {title, note, format, least, lines: [{label, color, dash, fill, values: series => []}], stacked}
export function timeChart(spec) {
  const {element, legend, plot, empty} = card(spec.title, spec.note);
  const shown = spec.lines.map(() => true);
  const buttons = spec.lines.map((line, i) => {
    const value = h('span', {class: 'value'}, '–');
    const button = h('button', {type: 'button', 'aria-pressed': 'true', onclick: () => toggle(i)},
      swatch(line.color, line.dash), line.label, value);
    return {button, value};
  });
  legend.append(...buttons.map(({button}) => button));
  let values = spec.lines.map(() => []);
  let times = [];
  let drawnRows = 0; // times itself grows with the series

  const chart = new Plot(plot, () => ({
    cursor: sharedCursor,
    scales: {x: timeScale, y: {range: fromZero(spec.least ?? 1)}},
    axes: [timeAxis(), valueAxis(spec.format)],
    series: [{}, ...order.map((i) => [spec.lines[i], i]).map(([line, i]) => ({
      label: line.label, stroke: cssColor(line.color), width: spec.stacked ? 0 : line.dash ? 1.25 : 1.75, dash: line.dash, show: shown[i],
      fill: line.fill || spec.stacked ? cssColor(line.color) + (spec.stacked ? '' : '1c') : undefined,
      paths: spec.stacked || line.step ? uPlot.paths.stepped({align: -1}) : undefined,
      points: {show: !spec.stacked && values[i].filter((v) => v !== null).length < 3, size: 5}, spanGaps: true,
    }))],
    hooks: {setCursor: [(u) => showValues(u.cursor.idx)]},
  }));

  // Stacked lines stand on those before them, and are drawn from the highest down.
  const order = spec.lines.map((line, i) => i);
  if (spec.stacked) order.reverse();

  function drawn() {
    if (!spec.stacked) return [times, ...values];
    const sums = new Array(times.length).fill(0);
    const stacked = values.map((line, i) =>
      line.map((value, k) => (sums[k] += shown[i] ? Math.max(value ?? 0, 0) : 0)));
    return [times, ...order.map((i) => stacked[i])];
  }

  function toggle(i) {
    shown[i] = !shown[i];
    buttons[i].button.setAttribute('aria-pressed', String(shown[i]));
    chart.data = drawn();
    chart.draw();
  }

  function newest(line) {
    for (let i = line.length - 1; i >= 0; i--) if (line[i] !== null) return line[i];
    return null;
  }

  function showValues(index) {
    buttons.forEach(({value}, i) => {
      const line = values[i];
      setText(value, spec.format(index === null || index === undefined ? newest(line) : line[index] ?? null));
    });
  }

  const details = tableBehind(spec.title, () => [spec.lines.map((line) => line.label), times,
    (i) => values.map((line) => spec.format(line[i]))]);
  element.append(details.element);

  return {
    element,
    update(series) {
      const few = drawnRows < 3;
      times = series.t;
      drawnRows = times.length;
      values = spec.lines.map((line) => line.values(series));
      const any = values.some((line) => line.some((value) => value !== null));
      empty.hidden = any || !spec.empty;
      if (spec.empty) setText(empty, spec.empty);
      chart.set(drawn());
      if (few && times.length >= 3) chart.draw();
      showValues(chart.u?.cursor.idx);
      plot.setAttribute('aria-label', spec.title + ' over time; now ' + spec.lines.map((line, i) =>
        `${line.label} ${spec.format(newest(values[i]))}, at most ${spec.format(values[i].length > 0
          ? values[i].reduce((a, b) => (b !== null && (a === null || b > a) ? b : a), null) : null)}`).join('; '));
      details.refresh();
    },
  };
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

export {timeAxis};
