// The stage: photo and parsing with the wipe between them, what the pointer is on, and the tip beside it.

import { Picture } from "./picture.js";
import { element, percent, share } from "./words.js";

const HINT = matchMedia("(hover: none)").matches
  ? "Tap the picture or a row to see what it is."
  : "Point at the picture or a row to see what it is; a click pins it.";
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Viewer {
  /** `parts` are the elements by id. Calls light(target | null) and pin(target | null). */
  constructor(parts, { light, pin }) {
    this.parts = parts;
    this.picture = new Picture(parts.frame, parts);
    const { marks, wipe, divider } = parts;
    marks.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch") return;
      const target = this.picture.under(event.clientX, event.clientY);
      light(target);
      this.#tip(target, event);
    });
    marks.addEventListener("pointerleave", () => { light(null); this.#tip(null); });
    marks.addEventListener("click", (event) => pin(this.picture.under(event.clientX, event.clientY)));
    wipe.addEventListener("input", () => this.wipe(Number(wipe.value)));
    divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = parts.frame.getBoundingClientRect();
      this.wipe(Math.max(0, Math.min(100, 100 * (event.clientX - box.left) / box.width)));
    });
  }

  /** A new photo; null where the browser cannot show the file. */
  load(bitmap, name) {
    const { invite, viewer, frame, unshown, marks } = this.parts;
    invite.hidden = true;
    viewer.hidden = this.parts.tools.hidden = false;
    frame.hidden = !bitmap;
    unshown.hidden = Boolean(bitmap);
    this.parts["unshown-name"].textContent = bitmap ? "" : `This browser cannot show ${name}. The server may say more.`;
    if (bitmap) this.picture.load(bitmap);
    marks.setAttribute("aria-label", `The photo ${name}, not parsed yet`);
    this.clear();
  }

  clear() {
    this.picture.clear();
    this.parts.badges.replaceChildren();
    this.parts.divider.hidden = this.parts["wipe-tool"].hidden = this.parts.coloring.hidden = true;
    this.parts.detail.hidden = true;
    this.#tip(null);
    this.turn = null;
    this.wipe(0);
  }

  /** The parsing, wiped in from the left. */
  show(answer) {
    const { frame, unshown, divider, detail, marks, badges } = this.parts;
    frame.hidden = detail.hidden = divider.hidden = this.parts["wipe-tool"].hidden = false;
    this.parts.coloring.hidden = answer.persons.length < 2;
    unshown.hidden = true;
    this.picture.show(answer);
    marks.setAttribute("aria-label", summary(answer));
    badges.replaceChildren(...(answer.persons.length > 1 ? answer.persons.map((one, index) => badge(one, index, answer.image)) : []));
    this.detail(null);
    this.#reveal();
  }

  busy(on) {
    this.parts.frame.classList.toggle("busy", on);
  }

  /** How much of the parsing is shown, in percent from the left; the rest is photo. */
  wipe(value) {
    const { frame, wipe, divider } = this.parts, whole = Math.round(value);
    frame.style.setProperty("--wipe", value / 100);
    divider.classList.toggle("edge", whole === 0 || whole === 100);
    wipe.value = whole;
    wipe.setAttribute("aria-valuetext", `${whole} % parsing, ${100 - whole} % photo`);
  }

  #reveal() {
    const turn = this.turn = {}, start = performance.now();
    if (still.matches) { this.wipe(100); return; }
    const step = (now) => {
      if (turn !== this.turn) return;
      const time = Math.min(1, (now - start) / 700);
      this.wipe(100 * (1 - (1 - time) ** 3));
      if (time < 1) requestAnimationFrame(step);
    };
    this.parts.wipe.addEventListener("input", () => { this.turn = null; }, { once: true });
    this.parts.divider.addEventListener("pointerdown", () => { this.turn = null; }, { once: true });
    requestAnimationFrame(step);
  }

  /** What a target is, in the line below the picture. */
  detail(target) {
    const { answer } = this.picture, { detail } = this.parts;
    const words = answer && target ? told(answer, target) : null;
    if (!words) {
      detail.replaceChildren(element("span", "soft", HINT));
      return;
    }
    detail.replaceChildren(element("strong", "", words[0]), ...words.slice(1).map((text) => element("span", "soft", text)));
  }

  #tip(target, event) {
    const { tip, frame } = this.parts, { answer } = this.picture;
    tip.hidden = !target;
    if (!target) return;
    const [name, ...rest] = told(answer, target);
    tip.replaceChildren(element("b", "", name), rest.slice(0, 2).join(" · "));
    const box = frame.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const right = x + 20 + tip.offsetWidth < box.width, below = y + 20 + tip.offsetHeight < box.height;
    tip.style.left = `${right ? x + 16 : Math.max(0, x - tip.offsetWidth - 12)}px`;
    tip.style.top = `${below ? y + 16 : Math.max(0, y - tip.offsetHeight - 12)}px`;
  }
}

/** Name, person, score, area and colours of a segment, or the same of a person. */
function told(answer, { segment: id, person: personId }) {
  if (!id) {
    const index = answer.persons.findIndex((one) => one.id === personId), person = answer.persons[index];
    return [`Person ${index + 1}`, `score ${percent(person.score)}`, `${share(person.area, answer.image)} of the picture`];
  }
  const segment = answer.segments.find((one) => one.id === id);
  const person = answer.persons.findIndex((one) => one.id === segment.person_id) + 1;
  const colors = segment.colors.slice(0, 3).map((color) => `${color.name} ${percent(color.coverage)}`).join(", ");
  return [segment.label, `person ${person}`, `score ${percent(segment.score)}`, `${share(segment.area, answer.image)} of the picture`, colors].filter(Boolean);
}

/** The picture in words, for who cannot see it. */
function summary({ persons, segments }) {
  if (!persons.length) return "The photo, parsed: nobody found";
  const each = persons.map((person, index) => {
    const labels = segments.filter((one) => one.person_id === person.id).map((one) => one.label);
    return `person ${index + 1}: ${labels.join(", ") || "no part that was asked for"}`;
  });
  return `The photo, parsed. ${each.join("; ")}`;
}

function badge({ bbox: [x, y, width] }, index, image) {
  const made = element("span", "badge", String(index + 1));
  made.style.left = `${100 * (x + width / 2) / image.width}%`;
  made.style.top = `${Math.max(4, 100 * y / image.height)}%`;
  return made;
}
