/* The wall: OpenSeadragon shows the mosaic, a canvas over it what is said of its images. */

const stage = byId("stage");
const canvas = byId("over");
const context = canvas.getContext("2d");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 640px)");
const low = matchMedia("(max-height: 480px) and (min-width: 641px)");
const painters = []; // called with what is seen, after the wall and before the rings

let size = { width: 0, height: 0, ratio: 1 };
let view = { scale: 1, x: 0, y: 0 }; // screen = mosaic * scale + offset
let home = 1; // the scale at which all is seen
let colours = {};
let hovered = -1;
let focused = -1;
let pinned = -1;
let walking = false; // the keyboard was used last, so its cell has a card
let shown = -1;
let waiting = false;
let aloft = 0; // 0 on the grid, 1 in the cloud, and between them

// OpenSeadragon would put a style into the page, which its policy forbids, unless it finds one that is called so: this
// is none, for it is of no namespace.
if (!document.querySelector("style[data-openseadragon-mobile-css]")) {
  const none = document.createElementNS(null, "style");
  none.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(none);
}

const { kind, url, ...tiling } = data.picture;
const mosaicUrl = data.base + url;

/* One picture, halved until it is small: a small view neither flickers nor reads every pixel. */
class OnePicture extends OpenSeadragon.ImageTileSource {
  _createContext2D(source, across, down) {
    let from = source;
    let [w, h] = [source.naturalWidth, source.naturalHeight];
    let context2d;
    do {
      [w, h] = [Math.max(across, Math.ceil(w / 2)), Math.max(down, Math.ceil(h / 2))];
      const canvas2d = document.createElement("canvas");
      [canvas2d.width, canvas2d.height] = [w, h];
      context2d = canvas2d.getContext("2d");
      context2d.imageSmoothingQuality = "high";
      context2d.drawImage(from, 0, 0, w, h);
      from = canvas2d;
    } while (w > across || h > down);
    return context2d;
  }
}

const source = kind === "tiles"
  ? { Image: { xmlns: "http://schemas.microsoft.com/deepzoom/2008", Url: mosaicUrl, Format: tiling.format, Overlap: tiling.overlap,
    TileSize: tiling.tileSize, Size: { Width: tiling.width, Height: tiling.height } } }
  : new OnePicture({ type: "image", url: mosaicUrl });

const osd = new OpenSeadragon.Viewer({
  element: byId("view"),
  tileSources: source,
  drawer: "canvas", // the others read pixels, which a page from disk may not
  showNavigationControl: false,
  animationTime: calm.matches ? 0 : 0.35,
  springStiffness: 9,
  blendTime: 0.1,
  imageLoaderLimit: 12,
  maxImageCacheCount: 400,
  minZoomImageRatio: 1,
  minPixelRatio: 0.6,
  visibilityRatio: 0.6,
  zoomPerScroll: 1.25,
  tabIndex: -1,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true, flickEnabled: true },
  gestureSettingsPen: { clickToZoom: false },
});
const viewport = () => osd.viewport;
const point = (x, y) => new OpenSeadragon.Point(x, y);

/* Where the mosaic lies now, or will when it has come to rest. */
function viewNow(isMoving = true) {
  const origin = viewport().pixelFromPointNoRotate(point(0, 0), isMoving);
  const right = viewport().pixelFromPointNoRotate(point(1, 0), isMoving);
  return { scale: (right.x - origin.x) / width, x: origin.x, y: origin.y };
}

function margins() {
  const edge = narrow.matches ? 12 : low.matches ? 16 : 32;
  // On phones cards come from below.
  const bottom = narrow.matches ? Math.max(64, size.height * 0.3) : low.matches ? edge : 64;
  return { left: edge, top: edge, right: edge, bottom };
}

function fitWall() {
  const box = stage.getBoundingClientRect();
  if (!box.width || !box.height) return;
  const atHome = !size.width || Math.abs(view.scale / home - 1) < 1e-3;
  size = { width: box.width, height: box.height, ratio: window.devicePixelRatio || 1 };
  canvas.width = Math.round(box.width * size.ratio);
  canvas.height = Math.round(box.height * size.ratio);
  if (!osd.isOpen()) return;
  viewport().setMargins(margins());
  viewport().resize(point(box.width, box.height), true);
  const most = Math.max(1, (Math.min(640, size.width, size.height) * 0.8) / tile);
  viewport().maxZoomLevel = Math.max(viewport().getHomeZoom(), viewport().imageToViewportZoom(most));
  viewport().minZoomLevel = viewport().getHomeZoom();
  if (atHome) viewport().goHome(true);
  home = viewNowAt(viewport().getHomeZoom());
  osd.forceRedraw();
  follow();
}

const viewNowAt = (zoom) => (viewNow(false).scale * zoom) / viewport().getZoom(false);

function follow() {
  view = viewNow();
  byId("keys").classList.toggle("gone", view.scale > home * 1.01);
  draw();
  if (shown >= 0) placeCard();
}

/* Whether nothing moves any more. */
function isResting() {
  const [now, then] = [viewNow(true), viewNow(false)];
  return !waiting && Math.abs(now.scale / then.scale - 1) < 1e-6 && Math.hypot(now.x - then.x, now.y - then.y) < 0.05;
}

const isAtOnce = () => calm.matches;
const showAll = () => viewport().goHome(isAtOnce());

function zoomBy(factor, x = size.width / 2, y = size.height / 2) {
  viewport().zoomBy(factor, viewport().pointFromPixel(point(x, y), true), isAtOnce());
  viewport().applyConstraints(isAtOnce());
}

function panBy(x, y) {
  viewport().panBy(viewport().deltaPointsFromPixels(point(-x, -y)), isAtOnce());
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
  context.clearRect(0, 0, size.width, size.height);
  if (aloft) drawSprites();
  else if (colours.repaint) repaintWall();
  drawSharp();
  painters.forEach((paint) => paint());
  if (hovered >= 0 && hovered !== shown) ring(hovered, 1);
  if (shown >= 0) ring(shown, 2);
}

/* Zoomed in beyond the mosaic's own pixels, the larger copies of the few pictures in the window lie over their cells. */
const MOST_SHARP = 60;
const sharp = new Map();

function drawSharp() {
  const side = tile * view.scale;
  if (!data.sharp || side * size.ratio < tile * 1.25 || ((size.width / side) * size.height) / side > MOST_SHARP) return;
  for (const index of seenImages()) {
    const path = value("picture", index);
    if (!pieces[pieceOf(index)]) fetchPiece(pieceOf(index)).then(redraw);
    if (path == null) continue;
    let image = sharp.get(index);
    sharp.delete(index); // and back to the end: those that were not seen for longest go first
    if (!image) {
      image = new Image();
      image.onload = redraw;
      image.src = data.base + path;
    }
    sharp.set(index, image);
    if (!image.complete || !image.naturalWidth) continue;
    const box = boxOf(index);
    const [w, h] = [image.naturalWidth, image.naturalHeight];
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.save();
    if (isHexagonal) {
      context.beginPath();
      outline(context, box);
      context.clip();
    }
    if (data.fit === "contain") {
      const by = Math.min(box.side / w, box.tall / h);
      context.drawImage(image, box.left + (box.side - w * by) / 2, box.top + (box.tall - h * by) / 2, w * by, h * by);
    } else {
      const by = Math.min(w / box.side, h / box.tall);
      const [across, down] = [box.side * by, box.tall * by];
      context.drawImage(image, (w - across) / 2, (h - down) / 2, across, down, box.left, box.top, box.side, box.tall);
    }
    context.restore();
  }
  for (const index of sharp.keys()) {
    if (sharp.size <= 4 * MOST_SHARP) break;
    sharp.delete(index);
  }
}

/* The mosaic was painted on a ground of the other brightness: gutters and holes take the colour of this wall. */
const holes = cellPixels();

function paintHoles() {
  const pixels = new ImageData(columns, rows);
  const wall = [...colours.wallBytes, 255];
  imageAt.forEach((index, cell) => { if (index < 0) pixels.data.set(wall, cell * 4); });
  holes.getContext("2d").putImageData(pixels, 0, 0);
}

function repaintWall() {
  if (isHexagonal) {
    repaintAroundHexagons();
    return;
  }
  const { scale, x, y } = view;
  if (count < columns * rows) drawCells(holes, () => null);
  if (!gutter) return;
  context.fillStyle = colours.wall;
  const { across, down } = seenCells();
  const edge = 2; // pixels by which the mosaic's rim reaches out
  const [left, top] = [Math.max(0, x - edge), Math.max(0, y - edge)];
  const [right, bottom] = [Math.min(size.width, width * scale + x + edge), Math.min(size.height, height * scale + y + edge)];
  const line = gutter * scale;
  const bleed = line * size.ratio < 1 ? 0 : 0.5 / size.ratio; // as far as smoothing carries the old ground into the tiles
  const before = (at) => (at ? bleed : edge);
  const after = (at, most) => (at < most ? bleed : edge);
  for (let column = across[0]; column <= across[1]; column += 1) {
    context.fillRect(column * pitch * scale + x - before(column), top, line + before(column) + after(column, columns), bottom - top);
  }
  for (let row = down[0]; row <= down[1]; row += 1) {
    context.fillRect(left, row * pitch * scale + y - before(row), right - left, line + before(row) + after(row, rows));
  }
}

/* All but the images themselves, out to where the mosaic's rim reaches. */
function repaintAroundHexagons() {
  const edge = 2;
  const [left, top, right, bottom] = [view.x - edge, view.y - edge, width * view.scale + view.x + edge, height * view.scale + view.y + edge];
  context.fillStyle = colours.wall;
  if (isTiny()) {
    drawGround();
    context.fillRect(left, top, right - left, edge);
    context.fillRect(left, bottom - edge, right - left, edge);
    context.fillRect(left, top, edge, bottom - top);
    context.fillRect(right - edge, top, edge, bottom - top);
    return;
  }
  context.fillRect(left, top, right - left, bottom - top);
  // With a gutter, smoothing carries the old ground into the tiles; without one, rows meet within half a pixel.
  const outward = gutter ? -0.5 / size.ratio : SEAM * view.scale;
  context.globalCompositeOperation = "destination-out";
  for (const [, path] of outlines(() => "any", outward)) context.fill(path);
  context.globalCompositeOperation = "source-over";
}

const SEAM = 0.5; // pixels of the mosaic

/* The same for the whole wall, painted once, with a stamp: many hexagons take too long for every frame. */
const GROUND = 2048; // pixels of its longer side
let ground = null; // {picture, colour}

function drawGround() {
  if (ground?.colour !== colours.wall) {
    const by = Math.min(1, GROUND / Math.max(width, height));
    const stamp = stamped(by, gutter ? 0 : SEAM * by);
    const picture = element("canvas", { width: Math.ceil(width * by), height: Math.ceil(height * by) });
    const brush = picture.getContext("2d");
    brush.fillStyle = colours.wall;
    brush.fillRect(0, 0, picture.width, picture.height);
    brush.globalCompositeOperation = "destination-out";
    for (let index = 0; index < count; index += 1) brush.drawImage(stamp, leftOf(index) * by - 1, topOf(index) * by - 1);
    ground = { picture, colour: colours.wall };
  }
  context.imageSmoothingEnabled = true;
  context.drawImage(ground.picture, view.x, view.y, width * view.scale, height * view.scale);
}

function ring(index, thickness) {
  const box = boxOf(index);
  const around = (colour, outside, line) => {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.beginPath();
    outline(context, box, outside);
    context.stroke();
  };
  if (thickness > 1) around(colours.wall, 3.5, 3);
  around(colours.ink, thickness / 2, thickness);
}

/* The picture of a cell, from the mosaic's largest level. */
function drawCrop(index, onto, side) {
  // Half a pixel inside, so that smoothing takes nothing from the neighbours.
  const [left, top, wide, high] = [leftOf(index) + 0.5, topOf(index) + 0.5, tile - 1, tall - 1];
  const by = side / high;
  [onto.width, onto.height] = [Math.round(wide * by), side];
  const brush = onto.getContext("2d");
  brush.imageSmoothingQuality = "high";
  if (isHexagonal) {
    outline(brush, { left: 0, top: 0, side: onto.width, tall: onto.height });
    brush.clip();
  }
  for (const { image, x, y } of partsUnder(left, top, wide, high)) {
    const paint = () => { if (shown === index) brush.drawImage(image, (x - left) * by, (y - top) * by, image.naturalWidth * by, image.naturalHeight * by); };
    if (image.complete) paint();
    else image.addEventListener("load", paint, { once: true });
  }
}

// The last few tiles stay decoded.
const tileImages = new Map();

function tileImage(address) {
  const image = tileImages.get(address) ?? Object.assign(new Image(), { decoding: "async", src: address });
  tileImages.delete(address);
  tileImages.set(address, image);
  if (tileImages.size > 48) tileImages.delete(tileImages.keys().next().value);
  return image;
}

function partsUnder(left, top, wide, high) {
  if (kind !== "tiles") return osd.isOpen() ? [{ image: source.image, x: 0, y: 0 }] : [];
  const { tileSize, overlap, format } = tiling;
  const level = Math.ceil(Math.log2(Math.max(tiling.width, tiling.height)));
  const found = [];
  for (let row = Math.floor(top / tileSize); row * tileSize < top + high; row += 1) {
    for (let column = Math.floor(left / tileSize); column * tileSize < left + wide; column += 1) {
      const image = tileImage(`${mosaicUrl}${level}/${column}_${row}.${format}`);
      found.push({ image, x: column * tileSize - (column ? overlap : 0), y: row * tileSize - (row ? overlap : 0) });
    }
  }
  return found;
}
