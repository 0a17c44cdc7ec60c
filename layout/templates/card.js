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
    // Half a pixel inside, so that smoothing takes nothing from the neighbours.
    const [x, y] = [gutter + (cell % columns) * pitch + 0.5, gutter + Math.floor(cell / columns) * pitch + 0.5];
    brush.drawImage(mosaic, x, y, tile - 1, tile - 1, 0, 0, side, side);
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
