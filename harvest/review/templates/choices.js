"use strict";
const ballot = document.getElementById("ballot");
const verdicts = new Map();
let opener = null;

const draw = () => {
  for (const tile of document.querySelectorAll(".tiles [data-sha]")) {
    const verdict = verdicts.get(tile.dataset.sha);
    tile.classList.toggle("said-keep", verdict === "keep");
    tile.classList.toggle("said-drop", verdict === "drop");
  }
  for (const button of document.querySelectorAll(".card button")) {
    const given = verdicts.get(button.closest(".card").dataset.sha);
    button.setAttribute("aria-pressed", String(given === button.dataset.verdict));
  }
  ballot.hidden = verdicts.size === 0;
  ballot.querySelector("span").textContent = `${verdicts.size} ${verdicts.size === 1 ? "verdict" : "verdicts"}, not saved yet`;
  const list = [...verdicts].map(([sha256, verdict]) => ({ verdict, sha256 }));
  const content = { recipe: document.body.dataset.recipe, stage: "filter", verdicts: list };
  ballot.querySelector("a").href = `data:application/json,${encodeURIComponent(JSON.stringify(content, null, 1))}`;
};

const card = () => document.querySelector(".card:target");
const give = (verdict) => {
  const { sha } = card().dataset;
  if (verdicts.get(sha) === verdict) verdicts.delete(sha);
  else verdicts.set(sha, verdict);
  draw();
};
const close = () => {
  location.replace("#-");
  opener?.focus({ preventScroll: true });
};

// Arrows go along a row of pictures; the tabulator key goes from row to row.
for (const row of document.querySelectorAll(".tiles")) {
  const links = [...row.querySelectorAll("a")];
  for (const [index, link] of links.entries()) link.tabIndex = index ? -1 : 0;
  row.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = by && links[links.indexOf(event.target) + by];
    if (!next) return;
    event.preventDefault();
    for (const link of links) link.tabIndex = link === next ? 0 : -1;
    next.focus();
    if (card()) next.click();
  });
  row.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    // The history is for pages, not for every picture that was looked at.
    event.preventDefault();
    opener = link;
    location.replace(link.hash);
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "nearest" });
  });
}
document.getElementById("cards").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) give(button.dataset.verdict);
  if (!event.target.closest(".close")) return;
  event.preventDefault();
  close();
});
document.addEventListener("keydown", (event) => {
  if (!card() || event.ctrlKey || event.metaKey || event.altKey) return;
  const verdict = { k: "keep", d: "drop" }[event.key.toLowerCase()];
  if (verdict) give(verdict);
  else if (event.key === "Escape") close();
});
ballot.querySelector("button").addEventListener("click", () => {
  verdicts.clear();
  draw();
});
for (const button of document.querySelectorAll(".card button")) button.hidden = false;
