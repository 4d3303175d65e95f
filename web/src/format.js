// Numbers as people read them. All take null and give a dash for it.

const whole = new Intl.NumberFormat('en-US');
const none = '–';

// Three significant digits.
function three(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 || value === 0 ? 0 : size >= 9.995 ? 1 : 2);
}

function scaled(value, units, base = 1000) {
  let i = 0;
  while (Math.abs(value) >= base * 0.9995 && i < units.length - 1) {
    value /= base;
    i++;
  }
  return [value, units[i]];
}

export function count(value) {
  return value === null || value === undefined ? none : whole.format(value);
}

export function short(value) {
  if (value === null || value === undefined) return none;
  if (Math.abs(value) < 1000) return Number.isInteger(value) ? String(value) : three(value);
  const [scaledValue, unit] = scaled(value, ['', 'k', 'M', 'G', 'T']);
  return three(scaledValue) + unit;
}

export function perSecond(value) {
  return value === null || value === undefined ? none : short(value) + '/s';
}

export function ms(value) {
  if (value === null || value === undefined) return none;
  if (value === 0) return '0 ms';
  if (Math.abs(value) < 0.9995) return three(value * 1000) + ' µs';
  if (Math.abs(value) < 999.5) return three(value) + ' ms';
  return three(value / 1000) + ' s';
}

export function bitrate(value) {
  if (value === null || value === undefined) return none;
  const [scaledValue, unit] = scaled(value, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
  return three(scaledValue) + ' ' + unit;
}

export function bytes(value) {
  if (value === null || value === undefined) return none;
  const [scaledValue, unit] = scaled(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
  return three(scaledValue) + ' ' + unit;
}

// Of a ratio; small ones keep what they have to say.
export function percent(value) {
  if (value === null || value === undefined) return none;
  const hundredths = value * 100;
  if (hundredths === 0) return '0 %';
  if (hundredths < 0.001) return '<0.001 %';
  return (hundredths < 0.1 ? hundredths.toPrecision(1) : three(hundredths)) + ' %';
}

export function seconds(value) {
  if (value === null || value === undefined) return none;
  return value < 60 ? three(value) + ' s' : clock(value);
}

// Time since the start: 0:07, 12:34, 1:02:03.
export function clock(value) {
  if (value === null || value === undefined) return none;
  const total = Math.floor(value + 1e-6);
  const two = (n) => String(n).padStart(2, '0');
  const h = Math.floor(total / 3600);
  const m = Math.floor(total / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(total % 60)}` : `${m}:${two(total % 60)}`;
}

export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
