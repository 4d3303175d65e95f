// A page with data in it is a report; else it looks at a run.
import {charts, redrawAll} from './charts.js';
import {startLive} from './live.js';
import {startReport} from './report.js';

const place = document.getElementById('app');
const data = document.getElementById('data');
if (data) startReport(place, JSON.parse(data.textContent));
else startLive(place);

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawAll);

// Paper is white, and narrower than most screens.
function print(on) {
  document.documentElement.classList.toggle('print', on);
  for (const chart of charts) {
    chart.resize();
    chart.draw();
  }
}
addEventListener('beforeprint', () => print(true));
addEventListener('afterprint', () => print(false));
