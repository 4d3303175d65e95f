// Start-up latency as a map: time across, bands of latency upward, the darker the more sessions.
import {h, setText, cssColor} from './dom.js';
import {card, Plot, sharedCursor, tableBehind, timeAxis, timeScale, valueAxis} from './charts.js';
import {clock, ms, plural} from './format.js';

const FEWEST_BANDS = 8;
const NARROWEST = 3; // pixels

export function heatMap() {
  const {element, legend, plot, empty} = card('Start-up heat map', 'sessions by how long they took');
  const hint = h('span', {class: 'hint'}, '');
  let series = null;
  let bands = [0, FEWEST_BANDS];
  legend.append(hint);

  const edge = (band) => series?.edges[band] ?? null;
  const chart = new Plot(plot, () => ({
    cursor: {...sharedCursor, points: {show: false}},
    scales: {x: timeScale, y: {range: () => bands}},
    axes: [timeAxis(), valueAxis((band) => (Number.isInteger(band) && edge(band) !== null ? ms(edge(band)) : ''),
      {incrs: [1, 2, 4, 8]})],
    series: [{}, {show: true, stroke: 'transparent', points: {show: false}}],
    hooks: {draw: [draw], setCursor: [(u) => setText(hint, describe(u))]},
  }));

  const countIn = (row, band) => {
    for (let i = 0; i < row.length; i += 2) if (row[i] === band) return row[i + 1];
    return 0;
  };

  function draw(u) {
    const {ctx} = u;
    if (!series) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.fillStyle = cssColor('--heat');
    const all = cells(u);
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
  function cells(u) {
    const all = [];
    series.startups.forEach((row, i) => {
      const right = u.valToPos(series.t[i], 'x', true);
      let cell = all[all.length - 1];
      if (!cell || cell.right - cell.left >= NARROWEST * devicePixelRatio) {
        cell = {left: u.valToPos(i > 0 ? series.t[i - 1] : 0, 'x', true), right, counts: new Map()};
        all.push(cell);
      }
      cell.right = right;
      for (let k = 0; k < row.length; k += 2) cell.counts.set(row[k], (cell.counts.get(row[k]) ?? 0) + row[k + 1]);
    });
    return all;
  }

  function describe(u) {
    if (u.cursor.left < 0 || !series || series.length === 0) return '';
    const time = u.posToVal(u.cursor.left, 'x');
    const row = series.t.findIndex((t) => t >= time);
    const band = Math.floor(u.posToVal(u.cursor.top, 'y'));
    if (row < 0 || edge(band) === null) return '';
    const upTo = edge(band + 1) === null ? 'or more' : 'to ' + ms(edge(band + 1));
    return `${clock(series.t[row])}: ${plural(countIn(series.startups[row], band), 'session')}, ${ms(edge(band))} ${upTo}`;
  }

  const used = () => {
    const set = new Set();
    for (const row of series.startups) for (let i = 0; i < row.length; i += 2) set.add(row[i]);
    return [...set].sort((a, b) => a - b);
  };
  const behind = tableBehind('Start-up heat map', () => {
    const all = used();
    const rows = series.startups.map((row, i) => i).filter((i) => series.startups[i].length > 0);
    return [all.map((band) => 'from ' + ms(edge(band))), rows.map((i) => series.t[i]),
      (i) => all.map((band) => String(countIn(series.startups[rows[i]], band)))];
  });
  element.append(behind.element);

  return {
    element,
    update(newer) {
      series = newer;
      const all = used();
      const [low, high] = all.length > 0 ? [all[0], all[all.length - 1] + 1] : [8, 16];
      const spare = Math.max(0, FEWEST_BANDS - (high - low));
      bands = [Math.max(0, low - Math.floor(spare / 2)), Math.min(series.edges.length || 38, high + Math.ceil(spare / 2))];
      empty.hidden = all.length > 0;
      setText(empty, 'No session has started up yet');
      plot.setAttribute('aria-label', all.length > 0
        ? `Start-up latency over time, from ${ms(edge(low))} to ${ms(edge(high) ?? edge(high - 1))}`
        : 'Start-up latency over time: nothing yet');
      chart.set([series.t, series.t.map(() => null)]);
      behind.refresh();
    },
  };
}
