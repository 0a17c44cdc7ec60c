/* What is looked for, and what colours mean */

// Okabe and Ito's palette, which people with any colour vision tell apart: https://jfly.uni-koeln.de/color/
const PALETTE = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];
const REST = "#9b978f";
// Viridis: https://bids.github.io/colormap/
const RAMP = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const MOST_CHIPS = 24;
const STEPS = 64;

const search = byId("search");
const haystacks = new Array(count);
const found = new Uint8Array(count).fill(1);
const wanted = new Map(); // by facet: a set of values (-1 is unknown), or {least, most}
const veil = cellPixels();
const tint = cellPixels();
const narrowing = []; // more that narrows: {isOn(), fits(index)}
let words = [];
let foundCount = count;
let by = null; // the facet that colours show

const bytesOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const ramp = Array.from({ length: STEPS }, (_, step) => {
  const at = (step / (STEPS - 1)) * (RAMP.length - 1);
  const [from, to] = [bytesOf(RAMP[Math.floor(at)]), bytesOf(RAMP[Math.ceil(at)])];
  const mixed = from.map((part, i) => Math.round(part + (to[i] - part) * (at % 1)));
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
});

const chipColour = (index) => (index < 0 ? REST : PALETTE[index] ?? REST);

function colourAt(index) {
  if (by.kind === "names") {
    return pieces[pieceOf(index)] ? chipColour(categoryOf(by, index)) : null;
  }
  const measured = value(`of:${by.key}`, index);
  if (measured == null) return null;
  const share = by.most > by.least ? (measured - by.least) / (by.most - by.least) : 0.5;
  return ramp[Math.round(Math.min(1, Math.max(0, share)) * (STEPS - 1))];
}

function haystack(index) {
  return haystacks[index] ??= folded([
    value("title", index), value("creator", index), value("source", index), value("license", index) ?? "unknown",
    value("date", index), value("file", index), ...(value("labels", index) ?? []),
  ].filter((part) => part != null).join("\n"));
}

function fits(index) {
  if (!pieces[pieceOf(index)]) return true; // until it is known better
  for (const [key, choice] of wanted) {
    const facet = facets.get(key);
    if (facet.kind === "names") {
      if (!choice.has(categoryOf(facet, index))) return false;
    } else {
      const measured = value(`of:${key}`, index);
      if (measured == null || measured < choice.least || measured > choice.most) return false;
    }
  }
  return narrowing.every((each) => !each.isOn() || each.fits(index)) && words.every((word) => haystack(index).includes(word));
}

const isNarrowed = () => words.length > 0 || wanted.size > 0 || narrowing.some((each) => each.isOn());

/* Look at all images again, or at those that arrived. */
function filter(first = 0, last = count) {
  if (isNarrowed() || by) fetchAll();
  for (let index = first; index < last; index += 1) {
    const fit = fits(index) ? 1 : 0;
    foundCount += fit - found[index];
    found[index] = fit;
  }
  paintVeil(first, last);
  tellFound();
  redraw();
}

function tellFound() {
  const reading = isNarrowed() && pieces.includes(null);
  byId("status").textContent = isNarrowed()
    ? `${number(foundCount)} of ${images(count)}${reading ? "…" : ""}`
    : images(count);
  byId("steps").hidden = !isNarrowed();
  byId("earlier").disabled = byId("later").disabled = foundCount === 0;
  byId("rank").textContent = isNarrowed() && focused >= 0 && found[focused]
    ? `${number(found.subarray(0, focused + 1).reduce((sum, each) => sum + each, 0))} / ${number(foundCount)}` : "";
}

/* Puts cells first to last into a canvas of one pixel a cell; `paint` gives [red, green, blue, alpha] or null. */
function paintCells(pixels, first, last, paint) {
  if (first >= last) return;
  const brush = pixels.getContext("2d", { willReadFrequently: true });
  const [top, bottom] = [rowOf(first), rowOf(last - 1)];
  const part = brush.getImageData(0, top, columns, bottom - top + 1);
  for (let index = first; index < last; index += 1) {
    const at = (cells[index] - top * columns) * 4;
    part.data.set(paint(index) ?? [0, 0, 0, 0], at);
  }
  brush.putImageData(part, 0, top);
}

function paintVeil(first = 0, last = count) {
  const veiled = [...colours.wallBytes, 222];
  paintCells(veil, first, last, (index) => (found[index] ? null : veiled));
}

function paintTint(first = 0, last = count) {
  if (!by) return;
  const bytes = new Map();
  paintCells(tint, first, last, (index) => {
    const colour = colourAt(index);
    if (!colour) return null;
    if (!bytes.has(colour)) bytes.set(colour, [...bytesOf(colour), 255]);
    return bytes.get(colour);
  });
}

painters.push(() => {
  if (by) drawTint();
  if (isNarrowed() && foundCount < count) drawCells(veil, (index) => (found[index] ? null : `rgb(${colours.wallBytes.join(" ")} / 87%)`));
});

/* Around each image the colour of what it is; over it, where cells are too small for a line to be seen. */
const LINES_FROM = 22;
function drawTint() {
  const side = pitch * view.scale;
  if (side < LINES_FROM) return drawCells(tint, colourAt, 0.72);
  const line = Math.min(6, Math.max(2, tile * view.scale * 0.05));
  context.lineWidth = line;
  context.lineJoin = "miter";
  for (const [colour, path] of outlines(colourAt, -line / 2)) {
    context.strokeStyle = colour;
    context.stroke(path);
  }
  return undefined;
}

arrivals.push((first, last) => {
  paintTint(first, last);
  if (isNarrowed()) filter(first, last);
  else if (by) redraw();
});

function nextFound(step) {
  const start = focused < 0 ? (step > 0 ? -1 : count) : focused;
  for (let i = 1; i <= count; i += 1) {
    const index = (((start + step * i) % count) + count) % count;
    if (found[index]) {
      walkTo(index);
      tellFound();
      return;
    }
  }
}

/* Colour by */

const chooser = byId("by");
const legend = byId("legend");

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function colourBy(key) {
  by = facets.get(key) ?? null;
  chooser.value = by ? key : "";
  legend.replaceChildren();
  legend.setAttribute("aria-label", by ? by.label : "");
  if (by) {
    legend.append(...(by.kind === "names" ? chips(by) : scale(by)));
  tint.getContext("2d", { willReadFrequently: true }).clearRect(0, 0, columns, rows);
    paintTint();
    fetchAll();
  }
  tellActive();
  redraw();
}

function chips(facet) {
  const made = facet.values.slice(0, MOST_CHIPS).map((name, index) => chip(facet, index, name, facet.counts[index]));
  if (facet.unknown) made.push(chip(facet, -1, "Unknown", facet.unknown));
  const others = facet.values.length - MOST_CHIPS;
  if (others > 0) made.push(element("span", { className: "more", textContent: `and ${number(others)} more` }));
  return made;
}

function chip(facet, index, name, tally) {
  const button = element("button", { type: "button", className: "chip" }, readable(name), element("small", { textContent: number(tally) }));
  button.style.setProperty("--chip", chipColour(index));
  button.setAttribute("aria-pressed", String(wanted.get(facet.key)?.has(index) ?? false));
  button.addEventListener("click", () => {
    const chosen = wanted.get(facet.key) ?? new Set();
    const pressed = !chosen.delete(index);
    if (pressed) chosen.add(index);
    if (chosen.size) wanted.set(facet.key, chosen);
    else wanted.delete(facet.key);
    button.setAttribute("aria-pressed", String(pressed));
    tellActive();
    filter();
  });
  return button;
}

/* A scale of numbers: how many images have which, in the colours that they are shown in, between two stops to move. */
const short = (measured) => Number(measured.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

function scale(facet) {
  const picture = element("canvas", { width: facet.bins.length * 4, height: 28, className: "bins" });
  const brush = picture.getContext("2d");
  const tallest = Math.max(1, ...facet.bins);
  facet.bins.forEach((tally, bin) => {
    const tall = tally ? Math.max(2, Math.round((Math.sqrt(tally) / Math.sqrt(tallest)) * 28)) : 0;
    brush.fillStyle = ramp[Math.round((bin / (facet.bins.length - 1)) * (STEPS - 1))];
    brush.fillRect(bin * 4, 28 - tall, 4, tall);
  });
  const chosen = wanted.get(facet.key) ?? { least: facet.least, most: facet.most };
  const texts = [element("output", { textContent: short(chosen.least) }), element("output", { textContent: short(chosen.most) })];
  const stops = ["least", "most"].map((end, i) => {
    const stop = element("input", { type: "range", min: "0", max: "1000", step: "1" });
    stop.setAttribute("aria-label", `${i ? "Most" : "Least"}: ${facet.label}`);
    stop.value = String(facet.most > facet.least ? Math.round(((chosen[end] - facet.least) / (facet.most - facet.least)) * 1000) : i * 1000);
    return stop;
  });
  const listen = () => {
    const [low, high] = stops.map((stop) => Number(stop.value)).sort((a, b) => a - b);
    const at = (share) => facet.least + ((facet.most - facet.least) * share) / 1000;
    const next = { least: low ? at(low) : -Infinity, most: high < 1000 ? at(high) : Infinity };
    if (low || high < 1000) wanted.set(facet.key, next);
    else wanted.delete(facet.key);
    texts[0].textContent = short(at(low));
    texts[1].textContent = short(at(high));
    stops.forEach((stop, i) => stop.setAttribute("aria-valuetext", texts[i].textContent));
    tellActive();
    filter();
  };
  stops.forEach((stop) => stop.addEventListener("input", listen));
  const slider = element("div", { className: "slider" }, picture, ...stops);
  return [texts[0], slider, texts[1], ...(facet.unknown ? [element("span", { className: "more", textContent: `${number(facet.unknown)} without` })] : [])];
}

/* Choices among facets that the legend does not show now, each to be taken back. */
function tellActive() {
  const others = [...wanted.keys()].filter((key) => key !== by?.key);
  byId("active").replaceChildren(...others.map((key) => {
    const facet = facets.get(key);
    const choice = wanted.get(key);
    const words = facet.kind === "names"
      ? [...choice].map((index) => (index < 0 ? "Unknown" : readable(facet.values[index]))).join(", ")
      : `${short(Math.max(facet.least, choice.least))} to ${short(Math.min(facet.most, choice.most))}`;
    const button = element("button", { type: "button", className: "chip taken", textContent: `${facet.label}: ${words}` });
    button.setAttribute("aria-label", `No longer only ${facet.label}: ${words}`);
    button.addEventListener("click", () => {
      wanted.delete(key);
      tellActive();
      filter();
    });
    return button;
  }));
}

function look() {
  words = folded(search.value).split(/\s+/u).filter(Boolean);
  filter();
}

function forget() {
  search.value = "";
  look();
}

for (const facet of data.facets) chooser.append(element("option", { value: facet.key, textContent: facet.label }));
byId("filters").hidden = data.facets.length === 0;
chooser.addEventListener("change", () => colourBy(chooser.value));
search.addEventListener("input", look);
byId("earlier").addEventListener("click", () => nextFound(-1));
byId("later").addEventListener("click", () => nextFound(1));
