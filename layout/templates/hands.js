/* Pointers */

const local = (event) => {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
};
const taps = []; // called with an image, or -1, and the event; true ends it

function hover(index) {
  walking = false;
  if (index === hovered) return;
  hovered = index;
  stage.classList.toggle("over", index >= 0);
  redraw();
}

stage.addEventListener("pointermove", (event) => {
  if (event.pointerType === "touch" || event.buttons || stage.classList.contains("lassoing")) return;
  const { x, y } = local(event);
  hover(under(x, y));
});
stage.addEventListener("pointerleave", () => { if (!walking) hover(-1); });
stage.addEventListener("pointerdown", () => stage.classList.add("pointed"), true);
osd.addHandler("canvas-drag", () => stage.classList.add("moving"));
osd.addHandler("canvas-release", () => stage.classList.remove("moving"));
osd.addHandler("canvas-click", (event) => {
  if (!event.quick) return;
  const index = under(event.position.x, event.position.y);
  walking = false;
  hovered = event.pointerType === "touch" || event.originalEvent.pointerType === "touch" ? -1 : index;
  if (taps.some((tap) => tap(index, event.originalEvent))) return;
  pin(index === pinned ? -1 : index);
});
// Keys are this page's.
osd.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; });
osd.addHandler("canvas-key-press", (event) => { event.preventDefaultAction = true; });

/* Keys and buttons */

const zoomKeys = {
  "+": () => zoomBy(1.6, ...centre()),
  "=": () => zoomBy(1.6, ...centre()),
  "-": () => zoomBy(1 / 1.6, ...centre()),
  0: showAll,
};
const walkKeys = {
  ArrowLeft: () => step(-1, 0),
  ArrowRight: () => step(1, 0),
  ArrowUp: () => step(0, -1),
  ArrowDown: () => step(0, 1),
  Enter: () => { if (shown >= 0) pin(pinned >= 0 ? -1 : shown); },
  " ": () => { if (shown >= 0) pin(pinned >= 0 ? -1 : shown); },
};
const pageKeys = {
  "/": () => { search.focus(); search.select(); },
  "?": () => help.showModal(),
  n: () => nextFound(1),
  p: () => nextFound(-1),
  t: nextTheme,
  m: () => { if (canFly) fly(); },
};
const escapes = []; // called before the card is closed; true ends it

function centre() {
  if (shown < 0) return [];
  const box = boxOf(shown);
  return [box.left + box.side / 2, box.top + box.tall / 2];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  stage.classList.remove("pointed");
  const typing = event.target === search;
  const field = event.target.closest?.("input, select, textarea");
  const inButton = event.target.closest?.("button, a");
  if (event.key === "Escape") {
    if (typing && search.value) forget();
    else if (field) stage.focus();
    else if (!escapes.some((escape) => escape())) {
      if (card.contains(event.target)) stage.focus();
      dismiss();
    }
  } else if (field) {
    if (!typing || event.key !== "Enter") return;
    nextFound(event.shiftKey ? -1 : 1);
  } else if (Object.hasOwn(zoomKeys, event.key)) {
    zoomKeys[event.key]();
  } else if (Object.hasOwn(walkKeys, event.key) && !inButton) {
    if (count) walkKeys[event.key]();
  } else if (Object.hasOwn(pageKeys, event.key)) {
    pageKeys[event.key](event);
  } else {
    return;
  }
  event.preventDefault();
});

const help = byId("help");
byId("helper").addEventListener("click", () => help.showModal());
help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
byId("enough").addEventListener("click", () => help.close());
byId("closer").addEventListener("click", () => zoomBy(1.6));
byId("farther").addEventListener("click", () => zoomBy(1 / 1.6));
byId("whole").addEventListener("click", showAll);
byId("close").addEventListener("click", () => {
  stage.focus({ focusVisible: false });
  dismiss();
});

/* Light and dark: as the system has it, or as was chosen here */

const darkness = matchMedia("(prefers-color-scheme: dark)");
const THEMES = ["auto", "light", "dark"];
const remembered = (() => {
  try { return localStorage.getItem("mosaic-theme"); } catch { return null; }
})();
let theme = THEMES.includes(remembered) ? remembered : "auto";
const isDark = () => (theme === "auto" ? darkness.matches : theme === "dark");

function chooseColours() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  const words = { auto: "as the system has it", light: "light", dark: "dark" }[theme];
  byId("theme").setAttribute("aria-label", `Light or dark: ${words}`);
  byId("theme").title = `Light or dark: ${words} (T)`;
  byId("theme").dataset.choice = theme;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  const own = data.dark === isDark();
  const wallBytes = own ? data.background : bytesOf(read("--wall"));
  colours = { wallBytes, wall: `rgb(${wallBytes.join(" ")})`, ink: read("--ink"), repaint: !own };
  document.documentElement.style.setProperty("--ground", colours.wall);
  paintHoles();
  paintVeil();
  redraw();
}

function nextTheme() {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  try { localStorage.setItem("mosaic-theme", theme); } catch { /* then it holds until the page is closed */ }
  chooseColours();
}

byId("theme").addEventListener("click", nextTheme);
darkness.addEventListener("change", chooseColours);
