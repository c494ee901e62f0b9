// For developers: the question as curl and the answer as JSON.

import { curl } from "./curl.js";
import { element } from "./words.js";

const FLAT = /\[[\s\d.,-]+\]/g;  // lists of numbers go on one line
const SHOWN = 40;  // characters of a mask's run lengths that are shown; copies have them whole

export class Code {
  constructor(parts, say) {
    Object.assign(this, { parts, say, command: "", answer: null });
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => this.#copy(button));
    }
    parts.download.addEventListener("click", () => this.#download());
    parts["json-box"].addEventListener("toggle", () => this.#write());
  }

  /** The question that a click on Parse would ask now. */
  ask(question, keyed) {
    this.command = curl(question, { address: new URL("parse", document.baseURI).href, keyed });
    this.parts.curl.textContent = this.command;
    this.parts.code.hidden = false;
  }

  /** The answer; null where there is none. */
  show(answer) {
    this.answer = answer;
    this.parts["json-box"].hidden = !answer;
    this.#write();
  }

  #write() {
    if (!this.answer || !this.parts["json-box"].open) {
      this.parts.json.replaceChildren();
      return;
    }
    const shortened = (name, value) => (name === "counts" && value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value);
    this.parts.json.replaceChildren(...colored(JSON.stringify(this.answer, shortened, 2).replace(FLAT, (list) => list.replace(/\s+/g, " "))));
  }

  async #copy(button) {
    const what = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(what === "curl" ? this.command : JSON.stringify(this.answer, null, 1));
      this.say(what === "curl" ? "The curl command is copied." : "The JSON is copied.");
      const label = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1500);
    } catch {  // not over plain HTTP, or not allowed
      this.say("The browser does not let this page copy. Select the text and copy it yourself.");
    }
  }

  #download() {
    const link = element("a"), address = URL.createObjectURL(new Blob([JSON.stringify(this.answer, null, 1)], { type: "application/json" }));
    link.href = address;
    link.download = `parsing-${this.answer.id || "answer"}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }
}

/** JSON text as nodes, with names and numbers set apart. */
function colored(text) {
  return text.split(/("(?:[^"\\]|\\.)*"(?=: )|-?\b\d+(?:\.\d+)?\b(?=[ ,\n]))/).map((piece, index) => {
    if (index % 2 === 0) return piece;
    return element("span", piece[0] === '"' ? "k" : "n", piece);
  });
}
