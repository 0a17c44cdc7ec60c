/* Judging on the wall. What is said goes to the server at once; what the page shows is what the server has. */

const indexOf = new Map(); // of each sha256 whose card is here
const verdicts = new Map(); // by sha256: keep or drop
const given = new Map(); // by sha256: labels that people gave
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
  }
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

function remember() {
  try { sessionStorage.setItem(`review-${data.title}`, JSON.stringify(history)); } catch { /* until the page is closed, then */ }
  byId("undo").disabled = !history.undo.length;
  byId("redo").disabled = !history.redo.length;
}

const judge = (indices, verdictOf) => act("verdicts", () => indices.map(shaOf).filter(Boolean)
  .map((sha256) => ({ sha256, before: verdicts.get(sha256) ?? null, after: verdictOf(sha256) }))
  .filter(({ before, after }) => before !== after));

function labelAll(indices, label, isAdded) {
  const words = label.trim().replace(/\s+/gu, " ");
  return act("labels", () => (words ? indices.map(shaOf).filter(Boolean) : [])
    .filter((sha256) => (given.get(sha256) ?? []).includes(words) !== isAdded)
    .map((sha256) => ({ sha256, label: words, before: !isAdded, after: isAdded })));
}

function bodyOf({ kind, step }, end) {
  return kind === "verdicts"
    ? { verdicts: step.map((each) => ({ sha256: each.sha256, verdict: each[end] ?? "undo" })) }
    : { labels: step.map((each) => ({ sha256: each.sha256, label: each.label, verdict: each[end] ? "add" : "remove" })) };
}

const act = (kind, makeStep) => inTurn(async () => {
  const done = { kind, step: makeStep() };
  if (!done.step.length) return null;
  await send(`/api/${kind}`, bodyOf(done, "after"));
  noteDone(done);
  say(told(done));
  return done;
});

function noteDone(done) {
  history.undo.push(done);
  history.undo.splice(0, history.undo.length - STEPS_KEPT);
  history.redo.length = 0;
  remember();
}

function told({ kind, step }) {
  const many = images(step.length);
  if (kind === "labels") return `${many} ${step[0].after ? "labelled" : "no longer labelled"} ${step[0].label}`;
  return { keep: `${many} kept`, drop: `${many} rejected` }[step[0].after] ?? `${many} undecided again`;
}

const goBack = (from, to, end, words) => inTurn(async () => {
  const done = history[from].at(-1);
  if (!done) return;
  await send(`/api/${done.kind}`, bodyOf(done, end));
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
  if (verdicts.size) {
    if (markedOn !== colours.wall) mark(); // light has become dark
    if (side < 14 && !aloft) drawCells(marks, () => null);
    else drawMarks(side);
  }
  if (chosen.size) drawChosen();
  if (lasso) drawLasso();
});

/* A cross over what is rejected, a tick in the corner of what is kept: shapes tell them apart as well as colours. */
function drawMarks(side) {
  const badge = Math.max(8, Math.min(26, side * 0.3));
  for (const index of seenImages()) {
    const verdict = verdicts.get(shaOf(index));
    if (!verdict) continue;
    const box = boxOf(index);
    if (verdict === "drop") {
      context.fillStyle = `rgb(${colours.wallBytes.join(" ")} / 72%)`;
      context.fillRect(box.left, box.top, side, side);
    }
    const [x, y] = [box.left + side - badge * 0.62, box.top + badge * 0.62];
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
}

function drawChosen() {
  const path = new Path2D();
  for (const index of seenImages()) {
    if (!chosen.has(index)) continue;
    const { left, top, side } = boxOf(index);
    path.rect(left, top, side, side);
  }
  context.fillStyle = `rgb(${bytesOf(KEPT).join(" ")} / 28%)`;
  context.fill(path);
  context.strokeStyle = colours.ink;
  context.lineWidth = tile * view.scale < 14 ? 1 : 2;
  context.stroke(path);
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

/* Tools */

function useTool(next) {
  tool = next;
  for (const button of byId("tools").children) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  stage.classList.toggle("lassoing", tool === "lasso");
  if (tool === "lasso") hover(-1);
  osd.setMouseNavEnabled(tool !== "lasso");
}

taps.push((index) => {
  if (tool !== "keep" && tool !== "drop") return false;
  if (index >= 0) judge([index], (sha256) => (verdicts.get(sha256) === tool ? null : tool));
  return true;
});

/* The lasso: in its own mode, or with Shift at any time. It is drawn before OpenSeadragon hears of it. */
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || (tool !== "lasso" && !event.shiftKey)) return;
  event.stopPropagation();
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  const { x, y } = local(event);
  hover(-1);
  lasso = { pointer: event.pointerId, points: [[x, y]], adds: event.ctrlKey || event.metaKey };
}, true);

stage.addEventListener("pointermove", (event) => {
  if (lasso?.pointer !== event.pointerId) return;
  event.stopPropagation();
  const { x, y } = local(event);
  const [lastX, lastY] = lasso.points.at(-1);
  if (Math.hypot(x - lastX, y - lastY) >= 3) lasso.points.push([x, y]);
  redraw();
}, true);

stage.addEventListener("pointerup", (event) => {
  if (lasso?.pointer !== event.pointerId) return;
  event.stopPropagation();
  const { points, adds } = lasso;
  lasso = null;
  if (!adds) chosen.clear();
  if (points.length > 3) within(points).forEach((index) => chosen.add(index));
  else {
    const index = under(...points[0]);
    if (index >= 0) chosen.add(index);
  }
  tellChosen();
}, true);

stage.addEventListener("pointercancel", () => { lasso = null; redraw(); }, true);

/* Images whose middle lies within the line: those with an odd number of crossings to their left. */
function within(points) {
  const ys = points.map(([, y]) => y);
  const [above, below] = [Math.min(...ys), Math.max(...ys)];
  let known = { y: NaN, crossings: [] }; // images of a row have the same
  const crossingsAt = (y) => {
    if (known.y !== y) {
      const crossings = points.flatMap(([x0, y0], i) => {
        const [x1, y1] = points[(i + 1) % points.length];
        return (y0 <= y) === (y1 <= y) ? [] : [x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)];
      });
      known = { y, crossings };
    }
    return known.crossings;
  };
  return [...seenImages()].filter((index) => {
    const { left, top, side } = boxOf(index);
    const [x, y] = [left + side / 2, top + side / 2];
    return y >= above && y <= below && found[index] && crossingsAt(y).filter((crossing) => crossing < x).length % 2;
  });
}

function drawLasso() {
  context.beginPath();
  lasso.points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.fillStyle = `rgb(${bytesOf(KEPT).join(" ")} / 18%)`;
  context.fill();
  context.strokeStyle = colours.ink;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
}

function tellChosen() {
  byId("chosen").hidden = !chosen.size;
  byId("chosen-count").textContent = chosen.size ? `${images(chosen.size)} chosen` : "";
  redraw();
}

function release() {
  if (!chosen.size) return false;
  chosen.clear();
  tellChosen();
  return true;
}

/* Suggestions: what would teach most, one after another */

async function fetchSuggestions() {
  say("Looking for what would teach most…");
  try {
    const { suggestions, elsewhere } = await ask("/api/suggestions?count=50");
    await fetchAll();
    waitingSuggestions.length = 0;
    for (const { sha256, reason } of suggestions) {
      reasons.set(sha256, reason);
      waitingSuggestions.push(indexOf.get(sha256));
    }
    waitingSuggestions.unshift(-1);
    nextSuggestion(elsewhere);
  } catch (error) {
    say(error.message, true);
  }
}

function nextSuggestion(elsewhere = 0) {
  waitingSuggestions.shift();
  const left = waitingSuggestions.length;
  byId("suggest").textContent = left ? `Suggestions: ${number(left)}` : "Suggestions";
  if (!left) {
    say(elsewhere ? `Nothing on this wall; ${number(elsewhere)} elsewhere: harvest review --suggest shows them.` : "Nothing is left to judge.");
    return;
  }
  pinned = waitingSuggestions[0];
  walkTo(pinned);
  say("");
}

/* Near copies, side by side */

async function showCopies() {
  const panel = byId("copies-panel");
  try {
    const { groups, verdicts: said } = await ask("/api/groups");
    const list = byId("copies-list");
    byId("copies-note").textContent = groups.length
      ? "The most doubtful first. A verdict counts when dedupe runs next." : "There are none.";
    list.replaceChildren(...groups.slice(0, 500).map((group) => groupOf(group, said)));
    panel.hidden = false;
    byId("copies-close").focus();
  } catch (error) {
    say(error.message, true);
  }
}

function groupOf({ members }, said) {
  const keeper = members.find((member) => member.keeper) ?? members[0];
  const isSaid = (verdict, sha256, other = "") => said.some((row) => row.verdict === verdict && row.sha256 === sha256 && row.other === other);
  const figures = members.map((member) => {
    const figure = element("figure", {}, element("img", { src: `/copies/${member.sha256}.jpg`, loading: "lazy", alt: readable(member.title ?? "Untitled") }));
    const facts = [`${number(member.width)} × ${number(member.height)}`, member.format, `${number(Math.round(member.bytes / 1024))} KB`, member.license ?? "licence unknown", member.source];
    figure.append(element("figcaption", {},
      element("strong", { textContent: readable(member.title ?? "Untitled"), dir: "auto" }),
      element("span", { textContent: facts.filter(Boolean).map(readable).join(" · ") }),
      element("span", { className: "reason", textContent: readable(member.reason ?? "") })));
    const instead = button("Keep this one", isSaid("keep", member.sha256), [
      { sha256: member.sha256, verdict: "keep" }, ...members.filter((other) => other !== member).map((other) => ({ sha256: other.sha256, verdict: "drop" })),
    ]);
    const row = element("div", { className: "choices" }, instead);
    if (member !== keeper) {
      const [sha256, other] = [member.sha256, keeper.sha256].sort();
      row.append(button("No copy", isSaid("apart", sha256, other), [{ sha256, other, verdict: "apart" }]));
    }
    figure.append(row);
    figure.classList.toggle("keeper", member.keeper);
    return figure;
  });
  return element("li", {}, ...figures);

  function button(words, isPressed, sent) {
    const made = element("button", { type: "button", textContent: words });
    made.setAttribute("aria-pressed", String(isPressed));
    made.addEventListener("click", async () => {
      const isTaken = made.getAttribute("aria-pressed") === "true";
      const body = isTaken ? sent.map((each) => ({ ...each, verdict: "undo" })) : sent;
      if (!await inTurn(() => send("/api/verdicts", { stage: "dedupe", verdicts: body }))) return;
      for (const other of made.closest("li").querySelectorAll("button")) {
        if (other.textContent === words) other.setAttribute("aria-pressed", "false");
      }
      made.setAttribute("aria-pressed", String(!isTaken));
      say(isTaken ? "Taken back" : "Saved; the next dedupe heeds it");
    });
    return made;
  }
}

/* ImageRearranger's list */

byId("import").addEventListener("click", () => byId("import-file").click());
byId("import-file").addEventListener("change", async () => {
  const [file] = byId("import-file").files;
  byId("import-file").value = "";
  if (!file) return;
  let list;
  try { list = JSON.parse(await file.text()); } catch {
    say(`${file.name} is not JSON.`, true);
    return;
  }
  const before = new Map(verdicts);
  const answer = await inTurn(() => send("/api/bad-list", list));
  if (!answer) return;
  const step = Object.keys(answer.changes[0].verdicts).map((sha256) => ({ sha256, before: before.get(sha256) ?? null, after: "drop" }));
  if (step.length) noteDone({ kind: "verdicts", step });
  const unknown = answer.unknown.length;
  say(`${images(step.length)} rejected${unknown ? `; ${number(unknown)} not on this wall: ${answer.unknown.slice(0, 3).join(", ")}` : ""}`, unknown > 0);
});

/* Buttons and keys */

const deeds = { keep: () => decide("keep"), drop: () => decide("drop"), clear: () => decide(null), label: () => askLabel(), release };
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-do]");
  if (button) deeds[button.dataset.do]();
});
byId("tools").addEventListener("click", (event) => { if (event.target.dataset.tool) useTool(event.target.dataset.tool); });
byId("tally").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  onlyVerdict = onlyVerdict === button.dataset.verdict ? null : button.dataset.verdict;
  for (const other of byId("tally").children) other.setAttribute("aria-pressed", String(other.dataset.verdict === onlyVerdict));
  filter();
});
byId("undo").addEventListener("click", undo);
byId("redo").addEventListener("click", redo);
byId("suggest").addEventListener("click", fetchSuggestions);
byId("groups").addEventListener("click", showCopies);
byId("copies-close").addEventListener("click", closeCopies);

function closeCopies() {
  if (byId("copies-panel").hidden) return false;
  byId("copies-panel").hidden = true;
  stage.focus();
  return true;
}

let labelled = []; // what the field for labels speaks of
function askLabel() {
  labelled = spokenOf();
  if (!labelled.length) {
    say("Point at an image, walk to one, or choose some with the lasso first.");
    return;
  }
  if (pinned < 0) pin(labelled[0]);
  showCard();
  byId("label").focus();
}

byId("label").addEventListener("focus", () => { labelled = spokenOf(); });
byId("labelling").addEventListener("submit", async (event) => {
  event.preventDefault();
  const label = byId("label").value;
  byId("label").value = "";
  await labelAll(labelled, label, true);
});

Object.assign(pageKeys, {
  k: deeds.keep,
  x: deeds.drop,
  Delete: deeds.drop,
  c: deeds.clear,
  b: askLabel,
  z: undo,
  y: redo,
  l: () => useTool(tool === "lasso" ? "look" : "lasso"),
  g: showCopies,
  s: fetchSuggestions,
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.target.closest?.("input")) return;
  const key = event.key.toLowerCase();
  if (key === "z" || key === "y") {
    event.preventDefault();
    if (key === "y" || event.shiftKey) redo();
    else undo();
  }
});
escapes.push(closeCopies, release, () => {
  if (tool === "look") return false;
  useTool("look");
  return true;
});

ask("/api/state").then((state) => {
  revision = state.revision;
  for (const [sha256, verdict] of Object.entries(state.verdicts)) verdicts.set(sha256, verdict);
  for (const [sha256, labels] of Object.entries(state.labels)) given.set(sha256, labels);
  byId("suggest").hidden = !state.suggests;
  try {
    const before = JSON.parse(sessionStorage.getItem(`review-${data.title}`) ?? "null");
    if (before) Object.assign(history, before);
  } catch { /* then there is no way back beyond this page */ }
  remember();
  fetchAll().then(() => {
    shownAnew();
    document.documentElement.dataset.reviewed = "yes";
  });
  catchUp();
}).catch((error) => say(error.message, true));
