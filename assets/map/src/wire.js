// One binary message is the whole `data` of the component:
//   "SYNM" | uint32 length of the header | header (JSON, padded so that blobs start at a multiple of 8) | blobs
// header.blobs = {hash: [offset, length]}. The header always NAMES the blobs that it means by content hash and
// carries only those that this browser is believed to lack.
const MAGIC = 0x4d4e5953;
const decoder = new TextDecoder();
const store = new Map(); // hash -> Uint8Array; at module level, so it outlives a page switch
const wanted = new Map(); // map key -> hashes of its latest header

export function parse(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw new Error('not a message for the map');
  const length = view.getUint32(4, true);
  const header = JSON.parse(decoder.decode(data.subarray(8, 8 + length)));
  for (const [hash, [offset, size]] of Object.entries(header.blobs)) {
    const start = 8 + length + offset;
    store.set(hash, data.slice(start, start + size)); // a copy: aligned, and it lets the message go
  }
  return header;
}

export const blob = (hash) => store.get(hash);

/** Note what map `key` needs, drop what no map needs, return the hashes that are missing. */
export function retain(key, hashes) {
  wanted.set(key, hashes);
  const needed = new Set([...wanted.values()].flat());
  for (const hash of store.keys()) if (!needed.has(hash)) store.delete(hash);
  return hashes.filter((hash) => !store.has(hash));
}

export const readJson = (hash) => JSON.parse(decoder.decode(blob(hash)));

/** Bit i of `bits`, least significant first, says whether row i is in. -> Uint8Array of 0 and 1 */
export function maskFromBits(bits, n) {
  const mask = new Uint8Array(n);
  for (let i = 0; i < n; i++) mask[i] = (bits[i >> 3] >> (i & 7)) & 1;
  return mask;
}

export function maskToBase64(mask) {
  const bits = new Uint8Array((mask.length + 7) >> 3);
  for (let i = 0; i < mask.length; i++) if (mask[i]) bits[i >> 3] |= 1 << (i & 7);
  let text = '';
  for (let i = 0; i < bits.length; i += 8192) text += String.fromCharCode(...bits.subarray(i, i + 8192));
  return btoa(text);
}
