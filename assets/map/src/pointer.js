// Lasso, box, click, hover and double click by mouse, pen or finger. d3-zoom has wheel, drag and pinch.
const CLICK_PIXELS = 4;
const STEP_PIXELS = 3; // a lasso corner at each step of this size

/** Shapes are lists of [x, y] pixels. `done(shape, how)`: `how` is set while a modifier key is held. */
export function createPointer(canvas, { shapeKind, drawn, done, click, hover, doubleClick }) {
  const fingers = new Set();
  let shape;
  let start;
  let frame;

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const far = ([x, y], [u, v], pixels) => (x - u) ** 2 + (y - v) ** 2 > pixels ** 2;
  const forget = () => {
    if (shape) drawn((shape = undefined));
    start = undefined;
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    fingers.add(event.pointerId);
    if (fingers.size > 1) return forget(); // two fingers zoom
    canvas.getRootNode().host?.focus?.({ preventScroll: true });
    start = at(event);
    if (shapeKind() === 'pan') return;
    shape = [start];
    canvas.setPointerCapture(event.pointerId);
  });

  canvas.addEventListener('pointermove', (event) => {
    const place = at(event);
    if (shape) {
      if (shapeKind() === 'box') shape = [start, [place[0], start[1]], place, [start[0], place[1]]];
      else if (far(place, shape.at(-1), STEP_PIXELS)) shape.push(place);
      return drawn(shape);
    }
    if (event.pointerType === 'touch' || event.buttons) return;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => hover(place));
  });

  canvas.addEventListener('pointerup', (event) => {
    fingers.delete(event.pointerId);
    if (!start) return;
    const [place, finished] = [at(event), shape];
    const moved = far(place, start, CLICK_PIXELS) || finished?.length > 4;
    forget();
    if (!moved) click(place);
    else if (finished?.length > 2) done(finished, modifier(event));
  });

  canvas.addEventListener('pointercancel', (event) => {
    fingers.delete(event.pointerId);
    forget();
  });
  canvas.addEventListener('pointerleave', () => {
    cancelAnimationFrame(frame);
    hover(undefined);
  });
  canvas.addEventListener('dblclick', doubleClick);
}

function modifier({ shiftKey, altKey }) {
  if (shiftKey && altKey) return 'intersect';
  if (shiftKey) return 'add';
  return altKey ? 'subtract' : undefined;
}
