/* What is shown: images are numbered row by row, so that a cell's image, and the piece its card is in, need no search. */

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const { columns, rows, tile, gutter, count } = data;
const pitch = tile + gutter;
// Hexagons are higher than wide, their rows reach into each other, and every other one lies half a cell to the right.
const { tall, rowPitch, shift } = data.hexagons ?? { tall: tile, rowPitch: pitch, shift: 0 };
const width = columns * pitch + gutter + (rows > 1 ? shift : 0);
const height = (rows - 1) * rowPitch + tall + 2 * gutter;
const number = (value) => value.toLocaleString("en");
const images = (n) => `${number(n)} image${n === 1 ? "" : "s"}`;
const columnOf = (index) => cells[index] % columns;
const rowOf = (index) => Math.floor(cells[index] / columns);
const leftOf = (index) => gutter + columnOf(index) * pitch + (rowOf(index) % 2) * shift;
const topOf = (index) => gutter + rowOf(index) * rowPitch;

// Cells come as runs: so many empty ones, so many with an image, and again.
const cells = new Int32Array(count);
const imageAt = new Int32Array(columns * rows).fill(-1);
{
  let [cell, index] = [0, 0];
  data.runs.forEach((length, turn) => {
    for (let i = 0; turn % 2 && i < length; i += 1) {
      cells[index] = cell + i;
      imageAt[cell + i] = index;
      index += 1;
    }
    cell += length;
  });
}

/* Cards: in pieces, each a script of its own, because a page that was opened from disk may load scripts and nothing else. */

const pieces = new Array(data.pieces).fill(null);
const EAGER = 250_000; // images whose cards are read without being asked for
const asked = new Map();
const arrivals = []; // called with first and last image of what arrived

globalThis.mosaicPiece = (n, piece) => { pieces[n] = piece; };

function fetchPiece(n) {
  if (!asked.has(n)) {
    asked.set(n, new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = `${data.base}${data.folder}/${n}.js`;
      script.onload = script.onerror = () => {
        script.remove();
        if (pieces[n]) arrivals.forEach((tell) => tell(n * data.size, Math.min(count, (n + 1) * data.size)));
        resolve(pieces[n] !== null);
      };
      document.head.append(script);
    }));
  }
  return asked.get(n);
}

/* All pieces, one after another, so that pointers and keys get their turn in between; a server is asked for a few at once. */
const LANES = location.protocol === "file:" ? 1 : 4;
let everything = null;
function fetchAll() {
  let next = 0;
  const lane = async () => {
    while (next < pieces.length) await fetchPiece(next++);
  };
  everything ??= Promise.all(Array.from({ length: LANES }, lane));
  return everything;
}

const pieceOf = (index) => Math.floor(index / data.size);

/* A column is a list, or {all: value}, or {of: values, at: which of them each has}, or {near: values with the beginning `stem` left out}. */
function cellOf(column, i) {
  if (column == null) return null;
  if (Array.isArray(column)) return column[i];
  if ("all" in column) return column.all;
  if ("of" in column) return column.of[column.at[i]];
  return column.near[i] == null ? null : column.stem + column.near[i];
}

function value(field, index) {
  const piece = pieces[pieceOf(index)];
  return piece ? cellOf(piece[field], index % data.size) ?? null : null;
}

const cardOf = (index) => (pieces[pieceOf(index)]
  ? Object.fromEntries(data.fields.map((field) => [field, value(field, index)]))
  : null);

/* What images are told apart by: categories, whose values `data.facets` lists, and numbers. */
const facets = new Map(data.facets.map((facet) => [facet.key, facet]));

function categoryOf(facet, index) {
  const found = value(`is:${facet.key}`, index);
  return found ?? -1;
}

const folded = (text) => String(text).normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase();

// Characters that make a line read otherwise than it is stored: they are left out wherever metadata is shown.
const UNSEEN = /[\u202A-\u202E\u2066-\u2069\u200E\u200F\u061C]/gu;
const readable = (text) => String(text).replace(UNSEEN, "");
