// Hover texts on demand, and what the person looks at on its way to the disk. Both go through a second, invisible
// mount of the component in a fragment of its own, so that neither ever reruns the map.
const CACHED = 20_000;
const WAIT_MS = 3_000;
const caches = new Map(); // map key -> Map(row -> lines)
const channels = new Map(); // map key -> the mount's context
const waiting = new Map(); // map key -> what to call when an answer comes

const cacheOf = (key) => caches.get(key) ?? caches.set(key, new Map()).get(key);
const nameOf = (key, version) => `${key}@${version}`;

export const cached = (key, version, row) => cacheOf(nameOf(key, version)).has(row);

/** A mount with the role "channel": answers carry the rows that they belong to. */
export function channel(data, context) {
  channels.set(data.map, context);
  const cache = cacheOf(nameOf(data.map, data.version));
  for (const [row, lines] of Object.entries(data.answers)) cache.set(Number(row), lines);
  waiting.get(data.map)?.(cache);
  const host = context.parentElement.host ?? context.parentElement;
  const box = host.closest('[data-testid="stElementContainer"]');
  if (box) box.style.display = 'none'; // an empty element would still take a gap
}

/** The lines of one row; `nearby()` names rows that are fetched along with it. */
export async function linesOf(key, version, row, nearby) {
  const cache = cacheOf(nameOf(key, version));
  const context = channels.get(key);
  if (!cache.has(row) && context) {
    if (cache.size > CACHED) cache.clear();
    const answer = new Promise((resolve) => waiting.set(key, (told) => told.has(row) && resolve()));
    context.setTriggerValue('ask', [row, ...nearby().filter((other) => other !== row && !cache.has(other))]);
    await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
  }
  return cache.get(row);
}

export function tell(key, name, value) {
  channels.get(key)?.setTriggerValue(name, value);
}
