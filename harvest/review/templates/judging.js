"use strict";
const pictures = [...document.querySelectorAll("#pictures li")];
const desk = document.getElementById("desk");
const track = document.getElementById("track");
const save = document.getElementById("save");
const done = document.getElementById("done");
const { recipe, moment } = document.body.dataset;
const store = `harvest judges ${recipe} ${moment}`;
const verdicts = new Map();
const said = []; // the order in which pictures were judged, for undo
let at = 0;

const remember = () => {
  try {
    localStorage.setItem(store, JSON.stringify([...verdicts]));
  } catch {
    // Some browsers keep nothing for pages from disk: then the page alone remembers.
  }
};

const inGrid = () => document.body.classList.contains("grid");
const verdictOf = (index) => verdicts.get(pictures[index].dataset.sha);

const draw = () => {
  let kept = 0;
  for (const [index, picture] of pictures.entries()) {
    const verdict = verdictOf(index);
    kept += verdict === "keep";
    picture.className = verdict === "keep" ? "kept" : verdict === "drop" ? "dropped" : "";
    picture.classList.toggle("current", index === at);
    picture.querySelector(".stamp").textContent = verdict === "keep" ? "✓ kept" : verdict === "drop" ? "✕ dropped" : "";
    picture.tabIndex = inGrid() && index === Math.min(at, pictures.length - 1) ? 0 : -1;
    const step = track.children[index];
    step.className = verdict ?? "";
    step.toggleAttribute("aria-current", index === at);
    step.setAttribute("aria-label", `Picture ${index + 1}, ${verdict ? { keep: "kept", drop: "dropped" }[verdict] : "not judged"}`);
  }
  document.getElementById("kept").textContent = kept;
  document.getElementById("dropped").textContent = verdicts.size - kept;
  document.getElementById("left").textContent = pictures.length - verdicts.size;
  done.hidden = inGrid() || at < pictures.length;
  for (const button of desk.querySelectorAll(".keep, .drop")) button.disabled = at >= pictures.length;
  const content = { recipe, stage: "filter", verdicts: [...verdicts].map(([sha256, verdict]) => ({ verdict, sha256 })) };
  save.classList.toggle("ready", verdicts.size > 0);
  save.tabIndex = verdicts.size ? 0 : -1;
  save.href = `data:application/json,${encodeURIComponent(JSON.stringify(content, null, 1))}`;
};

const go = (index) => {
  at = Math.max(0, Math.min(index, pictures.length));
  draw();
  if (inGrid()) pictures[Math.min(at, pictures.length - 1)].focus();
};

// After a verdict, the next picture that has none, round and round; past the end when all have one.
const onwards = () => {
  const order = pictures.map((_, step) => (at + 1 + step) % pictures.length);
  return order.find((index) => !verdictOf(index)) ?? pictures.length;
};

const judge = (verdict) => {
  const picture = pictures[at];
  if (!picture) return;
  verdicts.set(picture.dataset.sha, verdict);
  said.push(at);
  remember();
  if (inGrid()) return go(Math.min(at + 1, pictures.length - 1));
  const next = onwards();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  draw();
  if (still) return go(next);
  picture.classList.add("going");
  at = next; // keys that come meanwhile are for the next picture
  setTimeout(draw, 160);
};

const undo = () => {
  const last = inGrid() && verdictOf(at) ? at : said.findLast((index) => verdictOf(index));
  if (last === undefined) return;
  verdicts.delete(pictures[last].dataset.sha);
  said.splice(said.lastIndexOf(last), 1);
  remember();
  go(last);
};

const view = () => {
  const grid = !inGrid();
  document.body.classList.toggle("grid", grid);
  document.body.classList.toggle("one", !grid);
  desk.querySelector('[data-do="view"]').setAttribute("aria-pressed", String(grid));
  if (!grid && at >= pictures.length && verdicts.size < pictures.length) at = onwards();
  go(at);
};

const columns = () => getComputedStyle(document.getElementById("pictures")).gridTemplateColumns.split(" ").length;
const step = (by) => go(Math.max(0, Math.min(at + by, inGrid() ? pictures.length - 1 : pictures.length)));
const keys = {
  k: () => judge("keep"),
  d: () => judge("drop"),
  u: undo,
  g: view,
  s: () => verdicts.size && save.click(),
  ArrowRight: () => (inGrid() ? step(1) : judge("keep")),
  ArrowLeft: () => (inGrid() ? step(-1) : judge("drop")),
  ArrowDown: () => step(inGrid() ? columns() : 1),
  ArrowUp: () => step(inGrid() ? -columns() : -1),
};

if (pictures.length) {
  for (const [index] of pictures.entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => go(index));
    track.append(button);
  }
  try {
    const known = new Set(pictures.map((picture) => picture.dataset.sha));
    for (const [sha, verdict] of JSON.parse(localStorage.getItem(store) ?? "[]")) {
      if (known.has(sha) && ["keep", "drop"].includes(verdict)) verdicts.set(sha, verdict);
    }
    said.push(...pictures.keys().filter((index) => verdictOf(index)));
  } catch {
    // Nothing was kept, or nothing that can be read.
  }
  document.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, key)) return;
    event.preventDefault();
    keys[key]();
  });
  desk.addEventListener("click", (event) => {
    const what = event.target.closest("button")?.dataset.do;
    if (what) ({ keep: keys.k, drop: keys.d, undo, view })[what]();
  });
  for (const [index, picture] of pictures.entries()) {
    let from = null;
    picture.addEventListener("pointerdown", (event) => { from = event.isPrimary ? [event.clientX, event.clientY] : null; });
    picture.addEventListener("pointerup", (event) => {
      if (!from || inGrid() || event.pointerType === "mouse") return;
      const [across, down] = [event.clientX - from[0], event.clientY - from[1]];
      if (Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(down)) judge(across > 0 ? "keep" : "drop");
    });
    picture.addEventListener("click", (event) => {
      if (!inGrid() || event.target.closest("a")) return;
      at = index;
      const next = { undefined: "keep", keep: "drop" }[verdictOf(index)];
      if (!next) return undo();
      verdicts.set(picture.dataset.sha, next);
      said.push(index);
      remember();
      draw();
    });
  }
  for (const element of document.querySelectorAll("#desk, #track, .tally")) element.hidden = false;
  document.body.classList.replace("grid", "one");
  at = verdicts.size ? onwards() : 0;
  if (!verdictOf(0)) at = 0;
  draw();
}
