// The run over time, by columns as they come: totals so far, and what came within each row.

const MOST = 4096;

// What a merged row keeps is the worse of both; of all other columns the later value stays.
const isPeak = (name) => name === 'cpu' || name.endsWith('_ms');

export class Series {
  constructor(columns) {
    this.columns = {};
    this.startups = [];
    this.edges = [];
    if (columns) this.append(columns);
  }

  get length() {
    return this.columns.t_s?.length ?? 0;
  }

  get t() {
    return this.columns.t_s ?? [];
  }

  // Rows that are there already (after a reconnect) are left out.
  append({startups, startup_bands_ms: edges, ...columns}) {
    const last = this.length > 0 ? this.t[this.length - 1] : -1;
    const from = columns.t_s.findIndex((t) => t > last);
    this.edges = edges ?? this.edges;
    if (from < 0) return;
    for (const [name, values] of Object.entries(columns))
      (this.columns[name] ??= []).push(...values.slice(from));
    this.startups.push(...startups.slice(from));
    while (this.length > MOST) this.thin();
  }

  // The older half becomes a quarter, as in the program itself.
  thin() {
    const half = Math.floor(MOST / 4) * 2;
    for (const [name, values] of Object.entries(this.columns)) {
      const kept = [];
      for (let i = 0; i < half; i += 2) {
        const [a, b] = [values[i], values[i + 1]];
        kept.push(isPeak(name) ? (a === null ? b : b === null ? a : Math.max(a, b)) : b);
      }
      this.columns[name] = kept.concat(values.slice(half));
    }
    const startups = [];
    for (let i = 0; i < half; i += 2) startups.push(addBands(this.startups[i], this.startups[i + 1]));
    this.startups = startups.concat(this.startups.slice(half));
  }

  column(name) {
    return this.columns[name] ?? new Array(this.length).fill(null);
  }

  // Of a total, a second; null in rows too short to tell.
  rate(name) {
    const {t} = this;
    return this.column(name).map((value, i, all) => {
      const span = t[i] - (i > 0 ? t[i - 1] : 0);
      return span < 0.2 || value === null ? null : (value - (i > 0 ? all[i - 1] : 0)) / span;
    });
  }

  last(name) {
    const values = this.column(name);
    return values.length > 0 ? values[values.length - 1] : null;
  }

  // The last value that there is.
  static newest(values) {
    for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i];
    return null;
  }
}

function addBands(a, b) {
  const sums = new Map();
  for (const bands of [a, b])
    for (let i = 0; i < bands.length; i += 2) sums.set(bands[i], (sums.get(bands[i]) ?? 0) + bands[i + 1]);
  return [...sums].sort(([x], [y]) => x - y).flat();
}

// A result without a series (an older one) has its timeline.
export function seriesOf(result) {
  if (result.series) return new Series(result.series);
  const columns = {};
  for (const row of result.timeline ?? [])
    for (const [name, value] of Object.entries(row)) (columns[name] ??= []).push(value);
  columns.t_s ??= [];
  return new Series({...columns, startups: columns.t_s.map(() => [])});
}
