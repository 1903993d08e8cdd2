import { EmbeddingMap } from './map.js';
import { channel } from './texts.js';

const maps = new WeakMap(); // the element that Streamlit gives -> its map

/** Streamlit calls this when the component appears, and again for each new `data` and each change of theme. */
export default function (context) {
  const { data, parentElement } = context;
  if (!(data instanceof Uint8Array)) return channel(data, context);
  let map = maps.get(parentElement);
  if (!map) maps.set(parentElement, (map = new EmbeddingMap(parentElement)));
  map.update(context);
  // Streamlit also runs the cleanup of a call that a newer one overtook while the map is still there, so "cleanup"
  // may mean nothing: only an element that has left the document is gone.
  return () => setTimeout(() => {
    if ((parentElement.host ?? parentElement).isConnected) return;
    map.destroy();
    maps.delete(parentElement);
  }, 0);
}
