// One byte per row is an index into a palette of 256 colours. Code 255 means "no value", 127 is the exact centre of
// a diverging scale. Colours themselves come from Python, so that they are the same on every page.
export const NO_VALUE = 255;
export const CENTRE = 127;

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** 256 RGBA bytes. `hidden` holds the codes that are not drawn. */
export function paletteBytes(legend, dark, hidden) {
  const bytes = new Uint8Array(256 * 4);
  const put = (code, colour) => bytes.set([...colour, hidden.has(code) ? 0 : 255], 4 * code);
  const none = rgb(dark ? legend.none.dark : legend.none.light);
  if (legend.kind === 'categorical') {
    for (let code = 0; code < 255; code++) put(code, none);
    legend.entries.forEach((entry, code) => put(code, rgb(entry.colour)));
  } else {
    const stops = (dark ? legend.stops.dark : legend.stops.light).map(rgb);
    for (let code = 0; code < 255; code++) put(code, between(stops, code / 254));
  }
  put(NO_VALUE, none);
  return bytes;
}

function between(stops, share) {
  const place = share * (stops.length - 1);
  const left = Math.min(Math.floor(place), stops.length - 2);
  return stops[left].map((channel, i) => Math.round(channel + (stops[left + 1][i] - channel) * (place - left)));
}

export const css = (bytes, code) => `rgb(${bytes[4 * code]} ${bytes[4 * code + 1]} ${bytes[4 * code + 2]})`;
