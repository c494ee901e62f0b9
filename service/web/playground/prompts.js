// The field of prompts: each becomes a chip, which a click or Backspace takes away.

const SUGGESTED = ["hair", "face", "dress", "jacket", "trousers", "shoes", "bag", "sunglasses"];

export class Prompts {
  /** `changed()` is called whenever the prompts are others. */
  constructor({ field, input, chips, suggestions }, changed) {
    Object.assign(this, { input, chips, suggestions, changed, words: [] });
    input.addEventListener("keydown", (event) => this.#key(event));
    // Commas part prompts, typed on a phone's keyboard (which sends no keydown for them) or pasted.
    input.addEventListener("input", () => { if (input.value.includes(",")) this.take(); });
    input.addEventListener("blur", () => this.take());
    field.addEventListener("click", (event) => { if (event.target === field) input.focus(); });
    this.#suggest();
  }

  /** Takes over what is typed, and returns all prompts. */
  take() {
    const typed = this.input.value.split(",").map((word) => word.trim()).filter(Boolean);
    this.input.value = "";
    for (const word of typed) this.add(word);
    return [...this.words];
  }

  add(word) {
    if (this.words.includes(word)) return;
    this.words.push(word);
    const item = document.createElement("li"), chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.textContent = word;
    chip.setAttribute("aria-label", `Remove ${word}`);
    chip.addEventListener("click", () => this.remove(word));
    item.append(chip);
    this.chips.append(item);
    this.#suggest();
    this.changed();
  }

  remove(word) {
    const at = this.words.indexOf(word);
    if (at < 0) return;
    this.words.splice(at, 1);
    this.chips.children[at].remove();
    // The focus stays near: on the chip that moved up, else in the field.
    (this.chips.children[at]?.firstChild ?? this.input).focus();
    this.#suggest();
    this.changed();
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && this.input.value.trim()) {
      event.preventDefault();
      this.take();
    } else if (event.key === "Backspace" && !this.input.value && this.words.length) {
      this.remove(this.words.at(-1));
      this.input.focus();
    }
  }

  #suggest() {
    this.suggestions.replaceChildren(...SUGGESTED.filter((word) => !this.words.includes(word)).map((word) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `+ ${word}`;
      button.setAttribute("aria-label", `Add ${word}`);
      button.addEventListener("click", () => { this.add(word); this.suggestions.querySelector("button")?.focus(); });
      return button;
    }));
  }
}
