// The run in a sentence, for whoever reads nothing else.
import {clock, count, percent, plural, ms} from './format.js';
import {whoOf} from './who.js';

export const LIMITS = {
  cpu: 'its CPU was busy', loop_lag: 'its loops came late', schedule_lag: 'sessions were begun late',
  udp_socket_drops: 'its sockets dropped packets', recv_backlog: 'it read too late', files: 'it ran out of open files',
  ports: 'it ran out of ports', memory: 'it ran out of memory',
};

export const CAUSES = [
  ['network', 'network', '--loss-network', 'the path, or the server’s own send buffer'],
  ['local_socket', 'our sockets', '--loss-socket', 'this machine’s receive buffers'],
  ['self', 'our delay', '--loss-self', 'this machine read too late'],
  ['server', 'server', '--loss-server', 'the server left them out'],
];

function loss(rtp) {
  if (rtp.lost <= 0) return 'no packet lost';
  const [cause] = CAUSES.map(([key, label]) => [rtp.lost_by[key], label]).sort(([a], [b]) => b - a);
  return `${plural(rtp.lost, 'packet')} lost (${percent(rtp.loss_ratio)}, most by ${cause[1] === 'server' || cause[1] === 'network'
    ? 'the ' : ''}${cause[1]})`;
}

const DROPS = [['server', 'server'], ['self', 'our delay']];

function drops({dropped, dropped_ratio: ratio, dropped_by: by}) {
  if (dropped === 0) return 'no packet dropped';
  const [cause] = DROPS.map(([key, label]) => [by[key], label]).sort(([a], [b]) => b - a);
  return `${plural(dropped, 'packet')} dropped (${percent(ratio)}, most by ${cause[1] === 'server' ? 'the server' : cause[1]})`;
}

function packets(result) {
  const {reads, publishes} = whoOf(result);
  return [reads ? loss(result.rtp) : null, publishes && result.published ? drops(result.published) : null].filter(Boolean).join(', ');
}

// What befell sessions, in the order in which it goes where counts are the same; older results know less of it.
function shortfalls({sessions: s}) {
  const all = [[s.failed, 'failed'], [s.unanswered, 'unanswered'], [s.no_media, 'without media'], [s.dropped, 'dropped'],
    [s.not_started, 'never begun']];
  return all.filter(([n]) => n > 0).map(([n, what]) => [n, `${count(n)} ${what}`]);
}

// The two facts that matter most, as the summary's first line has them; of an older result, as far as its numbers go.
function lead(result) {
  return result.lead ?? shortfalls(result).sort(([a], [b]) => b - a).slice(0, 2).map(([, text]) => text);
}

export function limitsText({generator}) {
  return generator.limits.map((limit) => LIMITS[limit] ?? limit).join(', ');
}

// How soon those that got media got it: the others are in no percentile.
function startup({sessions, latency_ms: {startup: {count: n, p95}}}) {
  if (p95 === null) return [];
  const whose = n < sessions.established ? `the ${count(n)} that got one` : 'them';
  return [`first packet within ${ms(p95)} for 95 % of ${whose}`];
}

function figures(result) {
  const {sessions} = result;
  const what = whoOf(result).reads ? 'session' : 'publisher';
  const told = lead(result);
  const others = shortfalls(result).map(([, text]) => text).filter((text) => !told.includes(text));
  return [`${count(sessions.established)} of ${plural(sessions.started, what)} established`, ...startup(result), ...others,
    packets(result)].join(', ');
}

const afterLead = (result, text) => [lead(result).join(', '), text].filter(Boolean).join('; ');

// A run without any media fails with objectives, also where it missed none of them.
function missed({slo}) {
  const failed = slo.filter((one) => !one.ok);
  if (failed.length === 0) return 'no media at all, and objectives were set';
  return `${count(failed.length)} of ${plural(slo.length, 'objective')} missed (${failed.map((one) => one.expr).join(', ')})`;
}

// What somebody did to the run; older results don't say.
function byHand({by_hand: hand}) {
  if (!hand || hand.target_changes + hand.pauses === 0) return '';
  const target = hand.target_changes > 0 ? `the target was changed by hand, to ${percent(hand.target_scale)} of the plan’s at last` : '';
  const paused = hand.pauses > 0 ? 'arrivals were paused by hand' : '';
  const words = [target, paused].filter(Boolean).join(', and ');
  return ` ${words[0].toUpperCase()}${words.slice(1)}.`;
}

// "Interrupted after 2.0 of 20 s"; older results don't say.
function interruption({interrupted}) {
  if (!interrupted) return '';
  const {at_s: at, of_s: of} = interrupted;
  const tenths = (Math.floor(at * 10 + 1e-6) / 10).toFixed(1);
  return `Interrupted after ${of < 60 ? `${tenths} of ${of} s` : `${clock(at)} of ${clock(of)}`}`;
}

// What an invalid result says nothing for: a run that was fit to be judged otherwise was interrupted too soon.
function invalid(result) {
  const why = result.generator.verdict !== 'ok' ? `The generator was the limit (${limitsText(result)})`
    : `${interruption(result)}, before the target was reached`;
  return ['warn', 'Invalid', `${why}, so this says nothing about the server: ${afterLead(result, figures(result))}.`];
}

function noneEstablished(result, doubt) {
  const [error] = result.errors;
  const why = error ? ` Most often: ${error.phase} ${error.reason}${error.status ? ' ' + error.status : ''}.` : '';
  const befell = lead(result).join(', ');
  const none = `No session of ${count(result.sessions.started)} was established`;
  return ['bad', 'Failed', `${none}${befell ? ': ' + befell : ''}.${why}${doubt}`];
}

// [class, word, sentence]
export function verdict(result) {
  const limited = result.generator.verdict !== 'ok';
  const cut = interruption(result);
  const doubt = (cut ? ` ${cut}.` : '') + (limited ? ` But the generator was the limit: ${limitsText(result)}.` : '') + byHand(result);
  if (result.state === 'running') return ['warn', 'Unfinished', `What there was of an unfinished run after ${clock(result.elapsed_s)}: ${figures(result)}.${doubt}`];
  if (result.verdict === 'invalid') return invalid(result);
  if (result.sessions.established === 0) return noneEstablished(result, doubt);
  if (result.verdict === 'fail') return ['bad', 'Failed', `${afterLead(result, missed(result))}: ${figures(result)}.${doubt}`];
  return [limited || lead(result).length > 0 ? 'warn' : 'good', 'Passed', `${afterLead(result, figures(result))}.${doubt}`];
}

// Whether there is anything to judge an objective by: a value, or sessions that never got there.
export const isJudged = ({value, never = 0}) => value !== null || never > 0;

export function progress(result) {
  const limited = result.generator.verdict !== 'ok';
  const missing = result.slo.some((one) => !one.ok && isJudged(one));
  const doubt = (limited ? ` The generator is at its limit: ${limitsText(result)}.` : '') + byHand(result);
  return [limited ? 'warn' : missing ? 'bad' : 'live', 'Running', `${afterLead(result, figures(result))}.${doubt}`];
}
