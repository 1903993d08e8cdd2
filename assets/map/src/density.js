// Far out, points would cover each other and the last one drawn would win. There each spot shows the mean colour of
// its rows instead, and how many they are by its strength. Summed by the CPU: a million rows take 30 ms, less than
// software WebGL needs to draw them.

const SPOT = 2; // a spot is so many pixels wide
const CHOSEN = 4096; // one selected row outweighs all others at its spot

/** `view`: toScreen's factors {scale, shiftX, shiftY} in canvas pixels, gain, dim, anyChosen, count (rows). */
export function drawDensity(canvas, { xy, codes, mask, palette, view }) {
  const [width, height] = [Math.ceil(view.width / SPOT), Math.ceil(view.height / SPOT)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const sums = new Float32Array(4 * width * height);
  const scale = view.scale / SPOT;
  const [shiftX, shiftY] = [view.shiftX / SPOT, view.shiftY / SPOT];
  for (let i = 0; i < view.count; i++) {
    const x = Math.floor(xy[2 * i] * scale + shiftX);
    const y = Math.floor(shiftY - xy[2 * i + 1] * scale);
    if (x < 0 || y < 0 || x >= width || y >= height) continue;
    const colour = 4 * codes[i];
    if (!palette[colour + 3]) continue;
    const times = mask[i] ? CHOSEN : 1;
    const spot = 4 * (y * width + x);
    sums[spot] += times * palette[colour];
    sums[spot + 1] += times * palette[colour + 1];
    sums[spot + 2] += times * palette[colour + 2];
    sums[spot + 3] += times;
  }
  const picture = new ImageData(width, height);
  for (let spot = 0; spot < sums.length; spot += 4) {
    const times = sums[spot + 3];
    if (!times) continue;
    for (let channel = 0; channel < 3; channel++) picture.data[spot + channel] = sums[spot + channel] / times;
    const isDim = view.anyChosen && times < CHOSEN;
    const rows = times < CHOSEN ? times : times / CHOSEN;
    picture.data[spot + 3] = 255 * (isDim ? view.dim : 1) * (0.3 + 0.7 * (1 - Math.exp(-view.gain * rows)));
  }
  canvas.getContext('2d', { willReadFrequently: true }).putImageData(picture, 0, 0);
}
