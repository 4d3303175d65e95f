// A run under way: an event a second, the series caught up after a reload or a lost connection.
import {Board} from './board.js';
import {h, setText} from './dom.js';
import {Series} from './series.js';

export function startLive(place) {
  const board = new Board(place);
  const series = new Series();
  let result = null;
  let state = 'live';
  let waiting = false;
  const source = new EventSource('events');

  // At most once a frame, and not at all while nobody looks.
  function refresh() {
    if (waiting || !result) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      board.show(state, result, series);
    });
  }

  source.addEventListener('state', (event) => {
    const message = JSON.parse(event.data);
    series.append(message.series);
    result = message.result;
    state = message.ended ? 'ended' : 'live';
    if (message.control && !message.ended) controls(board, message);
    else board.head.actions.replaceChildren();
    board.paused = message.paused;
    if (message.ended) source.close();
    refresh();
  });
  source.onerror = () => {
    if (state === 'ended') return;
    state = 'lost';
    if (result) refresh();
    else setText(board.head.what, 'No connection to the run');
  };
  setText(board.head.what, 'Waiting for the run …');
  return board;
}

// Only where the run was begun with --web-control: whoever changes something must know the token, and is asked once.
function controls(board, message) {
  if (!board.controls) board.controls = makeControls(board.head.actions);
  board.controls(message);
}

const ASK = {
  stop: ['Stop the run?', 'Sessions are torn down in order, and the results are written.', 'Stop'],
  pause: ['Pause arrivals?', 'No more sessions are begun until you resume. Those that are there go on.', 'Pause'],
  resume: ['Resume arrivals?', 'Sessions that came due meanwhile begin at once.', 'Resume'],
  raise: ['Raise the target?', 'By a tenth of the plan’s: more sessions begin, at the plan’s rate.', 'Raise'],
  lower: ['Lower the target?', 'By a tenth of the plan’s: as many sessions are torn down at once.', 'Lower'],
};

function makeControls(place) {
  const token = h('input', {type: 'password', name: 'token', autocomplete: 'off', required: true});
  const title = h('h2', {id: 'ask-title'}, '');
  const text = h('p', {}, '');
  const answer = h('p', {role: 'status'}, '');
  const go = h('button', {}, '');
  const dialog = h('dialog', {'aria-labelledby': 'ask-title'}, h('form', {method: 'dialog', onsubmit: send}, title, text,
    h('label', {}, 'Token of --web-control', token), answer, h('div', {class: 'buttons'},
      h('button', {type: 'button', onclick: () => dialog.close()}, 'Cancel'), go)));
  const pause = h('button', {type: 'button', onclick: () => ask(isPaused ? 'resume' : 'pause')}, 'Pause …');
  const scale = h('output', {}, '');
  const said = h('span', {class: 'said', role: 'status'}, '');
  const target = h('div', {class: 'target', role: 'group', 'aria-label': 'Target'},
    h('button', {type: 'button', 'aria-label': 'Lower target', onclick: () => step('lower')}, '−'), scale,
    h('button', {type: 'button', 'aria-label': 'Raise target', onclick: () => step('raise')}, '+'));
  let isPaused = false;
  let isTrusted = false;
  let what = 'stop';

  // Steps come in numbers: who has shown the token isn't asked for each.
  async function step(control) {
    if (!isTrusted) return ask(control);
    what = control;
    const {status, text} = await post();
    if (status === 401) return ask(control);
    setText(said, status === 202 ? '' : status === 409 ? text : 'The run did not take it.');
  }

  function ask(control) {
    what = control;
    setText(title, ASK[what][0]);
    setText(text, ASK[what][1]);
    setText(go, ASK[what][2]);
    setText(answer, '');
    go.className = what === 'stop' ? 'danger' : '';
    dialog.showModal();
    if (token.value) go.focus();
  }

  async function post() {
    try {
      const reply = await fetch('control/' + what, {method: 'POST', headers: {Authorization: 'Bearer ' + token.value}});
      isTrusted = reply.status !== 401;
      return {status: reply.status, text: (await reply.text()).trim()};
    } catch {
      return {status: 0, text: ''};
    }
  }

  async function send(event) {
    event.preventDefault();
    const {status, text} = await post();
    if (status === 202) dialog.close();
    if (status === 401) token.value = '';
    const words = {202: '', 401: 'That is not the token.', 409: text};
    setText(answer, words[status] ?? 'The run did not take it.');
  }

  place.append(said, target, pause, h('button', {type: 'button', onclick: () => ask('stop')}, 'Stop …'), dialog);
  return ({paused, target_scale: now}) => {
    isPaused = paused;
    setText(pause, paused ? 'Resume …' : 'Pause …');
    setText(scale, `${Math.round(now * 1000) / 10} %`);
  };
}
