// How latencies are spread: percentile against value, as HdrHistogram's tools plot it.
import {h, setText, swatch, cssColor} from './dom.js';
import {card, Plot, valueAxis} from './charts.js';
import {ms} from './format.js';

export const PHASES = [
  ['connect', 'connect', '--c4'], ['tls', 'tls', '--c7'], ['options', 'options', '--c8'],
  ['describe', 'describe', '--c2'], ['announce', 'announce', '--c2'], ['setup', 'setup', '--c5'], ['play', 'play', '--c6'],
  ['record', 'record', '--c6'],
  ['first_rtp', 'first rtp', '--c3'], ['first_keyframe', 'first keyframe', '--c9'], ['startup', 'startup', '--c1'],
  ['join', 'join', '--c10'], ['keepalive', 'keepalive', '--c8'], ['teardown', 'teardown', '--c7'],
  ['come_back', 'come back', '--c3'],
];
const SHOWN_FIRST = new Set(['connect', 'describe', 'announce', 'setup', 'play', 'record', 'first_rtp', 'startup']);
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
  const total = sizeOf(buckets);
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

const sizeOf = (buckets) => buckets.reduce((sum, n, i) => sum + (i % 2 ? n : 0), 0);

export class PercentilePlot {
  constructor() {
    Object.assign(this, card('Latency by percentile', 'both axes logarithmic'));
    this.element.classList.add('wide');
    this.shown = new Set(SHOWN_FIRST);
    this.lines = [];
    this.chart = new Plot(this.plot, () => this.options());
  }

  options() {
    return {
      height: 280,
      cursor: {drag: {x: false, y: false}, y: false, points: {size: 7}},
      scales: {x: {time: false}, y: {distr: 3}},
      axes: [valueAxis(percentOf, {size: 26, incrs: [1], space: 30}), valueAxis(ms)],
      series: [{}, ...this.lines.map(({key, label, color}) =>
        ({label, stroke: cssColor(color), width: 1.75, show: this.shown.has(key), points: {show: false}}))],
      hooks: {setCursor: [(u) => this.showValues(u.cursor.idx)]},
    };
  }

  button({key, label, color, value}) {
    const button = h('button', {type: 'button', 'aria-pressed': String(this.shown.has(key))}, swatch(color), label, value);
    button.addEventListener('click', () => {
      if (!this.shown.delete(key)) this.shown.add(key);
      button.setAttribute('aria-pressed', String(this.shown.has(key)));
      this.chart.draw();
    });
    return button;
  }

  showValues(index) {
    const has = index !== null && index !== undefined;
    for (const {value, values} of this.lines) setText(value, has ? ms(values[index] ?? null) : '');
  }

  // histograms: {phase: [value, count, ...]}
  update(histograms) {
    const present = PHASES.filter(([key]) => histograms?.[key]?.length > 0);
    this.element.hidden = present.length === 0;
    if (this.element.hidden) return;
    const end = Math.max(1, Math.log10(Math.max(...present.map(([key]) => sizeOf(histograms[key])))));
    const xs = Array.from({length: Math.ceil(end / STEP) + 1}, (_, i) => i * STEP);
    this.lines = present.map(([key, label, color]) =>
      ({key, label, color, value: h('span', {class: 'value'}, ''), values: curve(histograms[key], xs)}));
    this.legend.replaceChildren(...this.lines.map((line) => this.button(line)));
    this.plot.setAttribute('aria-label', 'Latency of each phase by percentile; the table beside it has the numbers');
    this.chart.data = [xs, ...this.lines.map(({values}) => values)];
    this.chart.draw();
  }
}
