/* Near copies, side by side */

const MOST_GROUPS = 500;
const isCovered = () => !byId("copies-panel").hidden;
const COVERED = "This speaks of the wall: close the near copies first.";
const copiesNamed = ({ sha256, other }) => `${sha256} ${other}`;

async function showCopies() {
  if (closeCopies()) return;
  try {
    await sending; // what is on its way belongs to what is asked for
    const { groups, verdicts: said } = await ask("/api/groups");
    overruled.clear();
    for (const each of said) overruled.set(copiesNamed(each), each.verdict);
    byId("copies-note").textContent = noteOf(groups.length);
    byId("copies-list").replaceChildren(...groups.slice(0, MOST_GROUPS).map(groupOf));
    tellOverruled();
    byId("copies-panel").hidden = false;
    byId("copies-close").focus();
  } catch (error) {
    say(error.message, true);
  }
}

function noteOf(count) {
  if (!count) return "There are none.";
  const most = count > MOST_GROUPS ? `The ${number(MOST_GROUPS)} most doubtful of ${number(count)} groups` : "The most doubtful first";
  return `${most}. A verdict counts when dedupe runs next.`;
}

function closeCopies() {
  if (!isCovered()) return false;
  byId("copies-panel").hidden = true;
  stage.focus();
  return true;
}

function groupOf({ members }) {
  const keeper = members.find((member) => member.keeper) ?? members[0];
  const alone = (verdict) => (member) => ({ sha256: member.sha256, other: "", after: verdict });
  return element("li", {}, ...members.map((member) => {
    const title = readable(member.title ?? "Untitled");
    const facts = [`${number(member.width)} × ${number(member.height)}`, member.format, `${number(Math.round(member.bytes / 1024))} KB`, member.license ?? "licence unknown", member.source];
    const others = members.filter((other) => other !== member);
    const row = element("div", { className: "choices" }, choiceOf("Keep this one", [alone("keep")(member), ...others.map(alone("drop"))]));
    if (member !== keeper) {
      const [sha256, other] = [member.sha256, keeper.sha256].sort();
      row.append(choiceOf("No copy", [{ sha256, other, after: "apart" }]));
    }
    return element("figure", { className: member.keeper ? "keeper" : "" },
      element("img", { src: `/copies/${member.sha256}.jpg`, loading: "lazy", alt: title }),
      element("figcaption", {},
        element("strong", { textContent: title, dir: "auto" }),
        element("span", { textContent: facts.filter(Boolean).map(readable).join(" · ") }),
        element("span", { className: "reason", textContent: readable(member.reason ?? "") })),
      row);
  }));
}

const choices = new Map(); // by button: what it says of copies

/* Says all of `step`, or takes it back where it was said. */
function choiceOf(words, step) {
  const button = element("button", { type: "button", textContent: words });
  choices.set(button, step);
  button.addEventListener("click", () => act("copies", () => step
    .map(({ after, ...each }) => ({ ...each, before: overruled.get(copiesNamed(each)) ?? null, after: isChosen(step) ? null : after }))
    .filter(({ before, after }) => before !== after), saved));
  return button;
}

const saved = ({ step }) => (step.some(({ after }) => after) ? "Saved; the next dedupe heeds it" : "Taken back");
const isChosen = ([{ after, ...first }]) => overruled.get(copiesNamed(first)) === after;

/* The buttons as what was said has them, here or in another tab. */
function tellOverruled() {
  for (const [button, step] of choices) {
    if (button.isConnected) button.setAttribute("aria-pressed", String(isChosen(step)));
    else choices.delete(button);
  }
}
