/* Pointers */

const fingers = new Map();
let travelled = 0;
const local = (event) => {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
};
const spread = () => {
  const [one, two] = [...fingers.values()];
  return { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2, apart: Math.hypot(one.x - two.x, one.y - two.y) };
};

function hover(index) {
  walking = false;
  if (index === hovered) return;
  hovered = index;
  stage.classList.toggle("over", index >= 0);
  redraw();
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  stage.setPointerCapture(event.pointerId);
  stage.classList.add("pointed");
  fingers.set(event.pointerId, local(event));
  travelled = fingers.size > 1 ? Infinity : 0;
});

stage.addEventListener("pointermove", (event) => {
  const now = local(event);
  const before = fingers.get(event.pointerId);
  if (!before) {
    if (event.pointerType !== "touch") hover(under(now.x, now.y));
    return;
  }
  const pinch = fingers.size === 2 ? spread() : null;
  fingers.set(event.pointerId, now);
  if (pinch) {
    const after = spread();
    const next = zoomed(after.apart / (pinch.apart || 1), pinch.x, pinch.y);
    show({ ...next, x: next.x + after.x - pinch.x, y: next.y + after.y - pinch.y });
    return;
  }
  travelled += Math.hypot(now.x - before.x, now.y - before.y);
  if (travelled < 5) return;
  stage.classList.add("moving");
  show({ ...view, x: view.x + now.x - before.x, y: view.y + now.y - before.y });
});

function lift(event) {
  const was = fingers.delete(event.pointerId);
  stage.classList.remove("moving");
  if (!was || event.type !== "pointerup" || travelled >= 5) return;
  const { x, y } = local(event);
  const index = under(x, y);
  walking = false;
  hovered = event.pointerType === "touch" ? -1 : index;
  pin(index === pinned ? -1 : index);
}

stage.addEventListener("pointerup", lift);
stage.addEventListener("pointercancel", lift);
stage.addEventListener("pointerleave", () => { if (!walking) hover(-1); });
stage.addEventListener("dblclick", (event) => {
  const { x, y } = local(event);
  flyTo(zoomed(2.5, x, y));
});
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const { x, y } = local(event);
  const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  show(zoomed(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) / (event.ctrlKey ? 120 : 320)), x, y));
  hover(under(x, y));
}, { passive: false });

/* Keys and buttons */

const zoomKeys = {
  "+": () => flyTo(zoomed(1.6, ...centre())),
  "=": () => flyTo(zoomed(1.6, ...centre())),
  "-": () => flyTo(zoomed(1 / 1.6, ...centre())),
  0: () => flyTo(whole()),
};
const walkKeys = {
  ArrowLeft: () => step(-1, 0),
  ArrowRight: () => step(1, 0),
  ArrowUp: () => step(0, -1),
  ArrowDown: () => step(0, 1),
  Enter: () => { if (shown >= 0) pin(pinned >= 0 ? -1 : shown); },
  " ": () => { if (shown >= 0) pin(pinned >= 0 ? -1 : shown); },
};

function centre() {
  if (shown < 0) return [];
  const { left, top, side } = boxOf(shown);
  return [left + side / 2, top + side / 2];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  stage.classList.remove("pointed");
  const typing = event.target === search;
  const inButton = event.target.closest?.("button, a");
  if (event.key === "Escape") {
    if (typing && search.value) {
      search.value = "";
      filter();
    } else if (typing) {
      stage.focus();
    } else {
      if (card.contains(event.target)) stage.focus();
      dismiss();
    }
  } else if (typing) {
    if (event.key === "Enter") nextFound(event.shiftKey ? -1 : 1);
    else return;
  } else if (event.key === "/") {
    search.focus();
    search.select();
  } else if (Object.hasOwn(zoomKeys, event.key)) {
    zoomKeys[event.key]();
  } else if (Object.hasOwn(walkKeys, event.key) && !inButton) {
    if (cards.length) walkKeys[event.key]();
  } else {
    return;
  }
  event.preventDefault();
});

search.addEventListener("input", filter);
byId("closer").addEventListener("click", () => flyTo(zoomed(1.6)));
byId("farther").addEventListener("click", () => flyTo(zoomed(1 / 1.6)));
byId("whole").addEventListener("click", () => flyTo(whole()));
byId("close").addEventListener("click", () => {
  stage.focus({ focusVisible: false });
  dismiss();
});

/* Beginning */

function fitCanvas() {
  const box = stage.getBoundingClientRect();
  const settled = size.width > 0;
  const middle = { x: (size.width / 2 - view.x) / view.scale, y: (size.height / 2 - view.y) / view.scale };
  const atWhole = !settled || Math.abs(view.scale / whole().scale - 1) < 1e-3;
  size = { width: box.width, height: box.height, ratio: window.devicePixelRatio || 1 };
  canvas.width = Math.round(box.width * size.ratio);
  canvas.height = Math.round(box.height * size.ratio);
  show(atWhole ? whole() : { scale: view.scale, x: size.width / 2 - middle.x * view.scale, y: size.height / 2 - middle.y * view.scale });
  draw();
}

card.classList.toggle("beside", tile < 96 && !cards.some((each) => each.picture));
chooseColours();
makeFilters();
paintVeil();
new ResizeObserver(fitCanvas).observe(stage);
darkness.addEventListener("change", () => {
  chooseColours();
  paintVeil();
  redraw();
});
mosaic.addEventListener("load", () => {
  ready = true;
  makeLevels();
  shown = -1;
  redraw();
  document.documentElement.dataset.ready = "yes";
});
mosaic.addEventListener("error", () => {
  byId("notice").textContent = "The picture of this mosaic is not in the folder of this page. Keep the two together.";
  byId("notice").hidden = false;
});
mosaic.src = data.mosaic;
