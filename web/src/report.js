// A finished run, or several: what was inlined in the page.
import {Board} from './board.js';
import {h} from './dom.js';
import {seriesOf} from './series.js';

export function startReport(place, {results}) {
  const board = new Board(place);
  const show = ({result}) => board.show('report', result, seriesOf(result));
  if (results.length > 1) {
    const choice = h('select', {onchange: () => show(results[choice.selectedIndex])},
      results.map(({name}) => h('option', {}, name)));
    board.head.actions.append(h('label', {}, 'Result ', choice));
  }
  document.title = `rtspbench report, ${results[0].name}`;
  show(results[0]);
}
