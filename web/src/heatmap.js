// Start-up latency as a map: time across, bands of latency upward, the darker the more sessions.
import {h, setText, cssColor} from './dom.js';
import {card, Plot, sharedCursor, tableBehind, timeAxis, timeScale, valueAxis} from './charts.js';
import {clock, ms, plural} from './format.js';

const FEWEST_BANDS = 8;

export function heatMap() {
  const {element, legend, plot, empty} = card('Start-up heat map', 'sessions by how long they took');
  const hint = h('span', {class: 'hint'}, '');
  let series = null;
  let most = 1;
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
    series.startups.forEach((row, i) => {
      const left = u.valToPos(i > 0 ? series.t[i - 1] : 0, 'x', true);
      const width = Math.max(u.valToPos(series.t[i], 'x', true) - left, 1.5);
      for (let k = 0; k < row.length; k += 2) {
        const bottom = u.valToPos(row[k], 'y', true);
        const top = u.valToPos(row[k] + 1, 'y', true);
        ctx.globalAlpha = 0.16 + 0.84 * Math.sqrt(row[k + 1] / most);
        ctx.fillRect(left, top + 0.5, width, bottom - top - 1);
      }
    });
    ctx.restore();
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
      most = series.startups.reduce((a, row) => row.reduce((b, n, i) => (i % 2 === 1 && n > b ? n : b), a), 1);
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
