/* Cells: where they are, and what is under a point. Squares or hexagons, which stand on a corner. */

const isHexagonal = Boolean(data.hexagons);

function boxOf(index, seen = view) {
  let [left, top, side] = [leftOf(index), topOf(index), tile];
  if (aloft) {
    const there = onPlane(index);
    left += (there.left - left) * aloft;
    top += (there.top - top) * aloft;
    side += (there.side - side) * aloft;
  }
  const wide = side * seen.scale;
  return { left: left * seen.scale + seen.x, top: top * seen.scale + seen.y, side: wide, tall: (wide * tall) / tile };
}

/* Adds a cell's outline to a path, moved outward by so many pixels. */
function outline(path, box, outward = 0) {
  const [left, top, right] = [box.left - outward, box.top - outward, box.left + box.side + outward];
  if (!isHexagonal) {
    path.rect(left, top, box.side + 2 * outward, box.tall + 2 * outward);
    return;
  }
  const middle = box.left + box.side / 2;
  const [first, last] = [box.top - outward * (box.tall / box.side), box.top + box.tall + outward * (box.tall / box.side)];
  const quarter = (last - first) / 4;
  path.moveTo(middle, first);
  path.lineTo(right, first + quarter);
  path.lineTo(right, last - quarter);
  path.lineTo(middle, last);
  path.lineTo(left, last - quarter);
  path.lineTo(left, first + quarter);
  path.closePath();
}

function isIn(box, x, y) {
  const [across, down] = [(x - box.left) / box.side, (y - box.top) / box.tall];
  if (across < 0 || down < 0 || across >= 1 || down >= 1) return false;
  return !isHexagonal || Math.abs(down - 0.5) <= 0.5 - Math.abs(across - 0.5) / 2;
}

function under(x, y) {
  if (aloft) {
    for (let index = count - 1; index >= 0; index -= 1) {
      if (isIn(boxOf(index), x, y)) return index;
    }
    return -1;
  }
  const [right, below] = [(x - view.x) / view.scale - gutter / 2, (y - view.y) / view.scale - gutter / 2];
  const row = Math.floor(below / rowPitch);
  if (!isHexagonal) return imageIn(Math.floor(right / pitch), row);
  // The row above reaches into this one with its corners. A gutter belongs half to each of the cells beside it.
  const high = (tall * pitch) / tile;
  for (const at of [row, row - 1]) {
    const left = (at & 1) * shift;
    const column = Math.floor((right - left) / pitch);
    const box = { left: column * pitch + left, top: at * rowPitch + (tall + gutter - high) / 2, side: pitch, tall: high };
    if (isIn(box, right, below)) return imageIn(column, at);
  }
  return -1;
}

const imageIn = (column, row) => (column < 0 || row < 0 || column >= columns || row >= rows ? -1 : imageAt[row * columns + column]);

/* Columns and rows that are in the window: [first, end). */
function seenCells() {
  const span = (offset, room, most, step, reach) => [
    Math.max(0, Math.floor((-offset / view.scale - reach) / step)),
    Math.min(most, Math.ceil((room - offset) / view.scale / step)),
  ];
  return {
    across: span(view.x, size.width, columns, pitch, shift),
    down: span(view.y, size.height, rows, rowPitch, tall + gutter - rowPitch),
  };
}

function* seenImages() {
  if (aloft) {
    for (let index = 0; index < count; index += 1) {
      const box = boxOf(index);
      if (box.left + box.side > 0 && box.top + box.tall > 0 && box.left < size.width && box.top < size.height) yield index;
    }
    return;
  }
  const { across, down } = seenCells();
  for (let row = down[0]; row < down[1]; row += 1) {
    for (let column = across[0]; column < across[1]; column += 1) {
      const index = imageAt[row * columns + column];
      if (index >= 0) yield index;
    }
  }
}

/* A canvas of one pixel a cell: drawn large, it costs the same for ten images and for a hundred thousand. */
function cellPixels() {
  const pixels = document.createElement("canvas");
  [pixels.width, pixels.height] = [columns, rows];
  return pixels;
}

/* Each image's colour over all of it; in the cloud, where there are no cells, and on hexagons one by one. */
function drawCells(pixels, colourOf, alpha = 1) {
  context.globalAlpha = alpha;
  const { scale, x, y } = view;
  if (aloft || (isHexagonal && !isTiny())) {
    for (const [colour, path] of outlines(colourOf)) {
      context.fillStyle = colour;
      context.fill(path);
    }
  } else if (isHexagonal) {
    drawBricks(pixels);
  } else {
    context.imageSmoothingEnabled = false;
    context.drawImage(pixels, (gutter / 2) * scale + x, (gutter / 2) * scale + y, columns * pitch * scale, rows * pitch * scale);
  }
  context.globalAlpha = 1;
}

/* The outlines of images, some dozens together: a path of very many takes browsers much longer. */
const MOST_OUTLINES = 64;
function* outlines(colourOf, outward = 0) {
  const paths = new Map();
  let held = 0;
  for (const index of seenImages()) {
    const colour = colourOf(index);
    if (!colour) continue;
    if (!paths.has(colour)) paths.set(colour, new Path2D());
    outline(paths.get(colour), boxOf(index), outward);
    held += 1;
    if (held === MOST_OUTLINES) {
      yield* paths;
      paths.clear();
      held = 0;
    }
  }
  yield* paths;
}

/* A cell's shape, a pixel away from the edges of its canvas: to draw many, where a path of all would take too long. */
function stamped(by, outward = 0) {
  const stamp = element("canvas", { width: Math.ceil(tile * by) + 2, height: Math.ceil(tall * by) + 2 });
  const brush = stamp.getContext("2d");
  outline(brush, { left: 1, top: 1, side: tile * by, tall: tall * by }, outward);
  brush.fill();
  return stamp;
}

/* Hexagons so small that a brick in the place of each, a row at a time, tells as much. */
const isTiny = () => tile * view.scale < 14;

function drawBricks(pixels) {
  context.imageSmoothingEnabled = false;
  const edge = (row) => Math.round((view.y + (gutter + (tall - rowPitch) / 2 + row * rowPitch) * view.scale) * size.ratio) / size.ratio;
  const [first, end] = seenCells().down;
  for (let row = first; row < end; row += 1) {
    const left = view.x + (gutter / 2 + (row % 2) * shift) * view.scale;
    context.drawImage(pixels, 0, row, columns, 1, left, edge(row), columns * pitch * view.scale, edge(row + 1) - edge(row));
  }
}
