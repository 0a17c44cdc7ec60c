"use strict";
const ballot = document.getElementById("ballot");
const groups = document.getElementById("groups");
const chosen = () => [...document.querySelectorAll('.verdicts button[aria-pressed="true"]')];

const verdicts = () => chosen().flatMap((button) => {
  const { sha, keeper } = button.closest("li").dataset;
  if (button.dataset.verdict === "apart") {
    const [sha256, other] = [sha, keeper].sort();
    return [{ verdict: "apart", sha256, other }];
  }
  return [{ verdict: "keep", sha256: sha }, { verdict: "drop", sha256: keeper }];
});

const count = () => {
  const given = chosen().length;
  ballot.hidden = given === 0;
  ballot.querySelector("span").textContent = `${given} ${given === 1 ? "verdict" : "verdicts"}, not saved yet`;
  const content = { recipe: document.body.dataset.recipe, stage: "dedupe", verdicts: verdicts() };
  ballot.querySelector("a").href = `data:application/json,${encodeURIComponent(JSON.stringify(content, null, 1))}`;
};

groups.addEventListener("click", (event) => {
  const button = event.target.closest(".verdicts button");
  if (!button) return;
  const on = button.getAttribute("aria-pressed") !== "true";
  // One of a group is kept: another "instead" takes the place of the first, and one copy has one verdict.
  const rivals = button.dataset.verdict === "instead" ? button.closest(".group") : button.closest("li");
  const others = rivals.querySelectorAll('button[data-verdict="instead"]');
  for (const other of [...others, ...button.closest("li").querySelectorAll("button")]) other.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-pressed", String(on));
  count();
});
ballot.querySelector("button").addEventListener("click", () => {
  for (const button of chosen()) button.setAttribute("aria-pressed", "false");
  count();
});
for (const button of document.querySelectorAll(".tools button")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll(".tools button")) other.setAttribute("aria-pressed", String(other === button));
    const by = (group) => Number(group.dataset[button.dataset.order]);
    groups.append(...[...groups.children].sort((a, b) => by(b) - by(a)));
  });
}
for (const hidden of document.querySelectorAll(".tools, .verdicts")) hidden.hidden = false;
