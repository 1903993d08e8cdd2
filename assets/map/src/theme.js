// Streamlit's colours of the moment: its CSS variables reach into the component.
export function readTheme(root) {
  const style = getComputedStyle(root);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const paper = read('--st-background-color', '#ffffff');
  const ink = read('--st-text-color', '#1b2430');
  const [r, g, b] = rgb(paper);
  return {
    paper, ink, accent: read('--st-primary-color', '#0f6cbd'), font: read('--st-font', 'sans-serif'),
    dark: 0.3 * r + 0.6 * g + 0.1 * b < 0.5, inkRgb: rgb(ink),
  };
}

const known = new Map(); // reading a pixel back takes milliseconds

/** Red, green, blue from 0 to 1 of any CSS colour. */
function rgb(colour) {
  if (known.has(colour)) return known.get(colour);
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const paper = canvas.getContext('2d', { willReadFrequently: true });
  paper.fillStyle = colour;
  paper.fillRect(0, 0, 1, 1);
  const channels = [...paper.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((channel) => channel / 255);
  known.set(colour, channels);
  return channels;
}
