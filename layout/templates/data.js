const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const { columns, rows, tile, gutter } = data;
const pitch = tile + gutter;
const width = columns * pitch + gutter;
const height = rows * pitch + gutter;
const cards = data.cards.map((values) => Object.fromEntries(data.fields.map((field, i) => [field, values[i]])));
const number = (value) => value.toLocaleString("en");

// From cell to image in one step, however large the mosaic is.
const imageAt = new Int32Array(columns * rows).fill(-1);
data.cells.forEach((cell, index) => { imageAt[cell] = index; });

const stage = byId("stage");
const canvas = byId("view");
const context = canvas.getContext("2d");
const card = byId("card");
const crop = byId("crop");
const picture = byId("picture");
const search = byId("search");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const darkness = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 640px)");

const mosaic = new Image();
const levels = []; // halves of halves, so that a small view neither flickers nor reads every pixel
let ready = false;
let size = { width: 0, height: 0, ratio: 1 };
let view = { scale: 1, x: 0, y: 0 };
let colours = {};
let hovered = -1;
let focused = -1;
let pinned = -1;
let walking = false; // the keyboard was used last, so its cell has a card
let shown = -1;
let waiting = false;
let flight = 0;

/* What is looked for */

const folded = (text) => String(text).normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase();
const UNKNOWN = { source: "Unknown", license: "Unknown" };
const haystacks = cards.map((each) => folded(
  [each.title, each.creator, each.source, each.license ?? "unknown", each.date, each.file].filter((part) => part != null).join("\n")));
const wanted = { source: new Set(), license: new Set() };
const found = new Uint8Array(cards.length).fill(1);
const veil = cellPixels();
const tint = cellPixels();
const COLOURS = ["#d8573f", "#e0a32e", "#2f9e8f", "#7f6bd1", "#4b86d9", "#7fa33c", "#cf5c94", "#b0763a", "#4aa9c4", "#8d8577"];
const MOST_CHIPS = 12;
const colourOf = { source: new Map(), license: new Map() };
let outlined = []; // of each image found, the colour of the chip that found it
let narrowed = false;

/* A canvas of one pixel a cell: drawn large, it costs the same for ten images and for a hundred thousand. */
function cellPixels() {
  const pixels = document.createElement("canvas");
  pixels.width = columns;
  pixels.height = rows;
  return pixels;
}

function filter() {
  const words = folded(search.value).split(/\s+/u).filter(Boolean);
  let count = 0;
  cards.forEach((each, index) => {
    const fits = words.every((word) => haystacks[index].includes(word))
      && Object.keys(wanted).every((field) => !wanted[field].size || wanted[field].has(each[field] ?? UNKNOWN[field]));
    found[index] = fits ? 1 : 0;
    count += found[index];
  });
  narrowed = count < cards.length;
  const field = Object.keys(wanted).find((each) => wanted[each].size);
  outlined = field ? cards.map((each, index) => (found[index] ? colourOf[field].get(each[field] ?? UNKNOWN[field]) : null)) : [];
  byId("status").textContent = narrowed || words.length
    ? `${number(count)} of ${number(cards.length)} images`
    : `${number(cards.length)} image${cards.length === 1 ? "" : "s"}`;
  paintVeil();
  redraw();
}

function paintVeil() {
  const pixels = new ImageData(columns, rows);
  data.cells.forEach((cell, index) => {
    if (!found[index]) pixels.data.set([...colours.wallBytes, 222], cell * 4);
  });
  veil.getContext("2d").putImageData(pixels, 0, 0);
  const brush = tint.getContext("2d");
  brush.clearRect(0, 0, columns, rows);
  outlined.forEach((colour, index) => {
    if (!colour) return;
    brush.fillStyle = colour;
    brush.fillRect(data.cells[index] % columns, Math.floor(data.cells[index] / columns), 1, 1);
  });
}

function makeFilters() {
  const labels = { source: "Source", license: "Licence" };
  let used = 0;
  for (const [field, label] of Object.entries(labels)) {
    const counts = new Map();
    for (const each of cards) {
      const value = each[field] ?? UNKNOWN[field];
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    if (counts.size < 2) continue;
    const group = document.createElement("div");
    group.className = "group";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    const heading = document.createElement("span");
    heading.textContent = label;
    group.append(heading);
    for (const [value, count] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST_CHIPS)) {
      colourOf[field].set(value, COLOURS[used % COLOURS.length]);
      used += 1;
      group.append(chip(field, value, count));
    }
    byId("filters").append(group);
    byId("filters").hidden = false;
  }
}

function chip(field, value, count) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip";
  button.setAttribute("aria-pressed", "false");
  button.style.setProperty("--chip", colourOf[field].get(value));
  const tally = document.createElement("small");
  tally.textContent = number(count);
  button.append(String(value), tally);
  button.addEventListener("click", () => {
    const pressed = !wanted[field].delete(value);
    if (pressed) wanted[field].add(value);
    button.setAttribute("aria-pressed", String(pressed));
    filter();
  });
  return button;
}

function nextFound(step) {
  const order = data.cells.map((cell, index) => [cell, index]).filter(([, index]) => found[index]).sort((a, b) => a[0] - b[0]);
  if (!order.length) return;
  const current = order.findIndex(([, index]) => index === focused);
  const [, index] = order[current < 0 ? (step > 0 ? 0 : order.length - 1) : (current + step + order.length) % order.length];
  walkTo(index);
}
