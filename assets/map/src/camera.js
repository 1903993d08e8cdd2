// Zoom and pan by d3-zoom (wheel, drag, pinch), kept as {k, x, y}: how much nearer than the whole map, and which
// place of the map is in the middle. So a resized window shows the same.
import { select } from 'd3-selection';
import { zoom, zoomIdentity } from 'd3-zoom';

const NEAREST = 400;
const FILL = 0.95; // the map leaves a margin
export const WHOLE = { k: 1, x: 0, y: 0 };

/** `isPan()`: whether a drag moves the map. `changed(camera, byPerson)` is called at each move. */
export function createCamera(canvas, { isPan, changed }) {
  let camera = WHOLE;
  const box = () => ({ width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 });
  const unit = () => (Math.min(box().width, box().height) / 2) * FILL; // pixels per map unit at k = 1

  const behaviour = zoom()
    .scaleExtent([0.5, NEAREST])
    .extent(() => [[0, 0], [box().width, box().height]])
    .filter((event) => event.type === 'wheel' || event.touches?.length > 1 || (isPan() && !event.button))
    .on('zoom', ({ transform, sourceEvent }) => {
      const { width, height } = box();
      const reach = transform.k * unit();
      camera = { k: transform.k, x: (width / 2 - transform.x) / reach, y: (transform.y - height / 2) / reach };
      changed(camera, Boolean(sourceEvent));
    });
  const target = select(canvas).call(behaviour).on('dblclick.zoom', null);

  function set(next) {
    const { width, height } = box();
    const reach = next.k * unit();
    const transform = zoomIdentity.translate(width / 2 - next.x * reach, height / 2 + next.y * reach).scale(next.k);
    target.call(behaviour.transform, transform);
    camera = next;
  }

  return {
    get: () => camera,
    set,
    /** Map place -> pixels of the box. */
    toScreen: (x, y) => {
      const reach = camera.k * unit();
      return [box().width / 2 + (x - camera.x) * reach, box().height / 2 - (y - camera.y) * reach];
    },
    /** Pixels of the box -> map place. */
    toMap: (px, py) => {
      const reach = camera.k * unit();
      return [camera.x + (px - box().width / 2) / reach, camera.y - (py - box().height / 2) / reach];
    },
    /** Scale and offset of the clip space. */
    clip: () => {
      const { width, height } = box();
      const reach = camera.k * unit();
      const scale = [(2 * reach) / width, (2 * reach) / height];
      return { scale, offset: [-camera.x * scale[0], -camera.y * scale[1]] };
    },
    reach: () => camera.k * unit(),
  };
}
