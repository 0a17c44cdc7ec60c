/* Judging on the wall. What is said goes to the server at once; what the page shows is what the server has. */

const indexOf = new Map(); // of each sha256 whose card is here
const verdicts = new Map(); // by sha256: keep or drop
const given = new Map(); // by sha256: labels that people gave
const pending = new Map(); // by sha256: verdicts that the server has not answered yet, shown paler
const overruled = new Map(); // by the pair's or the image's name: what was said of copies
const waitingSuggestions = [];
const reasons = new Map(); // by sha256: why it was suggested
const chosen = new Set(); // images, by number
let revision = 0;
let tool = "look";
let onlyVerdict = null; // which verdict is shown alone: keep, drop or ''
let lasso = null; // points while one is drawn
let sending = Promise.resolve();

const shaOf = (index) => value("sha256", index);
const marks = cellPixels();
let markedOn = ""; // the colour of the wall that they were painted for
const FEW = 300; // changed images that are quicker marked one by one than all together
const KEPT = "#56b4e9";
const DROPPED = "#d55e00";

/* Talking to the server, one thing after another */

async function ask(path, body) {
  const answer = await fetch(path, body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const content = answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : { error: await answer.text() };
  if (!answer.ok) throw new Error(content.error);
  return content;
}

/* Tells what came of something; errors stay until the next thing is said. */
let hush = 0;
function say(words, isError = false) {
  clearTimeout(hush);
  byId("said").textContent = words;
  byId("said").classList.toggle("wrong", isError);
  byId("said").hidden = !words;
  if (words && !isError) hush = setTimeout(() => say(""), 4000);
}

/* What is to be said is made up when its turn has come, from what was answered before. */
function inTurn(task) {
  sending = sending.then(async () => {
    byId("review").setAttribute("aria-busy", "true");
    try {
      return await task();
    } catch (error) {
      say(`Not saved: ${error.message}`, true);
      return null;
    } finally {
      byId("review").removeAttribute("aria-busy");
    }
  });
  return sending;
}

async function send(path, body) {
  const answer = await ask(path, body);
  take(answer);
  return answer;
}

function take({ changes }) {
  for (const change of changes) {
    for (const [sha256, verdict] of Object.entries(change.verdicts)) set(verdicts, sha256, verdict);
    for (const [sha256, labels] of Object.entries(change.labels)) set(given, sha256, labels.length ? labels : null);
    for (const each of change.copies) set(overruled, copiesNamed(each), each.verdict);
  }
  tellOverruled();
  if (changes.length) shownAnew(new Set(changes.flatMap((change) => Object.keys(change.verdicts))));
}

const set = (map, key, value) => (value == null ? map.delete(key) : map.set(key, value));

/* What was said in other tabs, in turn with what is said here. */
function catchUp() {
  sending = sending.then(async () => {
    if (document.hidden) return;
    try {
      const answer = await ask(`/api/changes?since=${revision}`);
      take(answer);
      revision = answer.revision;
    } catch { /* the server has ended, or will answer next time */ }
  });
  sending.then(() => setTimeout(catchUp, 2000));
}

/* Verdicts and labels, and the way back from them */

const STEPS_KEPT = 200;
const history = { undo: [], redo: [] };

/* In the session's storage: the numbers of the steps, and each step once, for it may speak of ten thousand images. */
const storage = (() => { try { return window.sessionStorage; } catch { return null; } })();
const storedAs = (id = "") => `review-${data.title}${id}`;

function store(step) {
  const numbers = (steps) => steps.map(({ id }) => id);
  try {
    if (step) storage?.setItem(storedAs(step.id), JSON.stringify(step));
    storage?.setItem(storedAs(), JSON.stringify({ undo: numbers(history.undo), redo: numbers(history.redo) }));
    return true;
  } catch {
    return false;
  }
}

/* The oldest steps make room for a new one; what finds none can be taken back until the page is closed. */
function remember(step = null) {
  const oldest = [...history.undo];
  let isStored = store(step);
  while (!isStored && oldest.length) {
    storage?.removeItem(storedAs(oldest.shift().id));
    isStored = store(step);
  }
  if (!isStored) storage?.removeItem(storedAs());
  byId("undo").disabled = !history.undo.length;
  byId("redo").disabled = !history.redo.length;
}

/* What was said before the page was loaded again, as far back as there is no gap. */
function recall() {
  const read = (id) => JSON.parse(storage?.getItem(storedAs(id)) ?? "null");
  const numbers = read() ?? { undo: [], redo: [] };
  for (const way of ["undo", "redo"]) {
    const steps = numbers[way].map((id) => read(id));
    history[way] = steps.slice(steps.lastIndexOf(null) + 1);
  }
  remember();
}

async function judge(indices, verdictOf) {
  const names = indices.map(shaOf).filter(Boolean);
  for (const sha256 of names) pending.set(sha256, verdictOf(sha256));
  redraw();
  const done = await act("verdicts", () => names
    .map((sha256) => ({ sha256, before: verdicts.get(sha256) ?? null, after: verdictOf(sha256) }))
    .filter(({ before, after }) => before !== after));
  for (const sha256 of names) pending.delete(sha256);
  redraw();
  return done;
}

function labelAll(indices, label, isAdded) {
  const words = label.trim().replace(/\s+/gu, " ");
  return act("labels", () => (words ? indices.map(shaOf).filter(Boolean) : [])
    .filter((sha256) => (given.get(sha256) ?? []).includes(words) !== isAdded)
    .map((sha256) => ({ sha256, label: words, before: !isAdded, after: isAdded })));
}

/* Where a step goes, and as what: forth to what it has `after`, or back to what was `before`. */
const sent = {
  verdicts: (step, end) => ["/api/verdicts", { verdicts: step.map(({ sha256, [end]: said }) => ({ sha256, verdict: said ?? "undo" })) }],
  copies: (step, end) => ["/api/verdicts", {
    stage: "dedupe", verdicts: step.map(({ sha256, other, [end]: said }) => ({ sha256, other, verdict: said ?? "undo" })),
  }],
  labels: (step, end) => ["/api/labels", { labels: step.map(({ sha256, label, [end]: said }) => ({ sha256, label, verdict: said ? "add" : "remove" })) }],
};

const act = (kind, makeStep, wordsFor = told) => inTurn(async () => {
  const done = { kind, step: makeStep() };
  if (!done.step.length) return null;
  await send(...sent[kind](done.step, "after"));
  noteDone(done);
  say(wordsFor(done));
  return done;
});

function noteDone(done) {
  history.undo.push(done);
  const gone = [...history.undo.splice(0, history.undo.length - STEPS_KEPT), ...history.redo.splice(0)];
  gone.forEach(({ id }) => storage?.removeItem(storedAs(id)));
  remember(Object.assign(done, { id: crypto.randomUUID() }));
}

function told({ kind, step }) {
  const many = images(step.length);
  if (kind === "copies") return step.some(({ after }) => after) ? "a verdict on copies" : "a verdict on copies taken back";
  if (kind === "labels") return `${many} ${step[0].after ? "labelled" : "no longer labelled"} ${step[0].label}`;
  return { keep: `${many} kept`, drop: `${many} rejected` }[step[0].after] ?? `${many} undecided again`;
}

const goBack = (from, to, end, words) => inTurn(async () => {
  const done = history[from].at(-1);
  if (!done) return;
  await send(...sent[done.kind](done.step, end));
  history[from].pop();
  history[to].push(done);
  remember();
  say(`${words}: ${told(done)}`);
});

const undo = () => goBack("undo", "redo", "before", "Undone");
const redo = () => goBack("redo", "undo", "after", "Again");

/* What a key or a button speaks of: what is chosen, else the image whose card is open */
const spokenOf = () => (chosen.size ? [...chosen] : current() >= 0 ? [current()] : []);

async function decide(verdict) {
  if (isCovered()) {
    say(COVERED);
    return;
  }
  const indices = spokenOf();
  if (!indices.length) {
    say("Point at an image, walk to one, or choose some with the lasso first.");
    return;
  }
  const suggested = waitingSuggestions.length && !chosen.size && current() === waitingSuggestions[0];
  const done = await judge(indices, () => verdict);
  if (done && suggested && verdict) nextSuggestion();
}

/* Showing it */

function mark(changed = null) {
  const colourOf = { keep: [...bytesOf(KEPT), 170], drop: [...colours.wallBytes, 205] };
  const paint = (index) => colourOf[verdicts.get(shaOf(index))] ?? null;
  if (!changed || changed.size >= FEW || markedOn !== colours.wall) {
    paintCells(marks, 0, count, paint);
    markedOn = colours.wall;
    return;
  }
  for (const index of [...changed].map((sha256) => indexOf.get(sha256))) {
    if (index !== undefined) paintCells(marks, index, index + 1, paint);
  }
}

/* Count and mark again: the images `changed`, by sha256, or all. */
function shownAnew(changed = null) {
  let kept = 0;
  for (const verdict of verdicts.values()) kept += verdict === "keep" ? 1 : 0;
  const counts = { keep: kept, drop: verdicts.size - kept, "": count - verdicts.size };
  for (const button of byId("tally").children) button.querySelector("b").textContent = number(counts[button.dataset.verdict]);
  mark(changed);
  if (onlyVerdict !== null) filter();
  if (shown >= 0) tellVerdict(shown);
  redraw();
}

arrivals.push((first, last) => {
  for (let index = first; index < last; index += 1) indexOf.set(shaOf(index), index);
  if (pieces.every((piece) => piece !== null)) shownAnew();
});

narrowing.push({
  isOn: () => onlyVerdict !== null,
  fits: (index) => (verdicts.get(shaOf(index)) ?? "") === onlyVerdict,
});

painters.push(() => {
  const side = tile * view.scale;
  if (verdicts.size || pending.size) {
    if (markedOn !== colours.wall) mark(); // light has become dark
    if (isTiny() && !aloft) drawCells(marks, () => null);
    else drawMarks(side);
  }
  if (chosen.size) drawChosen();
  if (lasso) drawLasso();
});

/* A cross over what is rejected, a tick in the corner of what is kept: shapes tell them apart as well as colours. */
function drawMarks(side) {
  const badge = Math.max(8, Math.min(26, side * 0.3));
  for (const index of seenImages()) {
    const sha256 = shaOf(index);
    const verdict = pending.has(sha256) ? pending.get(sha256) : verdicts.get(sha256);
    if (!verdict) continue;
    const box = boxOf(index);
    context.globalAlpha = pending.has(sha256) ? 0.6 : 1;
    if (verdict === "drop") {
      context.fillStyle = `rgb(${colours.wallBytes.join(" ")} / 72%)`;
      context.beginPath();
      outline(context, box);
      context.fill();
    }
    const corner = isHexagonal ? box.tall / 4 : 0; // how far down its right edge begins
    const [x, y] = [box.left + side - badge * 0.62, box.top + corner + badge * 0.62];
    context.beginPath();
    context.arc(x, y, badge / 2, 0, 7);
    context.fillStyle = verdict === "keep" ? "#0072b2" : DROPPED;
    context.fill();
    context.strokeStyle = "#fff";
    context.lineWidth = Math.max(1.4, badge * 0.11);
    const r = badge * 0.22;
    context.beginPath();
    if (verdict === "keep") {
      context.moveTo(x - r, y);
      context.lineTo(x - r * 0.2, y + r * 0.8);
      context.lineTo(x + r * 1.1, y - r * 0.8);
    } else {
      context.moveTo(x - r, y - r);
      context.lineTo(x + r, y + r);
      context.moveTo(x + r, y - r);
      context.lineTo(x - r, y + r);
    }
    context.stroke();
  }
  context.globalAlpha = 1;
}

function tellVerdict(index) {
  const sha256 = shaOf(index);
  for (const button of byId("actions").querySelectorAll("[data-do][aria-pressed]")) {
    button.setAttribute("aria-pressed", String(verdicts.get(sha256) === button.dataset.do));
  }
  byId("why").textContent = reasons.get(sha256) ?? "";
  byId("why").hidden = !reasons.has(sha256);
  byId("labels").replaceChildren(...(given.get(sha256) ?? []).map((label) => {
    const button = element("button", { type: "button", className: "chip taken", textContent: readable(label) });
    button.setAttribute("aria-label", `Take away the label ${readable(label)}`);
    button.addEventListener("click", () => labelAll([index], label, false));
    return button;
  }));
  byId("words").replaceChildren(...[...new Set([...given.values()].flat())].sort().map((label) => element("option", { value: label })));
}

extras.push((index) => tellVerdict(index));
