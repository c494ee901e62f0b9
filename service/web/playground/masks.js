// COCO's compressed run-length masks, a map of which segment holds a pixel, and outlines on that map.

/**
 * Lengths of the alternating runs of a mask, background first.
 *
 * A count is written in groups of five bits, low group first: 32 means that another group follows, 16 of the
 * last group is the sign. From the fourth on, a count is the difference to the one two before it.
 */
export function runs(text) {
  const lengths = [];
  for (let at = 0; at < text.length; ) {
    let value = 0, shift = 0, group;
    do {
      group = text.charCodeAt(at++) - 48;
      value += (group & 31) * 2 ** shift;
      shift += 5;
    } while (group & 32);
    if (group & 16) value -= 2 ** shift;
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
  }
  return lengths;
}

/** Calls visit(x, top, bottom) for each vertical stretch of a mask's pixels; runs go down the columns. */
export function spans(mask, visit) {
  const height = mask.size[0];
  let start = 0, inside = false;
  for (const length of runs(mask.counts)) {
    const end = start + length;
    if (inside) {
      for (let from = start; from < end; ) {
        const x = Math.floor(from / height), to = Math.min(end, (x + 1) * height);
        visit(x, from - x * height, to - x * height);
        from = to;
      }
    }
    start = end;
    inside = !inside;
  }
}

/** Which of many masks that do not overlap holds a pixel: ids from 1, 0 for none; no side over `longest`. */
export class PixelMap {
  constructor(width, height, longest = Infinity) {
    const scale = Math.min(1, longest / Math.max(width, height));
    this.width = Math.max(1, Math.round(width * scale));
    this.height = Math.max(1, Math.round(height * scale));
    this.ids = new Uint16Array(this.width * this.height);
  }

  /** Each pixel of this map shows the mask's pixel under its middle. */
  add(mask, id) {
    const [height, width] = mask.size, across = new Int32Array(width).fill(-1);
    for (let x = 0; x < this.width; x++) across[Math.floor((x + 0.5) * width / this.width)] = x;
    const down = (y) => Math.ceil(y * this.height / height - 0.5);
    spans(mask, (x, top, bottom) => {
      if (across[x] < 0) return;
      const end = down(bottom);
      for (let y = down(top); y < end; y++) this.ids[y * this.width + across[x]] = id;
    });
  }

  /** The id at a place given in fractions of the picture. */
  at(x, y) {
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return 0;
    return this.ids[Math.floor(y * this.height) * this.width + Math.floor(x * this.width)];
  }

  /** The edges of every id as closed rings of [x, y, x, y, ...], in this map's pixels: Map(id -> rings). */
  outlines() {
    const edges = new Map(), { width, height, ids } = this, across = width + 1;
    const add = (id, from, to) => {
      const own = edges.get(id) ?? edges.set(id, new Map()).get(id);
      const known = own.get(from);
      if (known) known.push(to); else own.set(from, [to]);
    };
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        const id = ids[at], corner = y * across + x;
        if (!id) continue;
        if (!y || ids[at - width] !== id) add(id, corner, corner + 1);
        if (x === width - 1 || ids[at + 1] !== id) add(id, corner + 1, corner + across + 1);
        if (y === height - 1 || ids[at + width] !== id) add(id, corner + across + 1, corner + across);
        if (!x || ids[at - 1] !== id) add(id, corner + across, corner);
      }
    }
    return new Map([...edges].map(([id, own]) => [id, rings(own, across)]));
  }
}

/** Directed edges (corner -> corners) joined into rings; corners between edges of one direction are left out. */
function rings(edges, across) {
  const found = [];
  for (const [start, ends] of edges) {
    while (ends.length) {
      const ring = [];
      let at = start, step = 0;
      do {
        const next = edges.get(at).pop();
        if (next - at !== step) ring.push(at % across, Math.floor(at / across));
        step = next - at;
        at = next;
      } while (at !== start);
      found.push(ring);
    }
  }
  return found;
}
