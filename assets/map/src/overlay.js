// What lies over the points: names of clusters, holes, the row in the card, the shape being drawn. A 2D canvas, so
// names from uploads can only ever be letters.
const FIRST_ZOOM = [0.5, 1.8, 5]; // from which zoom on a level of names is shown
const SIZES = [15, 13, 12];
const MOST_NAMES = 40;

export function drawOverlay(canvas, { toScreen, zoom, theme, labels, showLabels, holes, marked, hovered, shape }) {
  const ratio = canvas.width / (canvas.clientWidth || 1);
  const paper = canvas.getContext('2d');
  paper.setTransform(ratio, 0, 0, ratio, 0, 0);
  paper.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  holes.forEach(([x, y]) => circle(paper, toScreen(x, y), 6, { colour: theme.accent, width: 1.5 }));
  if (showLabels) drawNames(paper, canvas, { toScreen, zoom, theme, labels });
  if (hovered) circle(paper, toScreen(...hovered), 7, { colour: theme.ink });
  if (marked) {
    circle(paper, toScreen(...marked), 9, { colour: theme.paper, width: 5 });
    circle(paper, toScreen(...marked), 9, { colour: theme.accent, width: 2.5 });
  }
  if (shape?.length > 1) drawShape(paper, shape, theme);
}

function circle(paper, [x, y], radius, { colour, width = 1.8 }) {
  paper.beginPath();
  paper.arc(x, y, radius, 0, 2 * Math.PI);
  paper.lineWidth = width;
  paper.strokeStyle = colour;
  paper.stroke();
}

/** Coarse names first; a name that would touch one already there waits until the map is nearer. */
function drawNames(paper, canvas, { toScreen, zoom, theme, labels }) {
  const taken = [];
  paper.textAlign = 'center';
  paper.textBaseline = 'middle';
  paper.lineJoin = 'round';
  for (const { x, y, level, name } of labels) {
    if (zoom < (FIRST_ZOOM[level] ?? Infinity)) continue;
    const [px, py] = toScreen(x, y);
    if (px < 0 || py < 0 || px > canvas.clientWidth || py > canvas.clientHeight) continue;
    const size = SIZES[level];
    paper.font = `${level ? 500 : 650} ${size}px ${theme.font}`;
    const half = paper.measureText(name).width / 2 + 6;
    const middle = Math.min(Math.max(px, half), canvas.clientWidth - half);
    const room = [middle - half, py - size, middle + half, py + size];
    if (taken.some((other) => room[0] < other[2] && room[2] > other[0] && room[1] < other[3] && room[3] > other[1])) continue;
    taken.push(room);
    paper.lineWidth = 4;
    paper.strokeStyle = theme.paper;
    paper.strokeText(name, middle, py);
    paper.fillStyle = theme.ink;
    paper.fillText(name, middle, py);
    if (taken.length >= MOST_NAMES) return;
  }
}

function drawShape(paper, shape, theme) {
  paper.beginPath();
  shape.forEach(([x, y], i) => (i ? paper.lineTo(x, y) : paper.moveTo(x, y)));
  paper.closePath();
  paper.globalAlpha = 0.12;
  paper.fillStyle = theme.accent;
  paper.fill();
  paper.globalAlpha = 1;
  paper.lineWidth = 1.5;
  paper.strokeStyle = theme.accent;
  paper.stroke();
}
