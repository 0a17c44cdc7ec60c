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
    const box = boxOf(index);
    const [x, y] = [box.left + box.side / 2, box.top + box.tall / 2];
    return y >= above && y <= below && found[index] && crossingsAt(y).filter((crossing) => crossing < x).length % 2;
  });
}

const chosenCells = cellPixels();

function drawChosen() {
  if (isTiny() && !aloft) {
    drawCells(chosenCells, () => null);
    return;
  }
  const path = new Path2D();
  for (const index of seenImages()) {
    if (!chosen.has(index)) continue;
    outline(path, boxOf(index));
  }
  context.fillStyle = `rgb(${bytesOf(KEPT).join(" ")} / 28%)`;
  context.fill(path);
  context.strokeStyle = colours.ink;
  context.lineWidth = isTiny() ? 1 : 2;
  context.stroke(path);
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
  const blue = [...bytesOf(KEPT), 150];
  paintCells(chosenCells, 0, count, (index) => (chosen.has(index) ? blue : null));
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
