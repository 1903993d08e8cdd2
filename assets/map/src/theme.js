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

/** Red, green, blue from 0 to 1 of any CSS colour. */
function rgb(colour) {
  const paper = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
  paper.fillStyle = colour;
  paper.fillRect(0, 0, 1, 1);
  return [...paper.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((channel) => channel / 255);
}
