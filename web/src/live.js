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
    if (message.control && !message.ended) controls(board, message.paused);
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
function controls(board, paused) {
  if (!board.controls) board.controls = makeControls(board.head.actions);
  board.controls(paused);
}

const ASK = {
  stop: ['Stop the run?', 'Sessions are torn down in order, and the results are written.', 'Stop'],
  pause: ['Pause arrivals?', 'No more sessions are begun until you resume. Those that are there go on.', 'Pause'],
  resume: ['Resume arrivals?', 'Sessions that came due meanwhile begin at once.', 'Resume'],
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
  let isPaused = false;
  let what = 'stop';

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

  async function send(event) {
    event.preventDefault();
    const reply = await fetch('control/' + what, {method: 'POST', headers: {Authorization: 'Bearer ' + token.value}})
      .catch(() => ({ok: false, status: 0}));
    if (reply.ok) dialog.close();
    if (reply.status === 401) token.value = '';
    setText(answer, reply.ok ? '' : reply.status === 401 ? 'That is not the token.' : 'The run did not take it.');
  }

  place.append(pause, h('button', {type: 'button', onclick: () => ask('stop')}, 'Stop …'), dialog);
  return (paused) => {
    isPaused = paused;
    setText(pause, paused ? 'Resume …' : 'Pause …');
  };
}
