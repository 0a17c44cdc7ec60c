/* Beginning */

card.classList.toggle("beside", tile < 96 && !data.sharp);
chooseColours();
new ResizeObserver(fitWall).observe(stage);
low.addEventListener("change", fitWall);
osd.addHandler("update-viewport", follow);
osd.addHandler("open", () => {
  size = { width: 0, height: 0, ratio: 1 };
  fitWall();
  // Behind the first view: what cards and searches need.
  if (count <= EAGER) setTimeout(fetchAll, 200);
});
osd.addOnceHandler("tile-drawn", () => {
  performance.mark("mosaic-seen");
  document.documentElement.dataset.ready = "yes";
  redraw();
});
osd.world.addOnceHandler("add-item", ({ item }) => {
  item.addHandler("fully-loaded-change", () => { if (item.getFullyLoaded()) performance.mark("mosaic-whole"); });
});
osd.addHandler("open-failed", () => { missing(); });
osd.addHandler("tile-load-failed", () => { if (!document.documentElement.dataset.ready) missing(); });

function missing() {
  byId("notice").textContent = "The picture of this mosaic is not in the folder of this page. Keep the two together.";
  byId("notice").hidden = false;
}

/* For scripts that drive this page. */
globalThis.mosaic = Object.freeze({
  boxOf: (index) => boxOf(index),
  imageAt: (cell) => imageAt[cell],
  cellOf: (index) => cells[index],
  cardOf,
  count,
  fetchAll,
  arrived: () => pieces.every((piece) => piece !== null),
  sharp: () => [...sharp.values()].filter((image) => image.complete && image.naturalWidth).length,
  get shown() { return shown; },
  get aloft() { return aloft; },
  get scale() { return view.scale; },
  get isResting() { return isResting(); },
});
