/* The cloud that the grid came from: images fly from their cells to where they lay on the plane, and back. */

const MOST_FLYING = 20_000;
const SPRITES = 4096; // the longer side of the picture that they are drawn from
const FLIGHT = 900; // milliseconds
const canFly = Boolean(data.cloud) && count > 1 && count <= MOST_FLYING;
const plane = { x: new Float32Array(canFly ? count : 0), y: new Float32Array(canFly ? count : 0) };
let sprites = null; // {picture, by}: the mosaic, so many times smaller
let landing = null; // where images fly to now: 0 the grid, 1 the cloud

/* Where an image lies in the cloud, in pixels of the mosaic: as large as fits, with one factor for both axes. */
function onPlane(index) {
  const side = tile * 0.85;
  const high = tall * 0.85;
  const by = Math.min((width - side) / data.cloud.width, (height - high) / data.cloud.height);
  return {
    left: (width - side - data.cloud.width * by) / 2 + plane.x[index] * by,
    top: (height - high - data.cloud.height * by) / 2 + plane.y[index] * by,
    side,
  };
}

async function makeSprites() {
  const by = Math.max(1, Math.max(width, height) / SPRITES);
  if (kind === "tiles") {
    const above = Math.ceil(Math.log2(by));
    const level = Math.ceil(Math.log2(Math.max(tiling.width, tiling.height))) - above;
    const [w, h] = [Math.ceil(width / 2 ** above), Math.ceil(height / 2 ** above)];
    const picture = element("canvas", { width: w, height: h });
    const brush = picture.getContext("2d");
    const { tileSize, overlap, format } = tiling;
    const parts = [];
    for (let row = 0; row * tileSize < h; row += 1) {
      for (let column = 0; column * tileSize < w; column += 1) {
        const image = Object.assign(new Image(), { src: `${mosaicUrl}${level}/${column}_${row}.${format}` });
        parts.push(image.decode().then(() => brush.drawImage(
          image, column * tileSize - (column ? overlap : 0), row * tileSize - (row ? overlap : 0))));
      }
    }
    await Promise.all(parts);
    return { picture, by: 2 ** above };
  }
  return { picture: by > 1 ? source._createContext2D(source.image, Math.ceil(width / by), Math.ceil(height / by)).canvas : source.image, by };
}

/* Rows of hexagons reach into each other: every other row alone, the rest and the ground left out. */
function alternateRows({ picture, by }) {
  return [0, 1].map((turn) => {
    const rowsOfTurn = element("canvas", { width: Math.ceil(width / by), height: Math.ceil(height / by) });
    const brush = rowsOfTurn.getContext("2d");
    const stamp = stamped(1 / by);
    for (let index = 0; index < count; index += 1) {
      if (rowOf(index) % 2 === turn) brush.drawImage(stamp, leftOf(index) / by - 1, topOf(index) / by - 1);
    }
    brush.globalCompositeOperation = "source-in";
    brush.drawImage(picture, 0, 0);
    return rowsOfTurn;
  });
}

function drawSprites() {
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "medium";
  const inset = 0.5 / sprites.by; // so that smoothing takes nothing from the neighbours
  const [wide, high] = [tile / sprites.by - 2 * inset, tall / sprites.by - 2 * inset];
  for (const index of seenImages()) {
    const box = boxOf(index);
    const left = leftOf(index) / sprites.by + inset;
    const top = topOf(index) / sprites.by + inset;
    const from = isHexagonal ? sprites.alternate[rowOf(index) % 2] : sprites.picture;
    context.drawImage(from, left, top, wide, high, box.left, box.top, box.side, box.tall);
  }
}

async function fly() {
  landing = (landing ?? aloft) > 0 ? 0 : 1;
  byId("cloud").setAttribute("aria-pressed", String(landing === 1));
  try {
    await fetchAll();
    sprites ??= await makeSprites();
    if (isHexagonal) sprites.alternate ??= alternateRows(sprites);
  } catch {
    return; // without its tiles there is nothing to fly
  }
  const [from, to, began] = [aloft, landing, performance.now()];
  const step = (now) => {
    if (landing !== to) return; // turned round
    const t = isAtOnce() ? 1 : Math.min(1, Math.max(0, (now - began) / FLIGHT));
    const eased = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
    aloft = t === 1 ? to : from + (to - from) * eased;
    byId("view").classList.toggle("away", aloft > 0);
    redraw();
    if (t < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

arrivals.push((first, last) => {
  for (let index = first; canFly && index < last; index += 1) {
    plane.x[index] = value("x", index);
    plane.y[index] = value("y", index);
  }
});
byId("cloud").hidden = !canFly;
byId("cloud").addEventListener("click", fly);
