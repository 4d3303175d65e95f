// Start-up latency as a map: time across, bands of latency upward, the darker the more sessions.
import {h, setText, cssColor} from './dom.js';
import {card, Plot, sharedCursor, tableBehind, timeAxis, timeScale, valueAxis} from './charts.js';
import {clock, ms, plural} from './format.js';

const FEWEST_BANDS = 8;
const NARROWEST = 3; // pixels

const countIn = (row, band) => {
  for (let i = 0; i < row.length; i += 2) if (row[i] === band) return row[i + 1];
  return 0;
};

// The bands that any session fell into, ascending.
function usedBands(startups) {
  const set = new Set();
  for (const row of startups) for (let i = 0; i < row.length; i += 2) set.add(row[i]);
  return [...set].sort((a, b) => a - b);
}

export class HeatMap {
  constructor() {
    Object.assign(this, card('Start-up heat map', 'sessions by how long they took'));
    this.hint = h('span', {class: 'hint'}, '');
    this.legend.append(this.hint);
    this.series = null;
    this.bands = [0, FEWEST_BANDS]; // shown
    this.chart = new Plot(this.plot, () => this.options());
    this.behind = tableBehind('Start-up heat map', () => this.table());
    this.element.append(this.behind.element);
  }

  // The lower edge of a band; null above the last.
  edge(band) {
    return this.series?.edges[band] ?? null;
  }

  options() {
    const label = (band) => (Number.isInteger(band) && this.edge(band) !== null ? ms(this.edge(band)) : '');
    return {
      cursor: {...sharedCursor, points: {show: false}},
      scales: {x: timeScale, y: {range: () => this.bands}},
      axes: [timeAxis(), valueAxis(label, {incrs: [1, 2, 4, 8]})],
      series: [{}, {show: true, stroke: 'transparent', points: {show: false}}],
      hooks: {draw: [(u) => this.draw(u)], setCursor: [(u) => setText(this.hint, this.describe(u))]},
    };
  }

  draw(u) {
    const {ctx} = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.fillStyle = cssColor('--heat');
    const all = this.cells(u);
    const most = all.reduce((a, {counts}) => Math.max(a, ...counts.values()), 1);
    for (const {left, right, counts} of all) {
      for (const [band, n] of counts) {
        const bottom = u.valToPos(band, 'y', true);
        const top = u.valToPos(band + 1, 'y', true);
        ctx.globalAlpha = 0.14 + 0.86 * Math.sqrt(n / most);
        ctx.fillRect(left, top + 0.5, right - left, bottom - top - 1);
      }
    }
    ctx.restore();
  }

  // Rows as columns of the map; those narrower than NARROWEST are taken together.
  cells(u) {
    const {t, startups} = this.series;
    const all = [];
    startups.forEach((row, i) => {
      const right = u.valToPos(t[i], 'x', true);
      let cell = all[all.length - 1];
      if (!cell || cell.right - cell.left >= NARROWEST * devicePixelRatio) {
        cell = {left: u.valToPos(i > 0 ? t[i - 1] : 0, 'x', true), right, counts: new Map()};
        all.push(cell);
      }
      cell.right = right;
      for (let k = 0; k < row.length; k += 2) cell.counts.set(row[k], (cell.counts.get(row[k]) ?? 0) + row[k + 1]);
    });
    return all;
  }

  // What the cursor points at.
  describe(u) {
    if (u.cursor.left < 0 || u.cursor.top < 0) return '';
    const {t, startups} = this.series;
    const time = u.posToVal(u.cursor.left, 'x');
    const row = t.findIndex((end) => end >= time);
    const band = Math.floor(u.posToVal(u.cursor.top, 'y'));
    if (row < 0 || this.edge(band) === null) return '';
    const upTo = this.edge(band + 1) === null ? 'or more' : 'to ' + ms(this.edge(band + 1));
    return `${clock(t[row])}: ${plural(countIn(startups[row], band), 'session')}, ${ms(this.edge(band))} ${upTo}`;
  }

  table() {
    const {t, startups} = this.series;
    const bands = usedBands(startups);
    const rows = t.map((end, i) => i).filter((i) => startups[i].length > 0);
    return [bands.map((band) => 'from ' + ms(this.edge(band))), rows.map((i) => t[i]),
      (i) => bands.map((band) => String(countIn(startups[rows[i]], band)))];
  }

  update(series) {
    this.series = series;
    const used = usedBands(series.startups);
    const any = used.length > 0;
    const [low, high] = any ? [used[0], used[used.length - 1] + 1] : [8, 16];
    const spare = Math.max(0, FEWEST_BANDS - (high - low));
    this.bands = [Math.max(0, low - Math.floor(spare / 2)), Math.min(series.edges.length || 38, high + Math.ceil(spare / 2))];
    this.empty.hidden = any;
    setText(this.empty, 'No session has started up yet');
    this.plot.setAttribute('aria-label', any
      ? `Start-up latency over time, from ${ms(this.edge(low))} to ${ms(this.edge(high) ?? this.edge(high - 1))}`
      : 'Start-up latency over time: nothing yet');
    this.chart.set([series.t, series.t.map(() => null)]);
    this.behind.refresh();
  }
}
