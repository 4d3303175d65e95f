// A made-up result of a day with 10,000 sessions, larger than any that the program would write.

const ROWS = 2048;
const HOURS = 24;
const BANDS = 38;

// The same numbers each time.
function random(seed) {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}

const bandLow = (band) => (band === 0 ? 0 : ((2 + (band % 2)) * 2 ** (6 + Math.floor(band / 2))) / 1000);

function buckets(next, low, digits, n) {
  const step = digits === 3 ? 1.001 : 1.01;
  const pairs = [];
  for (let value = low; pairs.length < n * 2; value = Math.max(value + 1, Math.round(value * step)))
    pairs.push(value, 1 + Math.floor(next() * 5000));
  return pairs;
}

function distribution(pairs, per = 1000) {
  const total = pairs.reduce((sum, n, i) => sum + (i % 2 ? n : 0), 0);
  const at = (share) => {
    let seen = 0;
    for (let i = 0; i < pairs.length; i += 2) if ((seen += pairs[i + 1]) >= share * total) return pairs[i] / per;
    return null;
  };
  return {count: total, min: pairs[0] / per, mean: at(0.5), max: at(1), p50: at(0.5), p75: at(0.75), p90: at(0.9),
    p95: at(0.95), p99: at(0.99), p999: at(0.999), never: 12};
}

function series(next) {
  const columns = {};
  const put = (name, value) => (columns[name] ??= []).push(value);
  const totals = {started: 0, established: 0, failed: 0, dropped: 0, packets: 0, bytes: 0, lost: 0, lost_network: 0,
    lost_local_socket: 0, lost_self: 0, lost_server: 0, errors: 0, freezes: 0};
  const startups = [];
  for (let i = 0; i < ROWS; i++) {
    const wave = 1 + 0.5 * Math.sin((i / ROWS) * 2 * Math.PI);
    put('t_s', Math.round(((i + 1) * HOURS * 3600000) / ROWS) / 1000);
    put('target', Math.round(6600 * wave));
    put('active', Math.round(6590 * wave - next() * 20));
    totals.packets += Math.round(6600 * wave * 42 * 290 + next() * 1e6);
    for (const name of ['started', 'established', 'errors', 'freezes']) totals[name] += Math.floor(next() * 40);
    for (const cause of ['network', 'local_socket', 'self', 'server']) totals['lost_' + cause] += Math.floor(next() ** 8 * 900);
    totals.bytes = totals.packets * 1150;
    totals.lost = totals.lost_network + totals.lost_local_socket + totals.lost_self + totals.lost_server;
    for (const [name, value] of Object.entries(totals)) put(name, value);
    for (const name of ['startup', 'jitter', 'latency']) {
      const base = 10 + 8 * wave + next() * 3;
      for (const [p, times] of [['p50', 1], ['p95', 1.9], ['p99', 2.6]])
        if (name !== 'latency' || p !== 'p99') put(`${name}_${p}_ms`, Math.round(base * times * 1000) / 1000);
    }
    put('loop_lag_p99_ms', Math.round(next() * 900) / 1000);
    put('schedule_lag_p99_ms', Math.round(next() * 1900) / 1000);
    put('cpu', Math.round((0.2 * wave + next() * 0.1) * 1000) / 1000);
    startups.push([12, 13, 14, 15, 16, 17, 18].flatMap((band) => [band, 1 + Math.floor(next() * 30)]));
  }
  return {...columns, startups, startup_bands_ms: Array.from({length: BANDS}, (_, band) => bandLow(band))};
}

const zero = {count: 0, min: null, mean: null, max: null, p50: null, p75: null, p90: null, p95: null, p99: null,
  p999: null, never: 0};

export function aDay() {
  const next = random(42);
  const all = series(next);
  const last = (name) => all[name][ROWS - 1];
  const phases = ['connect', 'tls', 'options', 'describe', 'setup', 'play', 'first_rtp', 'first_keyframe', 'startup', 'join',
    'keepalive', 'teardown'];
  const histograms = Object.fromEntries([...phases, 'jitter', 'panel_latency', 'loop_lag', 'schedule_lag'].map((name) =>
    [name, buckets(next, name === 'startup' ? 3000 : 40, name === 'startup' ? 3 : 2, name === 'startup' ? 1500 : 500)]));
  const rtp = {packets: last('packets'), bytes: last('bytes'), expected: last('packets') + last('lost'), lost: last('lost'),
    loss_ratio: last('lost') / last('packets'), duplicates: 3, reordered: 4, late: 5, resets: 0, bad: 0,
    lost_by: {network: last('lost_network'), local_socket: last('lost_local_socket'), self: last('lost_self'),
      server: last('lost_server')}};
  const sessions = {started: last('started'), established: last('established'), got_media: last('established'),
    failed: 3, cancelled: 0, dropped: 2, completed: last('established') - 2, not_started: 0, retries: 0};
  const jitter = distribution(histograms.jitter);
  return {
    schema: 'rtspbench.result.v1', tool: {name: 'rtspbench', version: '0.1.0'}, started_at: '2026-03-01T00:00:00.000Z',
    elapsed_s: HOURS * 3600,
    config: {urls: [{url: 'rtsp://192.0.2.1/cam', weight: 1}], url_count: 1000, readers: 10000, transport: 'tcp',
      duration_s: HOURS * 3600},
    host: {kernel: '6.1.0', cores: 2, memory_bytes: 8e9, nofile: 1048576},
    sessions: {...sessions, active_peak: 9900},
    latency_ms: Object.fromEntries(phases.map((name) => [name, distribution(histograms[name])])),
    rtp: {...rtp, unknown_channel: 0, jitter_ms: jitter, bitrate_bps: jitter, media: {video: rtp, audio: rtp, other: rtp}},
    rtcp: {sr_received: 1, rr_sent: 2, bye_received: 3, bad: 0}, oddities: {},
    streams: Array.from({length: 1000}, (_, i) => ({url: `rtsp://192.0.2.1/cam${i}`, sessions, rtp, startup_ms: jitter,
      bitrate_bps: 2100000})),
    panel: {sessions: 1000, frames: {complete: 2e9, damaged: 12, suspect: 3}, keyframes: 4e7, freezes: last('freezes'),
      freeze_s: 12.5, stalls: 3, stall_s: 1.5, stalled_sessions: 2, latency_ms: jitter, skew_ms: zero,
      cross_reader_ms: jitter, shared_gap_ratio: 0.25, pace: {...zero, count: 5, p50: 1, min: 0.99},
      mdi: {df_ms: jitter, mlr: zero}},
    errors: Array.from({length: 64}, (_, i) => ({phase: 'connect', reason: 'timeout', status: null, count: 64 - i,
      sample: 'connection timed out '.repeat(7)})),
    errors_not_kept: 0, misbehaving: [],
    generator: {verdict: 'ok', limits: [], io: 'uring', arrival: 'kernel', threads: 2, cpu_s: 40000, cpu_peak: 0.4,
      ns_per_packet: 700, rss_bytes: 9e7, bytes_per_session: 2600, loop_lag_ms: distribution(histograms.loop_lag),
      schedule_lag_ms: distribution(histograms.schedule_lag), udp_socket_drops: 0},
    slo: [], verdict: 'pass', timeline: [], series: all, histograms,
  };
}
