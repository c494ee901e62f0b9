// The list of persons and their segments as a tree: one tab stop, arrows within (WAI-ARIA tree view).

import { element, percent, share } from "./words.js";

export class Tree {
  /** Calls light(target | null), pin(target) and toggle(segment ids, shown) on what a reader does. */
  constructor(root, eye, { light, pin, toggle }) {
    Object.assign(this, { root, eye, on: { light, pin, toggle } });
    root.addEventListener("mouseover", (event) => light(this.#targetAt(event)));
    root.addEventListener("mouseleave", () => light(null));
    root.addEventListener("focusin", (event) => this.#focused(event.target));
    root.addEventListener("focusout", () => light(null));
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** A new answer's persons and segments; `look(segment)` gives colour and pattern. */
  fill(answer, look) {
    this.answer = answer;
    this.root.replaceChildren(...answer.persons.map((person, index) => this.#person(person, index, look)));
    const first = this.root.querySelector("[role=treeitem]");
    if (first) first.tabIndex = 0;
  }

  /** Shows which segments are hidden, which thing is lit and which is pinned. */
  update({ hidden, lit, pinned }) {
    for (const item of this.#items()) {
      const { person, segment } = targetOf(item), own = this.#segmentsOf(item);
      const shown = own.filter((id) => !hidden.has(id)).length;
      item.setAttribute("aria-checked", shown === own.length ? "true" : shown ? "mixed" : "false");
      item.setAttribute("aria-selected", String(same(pinned, { person, segment })));
      item.firstChild.classList.toggle("hot", same(lit, { person, segment }));
    }
  }

  recolor(look) {
    for (const item of this.root.querySelectorAll("[data-segment]")) {
      dress(item.querySelector(".swatch"), look(this.#segment(Number(item.dataset.segment))));
    }
  }

  /** Brings the row of a target into view within the list, without a jump of the page. */
  reveal(target) {
    const item = target?.segment && this.root.querySelector(`[data-segment="${target.segment}"]`);
    if (!item) return;
    const row = item.getBoundingClientRect(), box = this.root.getBoundingClientRect();
    if (row.top < box.top + 40) this.root.scrollTop -= box.top + 40 - row.top;
    if (row.bottom > box.bottom) this.root.scrollTop += row.bottom - box.bottom;
  }

  #segment(id) {
    return this.answer.segments.find((segment) => segment.id === id);
  }

  #person(person, index, look) {
    const own = this.answer.segments.filter((segment) => segment.person_id === person.id);
    const row = element("div", "row person", this.#eyeOf(), element("span", "twist"), named(`Person ${index + 1}`, `score ${percent(person.score)}`), areaOf(person, this.answer.image));
    const group = element("ul", "", ...own.map((segment) => this.#part(segment, index, look(segment))));
    group.setAttribute("role", "group");
    const item = treeItem(row, 1, `Person ${index + 1}, score ${percent(person.score)}, ${own.length} parts`);
    item.dataset.person = person.id;
    item.setAttribute("aria-expanded", "true");
    if (own.length) item.append(group);
    return item;
  }

  #part(segment, index, own) {
    const swatch = element("span", "swatch"), tints = element("span", "tints");
    dress(swatch, own);
    const colors = segment.colors.slice(0, 3).map((color) => `${color.name} ${percent(color.coverage)}`);
    for (const color of segment.colors.slice(0, 3)) {
      const dot = element("i");
      dot.style.background = color.hex;
      tints.append(dot);
    }
    const score = `score ${percent(segment.score)}`, area = areaOf(segment, this.answer.image);
    const row = element("div", "row", this.#eyeOf(), swatch, named(segment.label, [score, ...colors.slice(0, 1)].join(" · ")), tints, area);
    const told = [`${segment.label}, person ${index + 1}`, score, `${area.textContent} of the picture`, ...colors];
    const item = treeItem(row, 2, told.join(", "));
    item.dataset.segment = segment.id;
    return item;
  }

  #eyeOf() {
    return element("span", "eye", this.eye.content.cloneNode(true));
  }

  #items() {
    return [...this.root.querySelectorAll("[role=treeitem]")];
  }

  #seen() {
    return this.#items().filter((item) => !item.parentElement.closest('[aria-expanded="false"]'));
  }

  #segmentsOf(item) {
    const { person, segment } = targetOf(item);
    return segment ? [segment] : this.answer.segments.filter((one) => one.person_id === person).map((one) => one.id);
  }

  #targetAt(event) {
    const item = event.target.closest("[role=treeitem]");
    return item ? targetOf(item) : null;
  }

  #focused(item) {
    for (const other of this.#items()) other.tabIndex = other === item ? 0 : -1;
    this.on.light(targetOf(item));
  }

  #click(event) {
    const item = event.target.closest("[role=treeitem]");
    if (!item) return;
    if (event.target.closest(".eye")) this.#toggle(item);
    else if (event.target.closest(".twist")) this.#expand(item, item.getAttribute("aria-expanded") === "false");
    else this.on.pin(targetOf(item));
  }

  #toggle(item) {
    this.on.toggle(this.#segmentsOf(item), item.getAttribute("aria-checked") === "false");
  }

  #expand(item, open) {
    if (item.hasAttribute("aria-expanded")) item.setAttribute("aria-expanded", String(open));
  }

  #key(event) {
    const item = event.target.closest("[role=treeitem]"), seen = this.#seen(), at = seen.indexOf(item);
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const open = item.getAttribute("aria-expanded"), parent = item.parentElement.closest("[role=treeitem]");
    const steps = {
      ArrowDown: () => seen[at + 1]?.focus(),
      ArrowUp: () => seen[at - 1]?.focus(),
      Home: () => seen[0].focus(),
      End: () => seen.at(-1).focus(),
      ArrowRight: () => (open === "false" ? this.#expand(item, true) : open && seen[at + 1]?.focus()),
      ArrowLeft: () => (open === "true" ? this.#expand(item, false) : parent?.focus()),
      " ": () => this.#toggle(item),
      Enter: () => this.on.pin(targetOf(item)),
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    steps[event.key]();
  }
}

function named(name, more) {
  return element("span", "name", element("span", "word", name), element("small", "", more));
}

function areaOf({ area }, image) {
  const told = element("span", "number", share(area, image));
  told.title = "share of the picture";
  return told;
}

function treeItem(row, level, label) {
  const item = element("li", "", row);
  item.setAttribute("role", "treeitem");
  item.setAttribute("aria-level", level);
  item.setAttribute("aria-label", label);
  item.tabIndex = -1;
  return item;
}

const targetOf = ({ dataset }) => (dataset.segment ? { segment: Number(dataset.segment) } : { person: Number(dataset.person) });

/** Whether two targets are the same thing. */
export const same = (one, other) => Boolean(one && other) && one.segment === other.segment && one.person === other.person;

/** Gives a swatch its colour and pattern. */
export function dress(swatch, { color, pattern }) {
  swatch.className = `swatch ${pattern}`;
  swatch.style.setProperty("--color", color);
}
