// The map in the page: takes messages, keeps colours, selection and camera together, and draws when needed.
import { createCamera, WHOLE } from './camera.js';
import { drawDensity } from './density.js';
import { drawLegend } from './legend.js';
import { drawOverlay } from './overlay.js';
import { NO_VALUE, paletteBytes } from './palette.js';
import { createPointer } from './pointer.js';
import { COMBINE, countCodes, inside, nearest, total } from './rows.js';
import { createScene } from './scene.js';
import { createFrame } from './frame.js';
import { readTheme } from './theme.js';
import { cached, linesOf, tell } from './texts.js';
import { blob, maskFromBits, maskToBase64, parse, readJson, retain } from './wire.js';

const ASK_AGAIN_MS = 2_500;
const TELL_AFTER_MS = 500;
const HOVER_DELAY_MS = 40;
const TOGETHER = 32; // hover texts are fetched for so many neighbours at once
const DENSE = 1.5; // mean number of points over a pixel from which the density view is shown
const CHANGES = ['lasso', 'box', 'clear']; // what a map that is only looked at does not do
const looks = new Map(); // map key -> {camera, hidden, names, points}; survives a page switch
const session = Math.random().toString(36).slice(2, 8);
let selections = 0;

const probe = (type, more) => globalThis.__mapProbe?.({ type, time: performance.now(), ...more }); // benchmarks only

export class EmbeddingMap {
  constructor(parent) {
    this.frame = createFrame(parent, (action) => this.act(action), (event) => this.onKey(event));
    this.mask = undefined;
    this.token = 'none';
    this.mode = 'lasso';
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.frame.box);
    this.frame.canvas.addEventListener('webglcontextlost', (event) => event.preventDefault());
    this.frame.canvas.addEventListener('webglcontextrestored', () => this.restore());
  }

  // --- messages

  update(context) {
    this.context = context; // its setters close over the newest widget state
    this.receive(parse(context.data));
  }

  receive(header) {
    this.header = header;
    this.look = looks.get(header.key) ?? looks.set(header.key, startingLook(header.look)).get(header.key);
    const missing = retain(header.key, [
      header.places, header.notes, header.codes, header.sizes, this.isForeign() && header.selection.hash,
    ].filter(Boolean));
    probe('update', { rev: header.rev, missing });
    clearTimeout(this.asking);
    if (missing.length) {
      this.context.setTriggerValue('need', missing);
      this.asking = setTimeout(() => this.receive(header), ASK_AGAIN_MS);
    }
    this.frame.box.style.height = `${header.height}px`;
    this.frame.lock(header.readOnly);
    this.setMode(header.readOnly ? 'pan' : this.mode);
    if (blob(header.places) && this.places !== header.places) this.setPlaces();
    if (!this.scene) return;
    if (blob(header.notes) && this.notesName !== header.notes) {
      this.notes = readJson(header.notes);
      this.notesName = header.notes;
    }
    this.takeColours();
    this.adoptSelection();
    this.draw(); // at once: the page has more to do before its next animation frame
  }

  setPlaces() {
    const bytes = blob(this.header.places);
    this.places = this.header.places;
    this.xy = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    this.n = this.xy.length / 2;
    this.mask = new Uint8Array(this.n);
    this.chosen = 0;
    this.token = 'none';
    this.codes = this.drawnCodes = this.drawnSizes = undefined;
    if (!this.scene && !this.createScene()) return;
    this.scene.setPlaces(this.xy);
  }

  createScene() {
    try {
      this.scene = createScene(this.frame.canvas);
    } catch (error) {
      this.frame.say(`${error.message} A picture of a sample is shown instead.`);
      this.context.setTriggerValue('fallback', true);
      return false;
    }
    this.camera ??= createCamera(this.frame.canvas, {
      isPan: () => this.mode === 'pan',
      changed: (camera, byPerson) => {
        this.look.camera = camera;
        if (byPerson) this.tellLook();
        this.hover(-1);
        this.redraw();
      },
    });
    this.pointer ??= createPointer(this.frame.canvas, {
      shapeKind: () => this.mode,
      drawn: (shape) => { this.shape = shape; this.redraw(); },
      done: (shape, how) => this.select(inside(this.xy, shape.map(([x, y]) => this.camera.toMap(x, y)), this.isShown), how),
      click: (place) => this.open(this.pick(place)),
      hover: (place) => this.hover(place ? this.pick(place) : -1),
      doubleClick: () => this.act('whole'),
    });
    this.resize();
    return true;
  }

  /** A lost WebGL context came back (driver reset, laptop sleep): everything goes up again. */
  restore() {
    this.scene = createScene(this.frame.canvas);
    this.scene.setPlaces(this.xy);
    this.drawnCodes = this.drawnSizes = undefined;
    this.takeColours();
    this.scene.setBytes('chosen', this.mask);
    this.redraw();
  }

  // --- colours

  takeColours() {
    const { codes, sizes, legend } = this.header;
    if (blob(codes) && this.drawnCodes !== codes) {
      this.codes = blob(codes);
      this.drawnCodes = codes;
      this.scene.setBytes('code', this.codes);
      this.totals = countCodes(this.codes);
    }
    if (sizes && blob(sizes) && this.drawnSizes !== sizes) {
      this.drawnSizes = sizes;
      this.scene.setBytes('size', blob(sizes));
    }
    if (this.drawnCodes !== codes) return;
    this.legend = legend;
    this.theme = readTheme(this.frame.root);
    const names = new Set([this.look.hidden[this.header.colour] ?? []].flat());
    this.hidden = new Set([...legend.entries.entries()].filter(([, entry]) => names.has(entry.name)).map(([code]) => code));
    if (names.has(legend.none.name)) this.hidden.add(NO_VALUE);
    this.palette = paletteBytes(legend, this.theme.dark, this.hidden);
    this.scene.setPalette(this.palette);
    this.showLegend();
  }

  isShown = (row) => !this.hidden.has(this.codes[row]);

  toggle(code, alone) {
    const name = (number) => (number === NO_VALUE ? this.legend.none.name : this.legend.entries[number].name);
    const all = [...this.legend.entries.keys(), NO_VALUE];
    const hidden = new Set(this.hidden);
    if (alone) all.forEach((other) => (other === code ? hidden.delete(other) : hidden.add(other)));
    else if (!hidden.delete(code)) hidden.add(code);
    if (all.every((other) => hidden.has(other) || !this.totals[other])) hidden.clear(); // an empty map helps nobody
    this.look.hidden = { ...this.look.hidden, [this.header.colour]: [...hidden].map(name).filter(Boolean) };
    this.takeColours();
    this.tellLook();
    this.redraw();
  }

  showLegend() {
    drawLegend(this.frame.legend, {
      legend: this.legend, palette: this.palette, totals: this.totals, hidden: this.hidden,
      chosen: this.chosen ? countCodes(this.codes, this.mask) : undefined,
      toggle: (code, alone) => this.toggle(code, alone),
    });
  }

  // --- selection: the truth lives in Python; a token tells whose selection a message is about

  /** Whether the message names a selection that is neither ours nor an older one of ours. */
  isForeign() {
    const { token } = this.header.selection;
    const [who, tab, number] = token.split('-');
    const older = who === 'js' && tab === session && Number(number) < selections && this.token.startsWith('js');
    return token !== this.token && !older;
  }

  adoptSelection() {
    const { token, hash } = this.header.selection;
    if (!this.isForeign() || (hash && !blob(hash))) return;
    this.token = token;
    this.setMask(hash ? maskFromBits(blob(hash), this.n) : new Uint8Array(this.n));
  }

  select(fresh, how) {
    this.setMask(COMBINE[how ?? this.header.combine](this.mask, fresh));
    this.token = `js-${session}-${++selections}`;
    probe('select', { rows: this.chosen });
    const rows = this.chosen < this.n / 64 ? { rows: rowsOf(this.mask) } : { bits: maskToBase64(this.mask) };
    // a trigger and not a state: a state would go up again with every later run of the page
    this.context.setTriggerValue('select', { token: this.token, places: this.places, ...rows });
  }

  setMask(mask) {
    this.mask = mask;
    this.chosen = total(mask);
    this.scene.setBytes('chosen', mask);
    this.frame.count(this.chosen, this.n);
    if (this.codes) this.showLegend();
    this.redraw();
  }

  // --- one row

  pick([px, py]) {
    if (!this.codes) return -1;
    const [hit] = nearest(this.xy, this.camera.toMap(px, py), 1, this.isShown);
    return hit && hit.distance * this.camera.reach() < Math.max(8, this.diameter() / 2 + 3) ? hit.row : -1;
  }

  open(row) {
    if (row >= 0 && !this.header.readOnly) this.context.setTriggerValue('open', row);
  }

  hover(row) {
    if (row === this.hovered) return;
    this.hovered = row;
    clearTimeout(this.hovering);
    this.frame.hideTip();
    this.redraw();
    if (row < 0) return;
    const { key, version } = this.header;
    const place = [this.xy[2 * row], this.xy[2 * row + 1]];
    const near = () => nearest(this.xy, place, TOGETHER, this.isShown).map((hit) => hit.row);
    this.hovering = setTimeout(async () => {
      const lines = await linesOf(key, version, row, near);
      if (this.hovered !== row || !lines) return;
      this.frame.showTip(lines, this.camera.toScreen(...place));
      probe('tip', { row });
    }, cached(key, version, row) ? 0 : HOVER_DELAY_MS);
  }

  // --- what a person does

  setMode(mode) {
    this.mode = mode;
    this.frame.press({ mode, names: this.look.names, points: this.look.points });
  }

  act(action) {
    if (!this.scene || (this.header.readOnly && CHANGES.includes(action))) return;
    if (['lasso', 'box', 'pan'].includes(action)) return this.setMode(action);
    const camera = this.camera.get();
    const actions = {
      nearer: () => this.camera.set({ ...camera, k: Math.min(camera.k * 1.4, 400) }),
      farther: () => this.camera.set({ ...camera, k: Math.max(camera.k / 1.4, 0.5) }),
      whole: () => this.camera.set(WHOLE),
      fit: () => this.fitSelection(),
      clear: () => this.chosen && this.select(new Uint8Array(this.n), 'replace'),
      names: () => (this.look.names = !this.look.names),
      points: () => (this.look.points = !this.look.points),
    };
    actions[action]();
    this.setMode(this.mode);
    this.tellLook();
    this.redraw();
  }

  onKey(event) {
    if (!this.scene || event.ctrlKey || event.metaKey || event.altKey) return;
    const { k, x, y } = this.camera.get();
    const step = 0.15 / k;
    const go = (dx, dy) => () => { this.camera.set({ k, x: x + dx, y: y + dy }); this.tellLook(); };
    const keys = {
      ArrowLeft: go(-step, 0), ArrowRight: go(step, 0), ArrowUp: go(0, step), ArrowDown: go(0, -step),
      '+': () => this.act('nearer'), '=': () => this.act('nearer'), '-': () => this.act('farther'),
      0: () => this.act('whole'), Escape: () => this.act('clear'),
      l: () => this.act('lasso'), b: () => this.act('box'), p: () => this.act('pan'),
      Enter: () => this.open(nearest(this.xy, [x, y], 1, this.isShown)[0]?.row ?? -1),
    };
    if (!keys[event.key] || (event.key === 'Enter' && event.target.closest('button'))) return;
    event.preventDefault();
    event.stopPropagation(); // the page has keys of its own: "r" runs it again, "c" clears its cache
    keys[event.key]();
  }

  fitSelection() {
    if (!this.chosen) return;
    const rows = rowsOf(this.mask);
    const xs = rows.map((i) => this.xy[2 * i]).sort((a, b) => a - b);
    const ys = rows.map((i) => this.xy[2 * i + 1]).sort((a, b) => a - b);
    const [left, right, low, high] = [xs[0], xs.at(-1), ys[0], ys.at(-1)];
    const k = Math.min(1.8 / Math.max(right - left, high - low, 1e-3), 60);
    this.camera.set({ k: Math.max(k, 0.5), x: (left + right) / 2, y: (low + high) / 2 });
  }

  /** What is looked at goes to the disk a moment after it changed, so that a reload shows the same. */
  tellLook() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => tell(this.header.key, 'look', this.look), TELL_AFTER_MS);
  }

  // --- drawing

  resize() {
    const { canvas, overlay, box } = this.frame;
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    for (const one of [canvas, overlay]) {
      one.width = Math.max(1, Math.round(box.clientWidth * ratio));
      one.height = Math.max(1, Math.round(box.clientHeight * ratio));
    }
    if (!this.camera || !box.clientWidth) return;
    this.camera.set(this.look.camera);
    this.redraw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = undefined;
      this.draw();
    });
  }

  /** Of a point, in pixels: smaller where there are many rows, larger when near. */
  diameter() {
    return Math.min(Math.max(60 / this.n ** 0.27, 1.4), 7) * Math.min(this.camera.get().k ** 0.35, 3);
  }

  draw() {
    const { canvas, overlay } = this.frame;
    if (!this.scene || !this.codes || !canvas.clientWidth || !canvas.clientHeight) return; // not laid out yet
    const { k } = this.camera.get();
    const ratio = canvas.width / (canvas.clientWidth || 1);
    const reals = this.header.synthetic;
    const covered = (reals * 0.8 * this.diameter() ** 2) / (0.4 * canvas.clientWidth * canvas.clientHeight * k * k);
    const dense = !this.look.points && covered > DENSE;
    const shared = { dim: dense ? 0.3 : 0.14, anyChosen: this.chosen > 0 };
    this.frame.dense(dense);
    if (dense) this.drawDense(reals, shared);
    this.scene.draw({
      ...shared, ...this.camera.clip(), reals, dense, diameter: this.diameter() * ratio, ink: this.theme.inkRgb,
      opacity: this.n > 20_000 ? 0.7 : 0.85, sized: Boolean(this.header.sizes),
    });
    const at = (row) => (row >= 0 ? [this.xy[2 * row], this.xy[2 * row + 1]] : undefined);
    drawOverlay(overlay, {
      toScreen: this.camera.toScreen, zoom: k, theme: this.theme, labels: this.notes?.labels ?? [],
      showLabels: this.look.names, holes: (this.notes?.holes ?? []).map(at), marked: at(this.header.open ?? -1),
      hovered: at(this.hovered ?? -1), shape: this.shape,
    });
    probe('draw', {
      rev: this.header.rev, rows: this.n, codes: this.drawnCodes, chosen: this.chosen, camera: this.camera.get(), dense, gl: this.scene.gl,
    });
  }

  drawDense(count, shared) {
    const { canvas, density } = this.frame;
    const [shiftX, shiftY] = this.camera.toScreen(0, 0);
    const { k } = this.camera.get();
    drawDensity(density, {
      xy: this.xy, codes: this.codes, mask: this.mask, palette: this.palette,
      view: {
        ...shared, count, shiftX, shiftY, width: canvas.clientWidth, height: canvas.clientHeight, scale: this.camera.reach(),
        gain: Math.min(1, (0.03 * canvas.clientWidth * canvas.clientHeight * k * k) / count),
      },
    });
  }

  destroy() {
    [this.asking, this.telling, this.hovering].forEach(clearTimeout);
    if (this.waiting) cancelAnimationFrame(this.waiting);
    this.resizing.disconnect();
    this.scene?.gl.getExtension('WEBGL_lose_context')?.loseContext();
    this.scene = undefined;
    this.frame.root.remove();
  }
}

const startingLook = (stored) => ({
  camera: isCamera(stored.camera) ? stored.camera : WHOLE,
  hidden: stored.hidden instanceof Object ? stored.hidden : {}, names: stored.names ?? true, points: stored.points ?? false,
});

const isCamera = (camera) => camera && [camera.k, camera.x, camera.y].every(Number.isFinite) && camera.k > 0;

function rowsOf(mask) {
  const rows = [];
  for (let i = 0; i < mask.length; i++) if (mask[i]) rows.push(i);
  return rows;
}
