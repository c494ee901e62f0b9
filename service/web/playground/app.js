// The playground: choose a photo, ask, look. This file holds the state and joins the parts.

import { advice } from "./advice.js";
import * as client from "./client.js";
import { Code } from "./code.js";
import { Found } from "./found.js";
import { Prompts } from "./prompts.js";
import { same } from "./tree.js";
import { Viewer } from "./viewer.js";
import { element, percent } from "./words.js";

const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((one) => [one.id, one]));
const STEPS = ["sending", "queued", "running", "done"];
const TOLD = { sending: "Sending the photo …", queued: "Waiting for a worker …", running: "Parsing …" };

let file = null, running = null, lit = null, pinned = null;

const viewer = new Viewer(parts, {
  light: (target) => { light(target); found.tree.reveal(target); },
  pin: (target) => { pin(target); found.tree.reveal(target); },
});
const found = new Found(parts, { light, pin, toggle });
const code = new Code(parts, say);
const prompts = new Prompts({ field: parts.field, input: parts.prompt, chips: parts.chips, suggestions: parts.try }, asked);

/** Says something in the line for it; `quietly`: for screen readers alone, where it is to be seen elsewhere. */
function say(text, quietly = false) {
  parts.status.textContent = text;
  parts.status.classList.toggle("unseen", quietly);
}

function question() {
  return { file, prompts: prompts.take(), bodyParts: parts["body-parts"].checked, minScore: Number(parts.score.value) };
}

/** The question changed: so does the command that asks it. */
function asked() {
  parts["score-told"].textContent = percent(Number(parts.score.value));
  if (file) code.ask({ ...question(), prompts: [...prompts.words] }, Boolean(parts.key.value));
}

// Looking

function light(target) {
  if (same(lit, target) || (!lit && !target)) return;
  lit = target;
  look();
}

/** Pins a thing, or lets it go where it is pinned already. */
function pin(target) {
  pinned = same(pinned, target) ? null : target;
  look();
}

/** Shows what is lit, else what is pinned. */
function look() {
  const target = lit ?? pinned;
  viewer.picture.light(target);
  viewer.detail(target);
  if (viewer.picture.answer) found.update({ hidden: viewer.picture.hidden, lit: target, pinned });
}

function toggle(ids, shown) {
  for (const id of ids) viewer.picture.hidden[shown ? "delete" : "add"](id);
  viewer.picture.paint();
  look();
}

/** Colours by "part" or by "person"; with one person there is nothing to tell apart. */
function recolor(by) {
  viewer.picture.by = by;
  if (!viewer.picture.answer) return;
  viewer.picture.paint();
  found.recolor((segment) => viewer.picture.look(segment), by === "part");
}

// Asking

function chosenColoring({ persons }) {
  return persons.length > 1 ? parts.coloring.querySelector(":checked").value : "part";
}

function clear() {
  lit = pinned = null;
  viewer.picture.hidden.clear();
  viewer.clear();
  found.clear();
  code.show(null);
  parts.problem.hidden = true;
  step(null);
  say("");
}

/** Takes a file and parses it at once. What the browser cannot show goes to the server all the same: it judges. */
async function take(chosen) {
  if (!chosen) return;
  running?.abort();
  const bitmap = await createImageBitmap(chosen).catch(() => null);
  file = chosen;
  clear();
  viewer.load(bitmap, chosen.name || "from the clipboard");
  parts.parse.disabled = false;
  await parse();
}

async function parse() {
  if (!file) { parts.choose.focus(); return; }
  running?.abort();
  const mine = running = new AbortController(), start = performance.now();
  clear();
  asked();
  busy(true);
  try {
    const answer = await client.parse(question(), {
      key: parts.key.value,
      signal: mine.signal,
      progress: (status) => { if (mine === running) { step(status); say(TOLD[status] ?? status); } },
    });
    if (mine === running) show(answer, performance.now() - start);
  } catch (error) {
    if (mine !== running) return;
    step(null);
    if (error.name === "AbortError") say("Cancelled.");
    else fail(error);
  } finally {
    if (mine === running) { running = null; busy(false); }
  }
}

function busy(on) {
  parts.cancel.hidden = !on;
  parts.parse.disabled = on;
  parts.parse.textContent = on ? "Parsing …" : "Parse";
  viewer.busy(on);
}

function step(status) {
  parts.steps.hidden = !status || status === "done";
  const now = STEPS.indexOf(status);
  for (const item of parts.steps.children) {
    const at = STEPS.indexOf(item.dataset.step);
    item.className = at < now ? "past" : at === now ? "now" : "";
  }
}

function show(answer, milliseconds) {
  name(answer.model);
  viewer.show(answer);
  const said = found.show(answer, (segment) => viewer.picture.look(segment), milliseconds);
  recolor(chosenColoring(answer));
  code.show(answer);
  look();
  step("done");
  say(said, true);
}

function fail(error) {
  const problem = error instanceof client.Problem ? error : new client.Problem({ code: "page_failed", title: "This page failed", detail: error.message });
  const head = element("h3", "", problem.title), facts = element("p", "small soft", "Code ", element("code", "", problem.code));
  if (problem.status) facts.append(`, HTTP ${problem.status}`);
  if (problem.requestId) facts.append(", request ", element("code", "", problem.requestId));
  const other = /^(image|body)_/.test(problem.code);  // the same file would fail again
  const again = element("button", "quiet", other ? "Choose another photo" : "Try again");
  again.type = "button";
  again.addEventListener("click", () => (other ? parts.file.click() : parse()));
  parts.problem.replaceChildren(head, element("p", "", problem.message), element("p", "", advice(problem)), facts, again);
  parts.problem.hidden = false;
  say("");
}

// Ways in

function listen() {
  parts.ask.addEventListener("submit", (event) => { event.preventDefault(); parse(); });
  parts.cancel.addEventListener("click", () => { running?.abort(); parts.parse.disabled = false; parts.parse.focus(); });
  for (const id of ["choose", "other"]) parts[id].addEventListener("click", () => parts.file.click());
  parts.file.addEventListener("change", () => { take(parts.file.files[0]); parts.file.value = ""; });
  for (const id of ["body-parts", "score", "key"]) parts[id].addEventListener("input", asked);
  parts.coloring.addEventListener("change", (event) => recolor(event.target.value));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && pinned) pin(pinned); });
  document.addEventListener("paste", (event) => take([...event.clipboardData.files][0]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      parts.stage.classList.toggle("over", name === "dragover");
      if (name === "drop") take(event.dataTransfer.files[0]);
    });
  }
}

function offer(sample) {
  const picture = element("img"), button = element("button", "sample", picture), item = element("li", "", button);
  picture.src = sample.thumbnail;
  picture.alt = sample.title;
  button.type = "button";
  button.addEventListener("click", async () => take(await client.sample(sample)));
  return item;
}

function name(model) {
  parts.model.textContent = model.name;
  parts.model.title = `Revision ${model.revision}`;
  parts.model.hidden = false;
}

/** What the page would like to know but works without: the model, the limits, samples. */
async function greet() {
  const [told, samples] = await Promise.all([client.info().catch(() => null), client.samples().catch(() => [])]);
  if (told?.models?.length) name(told.models[0]);
  if (told?.limits?.max_image_bytes) parts.limit.textContent = `, up to ${Math.floor(told.limits.max_image_bytes / 2 ** 20)}\u00a0MB`;
  if (told?.limits?.max_prompt_length) parts.prompt.maxLength = told.limits.max_prompt_length;
  parts["sample-list"].replaceChildren(...samples.map(offer));
  parts.samples.hidden = !samples.length;
}

for (const id of ["curl-box", "json-box"]) parts[id].open = matchMedia("(min-width: 56rem)").matches;
listen();
greet();
