// The picture: the photo, its parsing drawn over it, and the marks on both.

import { PixelMap } from "./masks.js";
import { inked, look } from "./colors.js";

const LONGEST = 1400;  // pixels of a drawn side; more costs time and shows nothing
const OPACITY = 0.72;

/** Draws into three canvases of one frame, from the bottom up: photo, parsing, marks. */
export class Picture {
  constructor(frame, { photo, parsing, marks }) {
    Object.assign(this, { frame, photo, parsing, marks, hidden: new Set(), by: "part" });
    this.clear();
  }

  /** A new photo, an ImageBitmap as a viewer shows it. */
  load(bitmap) {
    this.clear();
    this.bitmap = bitmap;
    this.#size(bitmap.width, bitmap.height);
    this.photo.getContext("2d").drawImage(bitmap, 0, 0, this.photo.width, this.photo.height);
  }

  /** Forgets the answer; the photo stays. */
  clear() {
    this.answer = null;
    this.segments = new Map();
    this.segmentMap = this.personMap = null;
    this.marks.getContext("2d").clearRect(0, 0, this.marks.width, this.marks.height);
  }

  /** The parsing of the photo. */
  show(answer) {
    this.answer = answer;
    const { width, height } = answer.image;
    this.segments = new Map(answer.segments.map((segment) => [segment.id, segment]));
    this.segmentMap = mapped(answer.segments, width, height);
    this.personMap = mapped(answer.persons, width, height);
    this.paths = pathsOf(this.segmentMap);
    this.personPaths = pathsOf(this.personMap);
    this.#size(width, height);
    if (this.bitmap) this.photo.getContext("2d").drawImage(this.bitmap, 0, 0, this.photo.width, this.photo.height);
    this.paint();
  }

  #size(width, height) {
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    for (const canvas of [this.photo, this.parsing, this.marks]) {
      canvas.width = Math.max(1, Math.round(width * scale));
      canvas.height = Math.max(1, Math.round(height * scale));
    }
    this.frame.style.setProperty("--ratio", width / height);
  }

  /** What color and pattern a segment has: by its label, or by its person. */
  look(segment) {
    if (this.by === "person") return look(this.answer.persons.findIndex((one) => one.id === segment.person_id));
    return look(this.labels.indexOf(segment.label));
  }

  /** The different labels, in the order in which they come. */
  get labels() {
    return [...new Set(this.answer.segments.map((segment) => segment.label))];
  }

  /** Draws the parsing: a grey photo, every segment that is not hidden in its colour, a line around each. */
  paint() {
    const pen = this.parsing.getContext("2d"), { width, height } = this.parsing;
    pen.globalCompositeOperation = "source-over";
    pen.drawImage(this.photo, 0, 0);
    pen.globalCompositeOperation = "saturation";
    pen.fillStyle = "#808080";
    pen.fillRect(0, 0, width, height);
    pen.globalCompositeOperation = "source-over";
    pen.fillStyle = "#0f121933";
    pen.fillRect(0, 0, width, height);
    pen.drawImage(this.#colored(), 0, 0, width, height);
    pen.save();
    pen.scale(width / this.segmentMap.width, height / this.segmentMap.height);
    pen.strokeStyle = "#fffffff0";
    pen.lineWidth = this.#stroke(1.2);
    for (const [id, path] of this.paths) if (!this.hidden.has(id)) pen.stroke(path);
    pen.restore();
  }

  #colored() {
    const { width, height, ids } = this.segmentMap, sheet = document.createElement("canvas");
    sheet.width = width;
    sheet.height = height;
    const ink = sheet.getContext("2d"), image = ink.createImageData(width, height), step = Math.max(5, Math.round(this.#stroke(9)));
    const looks = new Map(this.answer.segments.filter(({ id }) => !this.hidden.has(id)).map((one) => [one.id, this.look(one)]));
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        const own = ids[at] && looks.get(ids[at]);
        if (!own) continue;
        const shade = inked(own.pattern, x, y, step) ? 0.25 : 1;
        image.data.set([own.rgb[0] * shade, own.rgb[1] * shade, own.rgb[2] * shade, 255 * OPACITY], 4 * at);
      }
    }
    ink.putImageData(image, 0, 0);
    return sheet;
  }

  /** Pixels of the map that are about `wide` pixels on the screen. */
  #stroke(wide) {
    const shown = this.frame.getBoundingClientRect().width || this.segmentMap.width;
    return wide * this.segmentMap.width / shown;
  }

  /** Lights one segment or person, {segment: id} or {person: id}, and dims the rest; nothing: all as it was. */
  light(target) {
    const pen = this.marks.getContext("2d"), { width, height } = this.marks;
    pen.clearRect(0, 0, width, height);
    const path = target?.segment ? this.paths?.get(target.segment) : this.personPaths?.get(target?.person);
    if (!path) return;
    pen.save();
    pen.scale(width / this.segmentMap.width, height / this.segmentMap.height);
    const veil = new Path2D();
    veil.rect(0, 0, this.segmentMap.width, this.segmentMap.height);
    veil.addPath(path);
    pen.fillStyle = "#0a0d149c";
    pen.fill(veil, "evenodd");
    pen.lineJoin = "round";
    pen.strokeStyle = "#fff";
    pen.lineWidth = this.#stroke(3.5);
    pen.stroke(path);
    pen.setLineDash([this.#stroke(6), this.#stroke(5)]);
    pen.strokeStyle = "#12151d";
    pen.lineWidth = this.#stroke(2);
    pen.stroke(path);
    pen.restore();
  }

  /** What is under a place on the screen: {segment: id}, {person: id} or null. Hidden segments are not there. */
  under(clientX, clientY) {
    if (!this.answer) return null;
    const box = this.marks.getBoundingClientRect();
    const x = (clientX - box.left) / box.width, y = (clientY - box.top) / box.height;
    const segment = this.segmentMap.at(x, y), person = this.personMap.at(x, y);
    if (segment && !this.hidden.has(segment)) return { segment };
    return person ? { person } : null;
  }
}

function mapped(things, width, height) {
  const map = new PixelMap(width, height, LONGEST);
  for (const thing of things) if (thing.mask) map.add(thing.mask, thing.id);
  return map;
}

function pathsOf(map) {
  return new Map([...map.outlines()].map(([id, rings]) => {
    const path = new Path2D();
    for (const ring of rings) {
      path.moveTo(ring[0], ring[1]);
      for (let at = 2; at < ring.length; at += 2) path.lineTo(ring[at], ring[at + 1]);
      path.closePath();
    }
    return [id, path];
  }));
}
