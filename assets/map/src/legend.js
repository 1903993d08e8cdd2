// Under the map: classes with their counts, which can be hidden and shown, or a colour bar with its true values.
import { NO_VALUE, css } from './palette.js';

const element = (parent, tag, className, text = '') => {
  const made = parent.appendChild(document.createElement(tag));
  made.className = className;
  made.textContent = text; // names come from uploads: text, never HTML
  return made;
};

const count = (number) => number.toLocaleString('en');

/** `totals` and `chosen` are counts per code; `toggle(code, alone)` hides and shows. */
export function drawLegend(host, { legend, palette, totals, chosen, hidden, toggle }) {
  host.replaceChildren();
  element(host, 'b', 'title', legend.title);
  if (legend.kind === 'categorical') {
    legend.entries.forEach((entry, code) => addClass(host, entry.name, code, { palette, totals, chosen, hidden, toggle }));
  } else {
    addBar(host, legend, palette);
  }
  if (legend.none.name && totals[NO_VALUE]) {
    addClass(host, legend.none.name, NO_VALUE, { palette, totals, chosen, hidden, toggle });
  }
  if (legend.note) element(host, 'span', 'note', legend.note);
}

function addClass(host, name, code, { palette, totals, chosen, hidden, toggle }) {
  const button = element(host, 'button', 'class');
  button.setAttribute('aria-pressed', String(!hidden.has(code)));
  button.title = 'Click hides or shows these rows, a double click shows them alone';
  element(button, 'i', '').style.background = css(palette, code);
  element(button, 'span', 'name', name);
  element(button, 'span', 'count', chosen ? `${count(chosen[code])} of ${count(totals[code])}` : count(totals[code]));
  button.addEventListener('click', (event) => toggle(code, event.detail > 1));
}

function addBar(host, legend, palette) {
  const bar = element(host, 'span', 'bar');
  const stops = Array.from({ length: 17 }, (_, i) => css(palette, Math.round((i / 16) * 254)));
  element(bar, 'u', '').style.background = `linear-gradient(90deg, ${stops.join(',')})`;
  for (const [place, text] of legend.ticks) element(bar, 'small', '', text).style.left = `${100 * place}%`;
}
