"use strict";

(() => {
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
  const veil = document.createElement("canvas"); // one pixel a cell
  veil.width = columns;
  veil.height = rows;
  let narrowed = false;

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
  }

  function makeFilters() {
    const labels = { source: "Source", license: "Licence" };
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
      for (const [value, count] of [...counts].sort((a, b) => b[1] - a[1])) group.append(chip(field, value, count));
      byId("filters").append(group);
      byId("filters").hidden = false;
    }
  }

  function chip(field, value, count) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    button.setAttribute("aria-pressed", "false");
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

  /* The view: screen = mosaic * scale + offset */

  function whole() {
    const room = narrow.matches ? 12 : 32;
    const scale = Math.min((size.width - 2 * room) / width, (size.height - 2 * room) / height);
    return { scale, x: (size.width - width * scale) / 2, y: (size.height - height * scale) / 2 };
  }

  const scaleBounds = () => {
    const all = whole().scale;
    return [Math.min(all, 1), Math.max(all, Math.min(640, size.width, size.height) / tile * 0.8)];
  };

  function bounded(next) {
    const [least, most] = scaleBounds();
    const scale = Math.min(most, Math.max(least, next.scale));
    const hold = (offset, length, room) => {
      const slack = Math.max(0, (room - length) / 2);
      const margin = Math.min(room / 2, 160);
      return length <= room ? slack : Math.min(margin, Math.max(room - length - margin, offset));
    };
    return { scale, x: hold(next.x, width * scale, size.width), y: hold(next.y, height * scale, size.height) };
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
    if (hovered >= 0 && hovered !== shown) ring(hovered, 1);
    if (shown >= 0) ring(shown, 2);
  }

  /* The mosaic was painted on a ground of the other brightness: gutters and holes take the colour of this wall. */
  function repaintWall(left, top, right, bottom) {
    const { scale, x, y } = view;
    const bleed = 0.5 / size.ratio;
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

  /* The card */

  function link(url, text) {
    let address;
    try { address = new URL(url); } catch { address = null; }
    if (!address || (address.protocol !== "https:" && address.protocol !== "http:")) return document.createTextNode(text);
    const anchor = document.createElement("a");
    anchor.href = address.href;
    anchor.rel = "noopener noreferrer";
    anchor.target = "_blank";
    anchor.textContent = text;
    return anchor;
  }

  function tell(id, value, url, unknown) {
    const place = byId(id);
    place.replaceChildren(value == null ? unknown ?? "" : url ? link(url, String(value)) : String(value));
    place.classList.toggle("doubt", value == null);
    if (place.tagName === "DD") place.parentElement.hidden = value == null && !unknown;
  }

  function dated(text) {
    if (text == null) return null;
    const day = /^(\d{4})-(\d\d)-(\d\d)(?:$|[T ])/.exec(text);
    const date = day && new Date(Date.UTC(+day[1], +day[2] - 1, +day[3]));
    return date && !Number.isNaN(+date)
      ? date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" })
      : text;
  }

  function fillCard(index) {
    const each = cards[index];
    byId("title").textContent = each.title ?? "Untitled";
    byId("title").classList.toggle("none", each.title == null);
    tell("creator", each.creator, each.creator_url, "Creator unknown");
    tell("license", each.license, each.license_url, "unknown");
    tell("source", each.source);
    tell("date", dated(each.date));
    tell("size", each.width && each.height ? `${number(each.width)} × ${number(each.height)} px` : null);
    const page = each.page_url ? link(each.page_url, "Source page") : null;
    byId("page").replaceChildren(...(page ? [page] : []));
    byId("page").hidden = !page || page.nodeType === Node.TEXT_NODE;
    const side = Math.round(296 * size.ratio);
    crop.width = crop.height = side;
    const cell = data.cells[index];
    const brush = crop.getContext("2d");
    brush.imageSmoothingQuality = "high";
    if (ready) {
      brush.drawImage(mosaic, gutter + (cell % columns) * pitch, gutter + Math.floor(cell / columns) * pitch, tile, tile, 0, 0, side, side);
    }
    crop.hidden = false;
    picture.hidden = true;
    picture.removeAttribute("src");
    if (each.picture) picture.src = each.picture;
  }

  picture.addEventListener("load", () => {
    picture.hidden = false;
    crop.hidden = true;
    if (shown >= 0) placeCard();
  });

  function showCard() {
    const next = pinned >= 0 ? pinned : walking ? focused : hovered;
    card.classList.toggle("pinned", pinned >= 0);
    if (next !== shown) {
      shown = next;
      if (shown >= 0) fillCard(shown);
      card.hidden = shown < 0;
      draw();
    }
    if (shown >= 0) placeCard();
  }

  /* Beside its cell, on the side with more room, never over it. */
  function placeCard() {
    if (narrow.matches) return;
    const { left, top, side } = boxOf(shown);
    const gap = 16;
    const [across, down] = [card.offsetWidth, card.offsetHeight];
    const fitsRight = left + side + gap + across + gap <= size.width;
    const x = fitsRight ? left + side + gap : left - gap - across;
    const y = top + side / 2 - down / 3;
    const inside = (value, room) => Math.max(gap, Math.min(room - gap, value));
    card.style.transform = `translate(${Math.round(inside(x, size.width - across))}px, ${Math.round(inside(y, size.height - down))}px)`;
  }

  function pin(index) {
    pinned = index;
    if (index >= 0) focused = index;
    redraw();
  }

  function walkTo(index) {
    focused = index;
    walking = true;
    if (pinned >= 0) pinned = index;
    const { left, top, side } = boxOf(index);
    const margin = Math.min(80, size.width / 6, size.height / 6);
    const low = narrow.matches ? size.height * 0.45 : size.height;
    const shift = (near, room) => (near < margin ? margin - near : near + side > room - margin ? room - margin - near - side : 0);
    const moved = { ...view, x: view.x + shift(left, size.width), y: view.y + shift(top, low) };
    const needed = left < 0 || top < 0 || left + side > size.width || top + side > low;
    if (needed) flyTo(moved);
    redraw();
  }

  function step(across, down) {
    if (focused < 0) return walkTo(hovered >= 0 ? hovered : data.cells.indexOf(Math.min(...data.cells)));
    const cell = data.cells[focused];
    let column = (cell % columns) + across;
    let row = Math.floor(cell / columns) + down;
    for (; column >= 0 && row >= 0 && column < columns && row < rows; column += across, row += down) {
      const index = imageAt[row * columns + column];
      if (index >= 0) return walkTo(index);
    }
    return walkTo(focused);
  }

  function dismiss() {
    if (pinned >= 0) pinned = -1;
    else focused = -1;
    walking = false;
    hovered = -1;
    redraw();
  }

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
})();
