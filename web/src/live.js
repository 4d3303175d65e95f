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
    if (message.control) controls(board);
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

// Only where the run was begun with --web-control: to stop it takes the token.
function controls(board) {
  if (board.head.actions.firstChild) return;
  const token = h('input', {type: 'password', name: 'token', autocomplete: 'off', required: true, 'aria-label': 'Token'});
  const answer = h('p', {role: 'status'}, '');
  const dialog = h('dialog', {'aria-labelledby': 'stop-title'}, h('form', {method: 'dialog', async onsubmit(event) {
    event.preventDefault();
    const reply = await fetch('control/stop', {method: 'POST', headers: {Authorization: 'Bearer ' + token.value}})
      .catch(() => ({ok: false, status: 0}));
    token.value = '';
    if (reply.ok) dialog.close();
    setText(answer, reply.ok ? '' : reply.status === 401 ? 'That is not the token.' : 'The run did not take it.');
  }},
  h('h2', {id: 'stop-title'}, 'Stop the run?'),
  h('p', {}, 'Sessions are torn down in order, and the results are written.'),
  h('label', {}, 'Token of --web-control', token), answer,
  h('div', {class: 'buttons'}, h('button', {type: 'button', onclick: () => dialog.close()}, 'Cancel'),
    h('button', {class: 'danger'}, 'Stop'))));
  board.head.actions.append(h('button', {type: 'button', onclick: () => dialog.showModal()}, 'Stop …'), dialog);
}
