/* The view: screen = mosaic * scale + offset */

function whole() {
  const [side, top, foot] = narrow.matches ? [12, 12, 64] : [32, 32, 64];
  const scale = Math.max(1e-3, Math.min((size.width - 2 * side) / width, (size.height - top - foot) / height));
  return { scale, x: (size.width - width * scale) / 2, y: resting(height * scale) };
}

/* Where what is lower than the wall hangs: at eye level, clear of the foot; on phones high, for cards come from below. */
function resting(length) {
  const free = size.height - length;
  return narrow.matches ? free * 0.25 : Math.max(free / 2 - 16, Math.min(free / 2, 32));
}

const scaleBounds = () => {
  const all = whole().scale;
  return [Math.min(all, 1), Math.max(all, Math.min(640, size.width, size.height) / tile * 0.8)];
};

function bounded(next) {
  const [least, most] = scaleBounds();
  const scale = Math.min(most, Math.max(least, next.scale));
  const hold = (offset, length, room, rest) => {
    const margin = Math.min(room / 2, 160);
    return length <= room ? rest : Math.min(margin, Math.max(room - length - margin, offset));
  };
  return {
    scale,
    x: hold(next.x, width * scale, size.width, (size.width - width * scale) / 2),
    y: hold(next.y, height * scale, size.height, resting(height * scale)),
  };
}

function zoomed(factor, x = size.width / 2, y = size.height / 2, from = view) {
  const [least, most] = scaleBounds();
  const scale = Math.min(most, Math.max(least, from.scale * factor));
  const by = scale / from.scale;
  return { scale, x: x - (x - from.x) * by, y: y - (y - from.y) * by };
}

function show(next) {
  cancelAnimationFrame(flight);
  view = bounded(next);
  redraw();
}

function flyTo(next) {
  cancelAnimationFrame(flight);
  const target = bounded(next);
  if (calm.matches) return show(target);
  const start = view;
  const began = performance.now();
  const step = (now) => {
    const t = Math.min(1, Math.max(0, (now - began) / 200));
    const eased = 1 - (1 - t) ** 3;
    view = Object.fromEntries(Object.keys(target).map((key) => [key, start[key] + (target[key] - start[key]) * eased]));
    redraw();
    if (t < 1) flight = requestAnimationFrame(step);
  };
  flight = requestAnimationFrame(step);
  return undefined;
}

function boxOf(index) {
  const cell = data.cells[index];
  const side = tile * view.scale;
  return {
    left: (gutter + (cell % columns) * pitch) * view.scale + view.x,
    top: (gutter + Math.floor(cell / columns) * pitch) * view.scale + view.y,
    side,
  };
}

function under(x, y) {
  const column = Math.floor(((x - view.x) / view.scale - gutter / 2) / pitch);
  const row = Math.floor(((y - view.y) / view.scale - gutter / 2) / pitch);
  return column < 0 || row < 0 || column >= columns || row >= rows ? -1 : imageAt[row * columns + column];
}

/* Drawing */

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
    showCard();
  });
}

function draw() {
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  byId("keys").classList.toggle("gone", view.scale > whole().scale * 1.01);
  context.fillStyle = colours.wall;
  context.fillRect(0, 0, size.width, size.height);
  if (!ready) return;
  const { scale, x, y } = view;
  const left = Math.max(0, -x / scale);
  const top = Math.max(0, -y / scale);
  const right = Math.min(width, (size.width - x) / scale);
  const bottom = Math.min(height, (size.height - y) / scale);
  if (right <= left || bottom <= top) return;
  const level = levels.findLast((each) => each.factor * scale * size.ratio <= 1) ?? { source: mosaic, factor: 1 };
  const fx = level.source.width / width;
  const fy = level.source.height / height;
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(level.source, left * fx, top * fy, (right - left) * fx, (bottom - top) * fy,
    left * scale + x, top * scale + y, (right - left) * scale, (bottom - top) * scale);
  if (colours.repaint) repaintWall(left, top, right, bottom);
  if (narrowed) {
    context.imageSmoothingEnabled = false;
    context.drawImage(veil, gutter / 2 * scale + x, gutter / 2 * scale + y, columns * pitch * scale, rows * pitch * scale);
  }
  if (outlined.length) drawOutlines(left, top, right, bottom);
  if (hovered >= 0 && hovered !== shown) ring(hovered, 1);
  if (shown >= 0) ring(shown, 2);
}

/* The colour of its chip around each image found; over it, where cells are too small for a line to be seen. */
function drawOutlines(left, top, right, bottom) {
  const { scale, x, y } = view;
  if (pitch * scale < 10) {
    context.globalAlpha = 0.6;
    context.imageSmoothingEnabled = false;
    context.drawImage(tint, gutter / 2 * scale + x, gutter / 2 * scale + y, columns * pitch * scale, rows * pitch * scale);
    context.globalAlpha = 1;
    return;
  }
  const line = Math.min(4, Math.max(1.5, tile * scale * 0.06));
  context.lineWidth = line;
  for (let row = Math.floor(top / pitch); row < Math.min(rows, Math.ceil(bottom / pitch)); row += 1) {
    for (let column = Math.floor(left / pitch); column < Math.min(columns, Math.ceil(right / pitch)); column += 1) {
      const index = imageAt[row * columns + column];
      if (index < 0 || !outlined[index]) continue;
      const box = boxOf(index);
      context.strokeStyle = outlined[index];
      context.strokeRect(box.left + line / 2, box.top + line / 2, box.side - line, box.side - line);
    }
  }
}

/* The mosaic was painted on a ground of the other brightness: gutters and holes take the colour of this wall. */
function repaintWall(left, top, right, bottom) {
  const { scale, x, y } = view;
  const bleed = Math.max(0.5 / size.ratio, scale / 2); // as far as smoothing carries the old ground into the tiles
  context.fillStyle = colours.wall;
  const first = [Math.floor(left / pitch), Math.floor(top / pitch)];
  const last = [Math.min(columns, Math.ceil(right / pitch)), Math.min(rows, Math.ceil(bottom / pitch))];
  if (gutter) {
    for (let column = first[0]; column <= last[0]; column += 1) {
      context.fillRect(column * pitch * scale + x - bleed, top * scale + y - 1, gutter * scale + 2 * bleed, (bottom - top) * scale + 2);
    }
    for (let row = first[1]; row <= last[1]; row += 1) {
      context.fillRect(left * scale + x - 1, row * pitch * scale + y - bleed, (right - left) * scale + 2, gutter * scale + 2 * bleed);
    }
  }
  for (let row = first[1]; row < last[1]; row += 1) {
    for (let column = first[0]; column < last[0]; column += 1) {
      if (imageAt[row * columns + column] >= 0) continue;
      context.fillRect((gutter + column * pitch) * scale + x - bleed, (gutter + row * pitch) * scale + y - bleed,
        tile * scale + 2 * bleed, tile * scale + 2 * bleed);
    }
  }
}

function ring(index, thickness) {
  const { left, top, side } = boxOf(index);
  const around = (colour, outside, line) => {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(left - outside, top - outside, side + 2 * outside, side + 2 * outside);
  };
  if (thickness > 1) around(colours.wall, 3.5, 3);
  around(colours.ink, thickness / 2, thickness);
}

function makeLevels() {
  let source = mosaic;
  for (let factor = 2; width / factor > 256 && height / factor > 256; factor *= 2) {
    const small = document.createElement("canvas");
    small.width = Math.round(width / factor);
    small.height = Math.round(height / factor);
    if (small.width * small.height > 16e6) continue; // phones refuse larger ones
    const brush = small.getContext("2d");
    brush.imageSmoothingQuality = "high";
    brush.drawImage(source, 0, 0, small.width, small.height);
    levels.push({ source: small, factor });
    source = small;
  }
}

function chooseColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  const own = data.dark === darkness.matches;
  const theme = read("--wall").match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16));
  const wallBytes = own ? data.background : theme;
  colours = { wallBytes, wall: `rgb(${wallBytes.join(" ")})`, ink: read("--ink"), repaint: !own };
}
