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

let labelled = []; // what the field for labels speaks of
function askLabel() {
  if (isCovered()) {
    say(COVERED);
    return;
  }
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
  recall();
  fetchAll().then(() => {
    shownAnew();
    performance.mark("verdicts-shown");
    document.documentElement.dataset.reviewed = "yes";
  });
  catchUp();
}).catch((error) => say(error.message, true));
