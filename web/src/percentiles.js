// How latencies are spread: percentile against value, as HdrHistogram's tools plot it.
import {h, setText, swatch, cssColor} from './dom.js';
import {card, Plot, valueAxis} from './charts.js';
import {ms} from './format.js';

export const PHASES = [
  ['connect', 'connect', '--c4'], ['tls', 'tls', '--c7'], ['options', 'options', '--c8'],
  ['describe', 'describe', '--c2'], ['setup', 'setup', '--c5'], ['play', 'play', '--c6'],
  ['first_rtp', 'first rtp', '--c3'], ['first_keyframe', 'first keyframe', '--c9'], ['startup', 'startup', '--c1'],
  ['join', 'join', '--c10'], ['keepalive', 'keepalive', '--c8'], ['teardown', 'teardown', '--c7'],
];
const SHOWN_FIRST = new Set(['connect', 'describe', 'setup', 'play', 'first_rtp', 'startup']);
const STEP = 0.025;

// The value of each share of [value, count, ...]; shares ascend.
function quantiles(buckets, total, shares) {
  const values = [];
  let i = 0;
  let seen = buckets.length > 0 ? buckets[1] : 0;
  for (const share of shares) {
    while (seen < share * total && i + 2 < buckets.length) {
      i += 2;
      seen += buckets[i + 1];
    }
    values.push(buckets[i]);
  }
  return values;
}

function curve(buckets, xs) {
  let total = 0;
  for (let i = 1; i < buckets.length; i += 2) total += buckets[i];
  const reach = Math.log10(Math.max(total, 1)) + STEP;
  const inside = xs.filter((x) => x <= reach);
  if (total === 0) return xs.map(() => null);
  const values = quantiles(buckets, total, inside.map((x) => 1 - 10 ** -x));
  return xs.map((x, i) => (i < values.length ? Math.max(values[i], 1) / 1000 : null));
}

const percentOf = (x) => {
  if (x === 0) return '0 %';
  const nines = Math.round(x);
  return nines === 1 ? '90 %' : nines === 2 ? '99 %' : '99.' + '9'.repeat(nines - 2) + ' %';
};

export function percentilePlot() {
  const {element, legend, plot} = card('Latency by percentile', 'both axes logarithmic');
  const shown = new Set(SHOWN_FIRST);
  let histograms = {};
  let xs = [0];
  let curves = new Map();
  element.classList.add('wide');

  const present = () => PHASES.filter(([key]) => (histograms[key] ?? []).length > 0);
  const chart = new Plot(plot, () => ({
    height: 280,
    cursor: {drag: {x: false, y: false}, y: false, points: {size: 7}},
    scales: {x: {time: false}, y: {distr: 3}},
    axes: [valueAxis(percentOf, {size: 26, incrs: [1], space: 30}), valueAxis(ms)],
    series: [{}, ...present().map(([key, label, color]) =>
      ({label, stroke: cssColor(color), width: 1.75, show: shown.has(key), points: {show: false}}))],
    hooks: {setCursor: [(u) => showValues(u.cursor.idx)]},
  }));
  const outputs = new Map();

  function buildLegend() {
    legend.replaceChildren(...present().map(([key, label, color]) => {
      const value = h('span', {class: 'value'}, '');
      outputs.set(key, value);
      return h('button', {type: 'button', 'aria-pressed': String(shown.has(key)), onclick(event) {
        if (!shown.delete(key)) shown.add(key);
        event.currentTarget.setAttribute('aria-pressed', String(shown.has(key)));
        chart.draw();
      }}, swatch(color), label, value);
    }));
  }

  function showValues(index) {
    for (const [key, output] of outputs)
      setText(output, index === null || index === undefined ? '' : ms(curves.get(key)?.[index] ?? null));
  }

  return {
    element,
    update(newer) {
      histograms = newer ?? {};
      element.hidden = present().length === 0;
      if (element.hidden) return;
      const most = Math.max(...present().map(([key]) => histograms[key].reduce((a, n, i) => a + (i % 2 ? n : 0), 0)));
      const end = Math.max(1, Math.ceil(Math.log10(most) * 10) / 10);
      xs = Array.from({length: Math.floor(end / STEP) + 1}, (_, i) => i * STEP);
      curves = new Map(present().map(([key]) => [key, curve(histograms[key], xs)]));
      buildLegend();
      plot.setAttribute('aria-label', 'Latency of each phase by percentile; the table beside it has the numbers');
      chart.data = [xs, ...present().map(([key]) => curves.get(key))];
      chart.draw();
    },
  };
}
