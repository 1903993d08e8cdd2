// Arithmetic over all rows, in the browser: which lie inside a shape, which is nearest, counts per code.
import { polygonContains } from 'd3-polygon';

/** Rows within a polygon of map places; `isShown(row)` leaves out what is hidden. -> mask */
export function inside(xy, polygon, isShown) {
  const xs = polygon.map((p) => p[0]);
  const ys = polygon.map((p) => p[1]);
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const mask = new Uint8Array(xy.length / 2);
  for (let i = 0; i < mask.length; i++) {
    const x = xy[2 * i];
    const y = xy[2 * i + 1];
    if (x < left || x > right || y < low || y > high || !isShown(i)) continue;
    if (polygonContains(polygon, [x, y])) mask[i] = 1;
  }
  return mask;
}

/** The k shown rows nearest to a place, nearest first. A plain scan: 2 ms for 200,000 rows. */
export function nearest(xy, [x, y], k, isShown) {
  const best = [];
  let worst = Infinity;
  for (let i = 0; i < xy.length / 2; i++) {
    const distance = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
    if (distance >= worst || !isShown(i)) continue;
    best.push([distance, i]);
    if (best.length < 2 * k) continue;
    best.sort((a, b) => a[0] - b[0]).length = k;
    worst = best[k - 1][0];
  }
  return best.sort((a, b) => a[0] - b[0]).slice(0, k).map(([distance, row]) => ({ row, distance: Math.sqrt(distance) }));
}

/** Ways to put a new mask and the current one together, by name. */
export const COMBINE = {
  replace: (current, fresh) => fresh,
  add: (current, fresh) => fresh.map((bit, i) => bit | current[i]),
  subtract: (current, fresh) => fresh.map((bit, i) => current[i] & (1 - bit)),
  intersect: (current, fresh) => fresh.map((bit, i) => current[i] & bit),
};

export function countCodes(codes, mask) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < codes.length; i++) if (!mask || mask[i]) counts[codes[i]]++;
  return counts;
}

export function total(mask) {
  let sum = 0;
  for (let i = 0; i < mask.length; i++) sum += mask[i];
  return sum;
}
