// The elements around the points: tool bar, box with two canvases, hover card, legend.
import styles from './map.css';

const HELP =
  'Map of rows. Arrow keys move it, plus and minus zoom, 0 shows all, l draws a lasso, b a box, p moves, Enter ' +
  'opens the row in the middle, Escape clears the selection. The table below lists the selected rows.';
const HELP_READ_ONLY =
  'Map of rows, to look at. Arrow keys move it, plus and minus zoom, 0 shows all.';
const TOOLS = [
  ['lasso', 'lasso_select', 'Lasso', 'Draw around rows to select them (l). Shift adds, Alt takes away, both keep the overlap.'],
  ['box', 'select', 'Box', 'Drag a box around rows (b)'],
  ['pan', 'pan_tool', 'Move', 'Drag the map (p). The wheel zooms in every mode.'],
  ['nearer', 'zoom_in', 'Zoom in', 'Zoom in (+)'],
  ['farther', 'zoom_out', 'Zoom out', 'Zoom out (-)'],
  ['whole', 'fit_screen', 'Whole map', 'Show the whole map (0, or double click)'],
  ['fit', 'center_focus_strong', 'Zoom to selection', 'Zoom to the selected rows'],
  ['names', 'label', 'Names', 'Names of regions, from their most distinctive words'],
  ['points', 'scatter_plot', 'Every point', 'Every row as a point, also where the density view would show their mean colour'],
  ['clear', 'deselect', 'Clear', 'Clear the selection (Escape)'],
];

export function createFrame(parent, act, onKey) {
  const make = (tag, className, host) => {
    const made = document.createElement(tag);
    made.className = className;
    host?.appendChild(made);
    return made;
  };
  const root = make('div', 'root', parent);
  root.tabIndex = 0;
  root.setAttribute('role', 'application');
  make('style', '', root).textContent = styles;
  const tools = make('div', 'tools', root);
  tools.setAttribute('role', 'toolbar');
  const buttons = TOOLS.map(([action, icon, label, title]) => {
    const button = make('button', 'tool', tools);
    Object.assign(button, { title, type: 'button' });
    button.dataset.action = action;
    button.setAttribute('aria-label', label);
    make('span', 'icon', button).textContent = icon;
    return button;
  });
  const count = make('span', 'chosen', tools);
  count.setAttribute('aria-live', 'polite');
  const box = make('div', 'box', root);
  const density = make('canvas', 'density', box);
  const canvas = make('canvas', 'points', box);
  const overlay = make('canvas', 'overlay', box);
  const tip = make('div', 'tip', box);
  const hint = make('div', 'hint', box);
  const message = make('div', 'message', box);
  const legend = make('div', 'legend', root);
  tip.hidden = hint.hidden = message.hidden = true;
  hint.textContent = 'Density view: each spot has the mean colour of its rows. Zoom in for single rows.';
  tools.addEventListener('click', (event) => {
    const action = event.target.closest('button')?.dataset.action;
    if (action) act(action);
  });
  root.addEventListener('keydown', onKey);

  return {
    root, box, density, canvas, overlay, legend,
    lock: (isReadOnly) => {
      root.toggleAttribute('data-read-only', Boolean(isReadOnly));
      root.setAttribute('aria-label', isReadOnly ? HELP_READ_ONLY : HELP);
    },
    press: ({ mode, names, points }) => {
      const pressed = { lasso: mode === 'lasso', box: mode === 'box', pan: mode === 'pan', names, points };
      for (const button of buttons) {
        const { action } = button.dataset;
        if (action in pressed) button.setAttribute('aria-pressed', String(pressed[action]));
      }
      canvas.style.cursor = mode === 'pan' ? 'grab' : 'crosshair';
    },
    count: (chosen, n) => {
      count.textContent = chosen ? `${chosen.toLocaleString('en')} of ${n.toLocaleString('en')} selected` : '';
    },
    dense: (isDense) => { hint.hidden = density.hidden = !isDense; },
    say: (text) => { message.textContent = text; message.hidden = false; },
    hideTip: () => { tip.hidden = true; },
    showTip: (lines, [x, y]) => {
      tip.replaceChildren();
      lines.forEach(([kind, text]) => { make('div', kind === 'text' ? 'text' : 'fact', tip).textContent = text; });
      tip.hidden = false;
      tip.style.left = `${Math.max(4, x + 14 + tip.offsetWidth > box.clientWidth ? x - 14 - tip.offsetWidth : x + 14)}px`;
      tip.style.top = `${Math.max(4, Math.min(y + 10, box.clientHeight - tip.offsetHeight - 4))}px`;
    },
  };
}
