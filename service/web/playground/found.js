// What was found: the summary, prompts without an answer, the legend of parts, and the tree.

import { dress, Tree } from "./tree.js";
import { count, element, span } from "./words.js";

export class Found {
  /** `parts` are the elements by id; `on` is {light, pin, toggle} as of Tree. */
  constructor(parts, on) {
    Object.assign(this, { parts, on });
    this.tree = new Tree(parts.tree, parts.eye, on);
  }

  clear() {
    this.parts.found.hidden = true;
  }

  /** Returns what to say aloud. */
  show(answer, look, milliseconds) {
    const { found, summary, missing, tree } = this.parts, { persons, segments } = answer;
    this.answer = answer;
    this.tree.fill(answer, look);
    this.#legend(look);
    const said = persons.length ? `${count(persons.length, "person")}, ${count(segments.length, "part")}` : "Nobody found";
    summary.textContent = `${said} · ${span(milliseconds)}`;
    summary.title = Object.entries(answer.timings_ms).map(([stage, spent]) => `${stage} ${span(spent)}`).join(", ");
    const notes = [...answer.warnings];
    if (answer.unmatched_prompts.length) notes.unshift(`Not found: ${answer.unmatched_prompts.join(", ")}.`);
    if (!persons.length) notes.unshift("There is nobody in this picture, so there are no parts either.");
    missing.textContent = notes.join(" ");
    missing.hidden = !notes.length;
    this.parts["tree-help"].hidden = tree.hidden = !persons.length;
    found.hidden = false;
    return `${said}. ${notes.join(" ")}`;
  }

  // With one person the tree has each part once; the legend would say the same again.
  #legend(look) {
    const { legend } = this.parts, { persons, segments } = this.answer;
    const labels = [...new Set(segments.map((segment) => segment.label))];
    legend.hidden = persons.length < 2 || !segments.length;
    legend.replaceChildren(...labels.map((label) => {
      const own = segments.filter((segment) => segment.label === label);
      const swatch = element("span", "swatch"), button = element("button", "", swatch, label);
      dress(swatch, look(own[0]));
      button.type = "button";
      button.dataset.label = label;
      button.addEventListener("click", () => this.on.toggle(own.map((one) => one.id), button.getAttribute("aria-pressed") === "false"));
      return button;
    }));
  }

  update(state) {
    this.tree.update(state);
    for (const button of this.parts.legend.children) {
      const own = this.answer.segments.filter((segment) => segment.label === button.dataset.label);
      button.setAttribute("aria-pressed", String(own.some((one) => !state.hidden.has(one.id))));
    }
  }

  /** Other colours; by person, a label has none of its own. */
  recolor(look, byPart) {
    this.tree.recolor(look);
    for (const button of this.parts.legend.children) {
      const own = this.answer.segments.find((segment) => segment.label === button.dataset.label);
      dress(button.firstChild, look(own));
      button.firstChild.hidden = !byPart;
    }
  }
}
