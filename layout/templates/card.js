/* The card */

const card = byId("card");
const crop = byId("crop");
const picture = byId("picture");

/* An address that a browser may follow, or null: metadata may hold javascript: and its like. */
function webAddress(text) {
  try {
    const address = new URL(text);
    return address.protocol === "https:" || address.protocol === "http:" ? address.href : null;
  } catch {
    return null;
  }
}

function link(text, words) {
  const href = webAddress(text);
  if (!href) return document.createTextNode(readable(words));
  return element("a", { href, rel: "noopener noreferrer", target: "_blank", textContent: readable(words) });
}

function tell(id, words, address, unknown) {
  const place = byId(id);
  place.replaceChildren(words == null ? unknown ?? "" : address ? link(address, words) : readable(words));
  place.classList.toggle("doubt", words == null);
  if (place.tagName === "DD") place.parentElement.hidden = words == null && !unknown;
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
  const each = cardOf(index);
  drawCrop(index, crop, Math.round(296 * size.ratio));
  crop.hidden = false;
  picture.hidden = true;
  picture.removeAttribute("src");
  card.classList.toggle("coming", !each);
  if (!each) {
    fetchPiece(pieceOf(index)).then(() => { if (shown === index) { fillCard(index); placeCard(); } });
    byId("title").textContent = "…";
    for (const id of ["creator", "license", "source", "date", "size", "page", "tags", "copies", "scores", "file"]) byId(id).replaceChildren();
    return;
  }
  byId("title").textContent = each.title == null ? "Untitled" : readable(each.title);
  byId("title").classList.toggle("none", each.title == null);
  tell("creator", each.creator, each.creator_url, "Creator unknown");
  tell("license", each.license, each.license_url, "unknown");
  tell("source", each.source);
  tell("date", dated(each.date));
  tell("size", each.width && each.height ? `${number(each.width)} × ${number(each.height)} px` : null);
  tell("tags", each.labels?.length ? each.labels.join(", ") : null);
  tell("file", each.file);
  tellScores(index);
  tellCopies(each);
  const page = webAddress(each.page_url) ? link(each.page_url, "Source page") : null;
  byId("page").replaceChildren(...(page ? [page] : []));
  byId("page").hidden = !page;
  if (each.picture) picture.src = data.base + each.picture;
  extras.forEach((tellMore) => tellMore(index, each));
}

const extras = []; // called with an image and its card, to say more of it

function tellScores(index) {
  const measured = data.facets.filter((facet) => facet.kind === "numbers")
    .map((facet) => [facet.label, value(`of:${facet.key}`, index)]).filter(([, number]) => number != null);
  byId("scores").replaceChildren(...measured.flatMap(([label, number], turn) => [
    ...(turn ? [element("br")] : []), `${label} ${short(number)}`,
  ]));
  byId("scores").parentElement.hidden = measured.length === 0;
}

/* Copies that were left out for this image: how many, and the first of them. */
function tellCopies(each) {
  const place = byId("copies");
  place.parentElement.hidden = !each.duplicates;
  place.replaceChildren();
  if (!each.duplicates) return;
  const list = element("div", { className: "copies" });
  for (const copy of each.copies ?? []) {
    const name = readable(copy.title ?? copy.source ?? "copy");
    const shown = copy.picture ? element("img", { src: data.base + copy.picture, alt: name, title: name, loading: "lazy" }) : name;
    const href = webAddress(copy.page_url);
    list.append(href ? element("a", { href, rel: "noopener noreferrer", target: "_blank" }, shown) : element("span", {}, shown));
  }
  place.append(`${number(each.duplicates)} left out`, ...(list.childElementCount ? [list] : []));
}

picture.addEventListener("load", () => {
  picture.hidden = false;
  crop.hidden = true;
  if (shown >= 0) placeCard();
});

const current = () => (pinned >= 0 ? pinned : walking ? focused : hovered);

function showCard() {
  const next = current();
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
  const { left, top, side, tall: high } = boxOf(shown);
  const gap = 16;
  const [across, down] = [card.offsetWidth, card.offsetHeight];
  const fitsRight = left + side + gap + across + gap <= size.width;
  const x = fitsRight ? left + side + gap : left - gap - across;
  const y = top + high / 2 - down / 3;
  const inside = (value, room) => Math.max(Math.min(gap, Math.max(0, room)), Math.min(room - gap, value));
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
  const rest = viewNow(false);
  const { left, top, side, tall: high } = boxOf(index, rest);
  const below = narrow.matches ? size.height * 0.45 : size.height;
  const needed = left < 0 || top < 0 || left + side > size.width || top + high > below;
  if (needed) {
    const margin = Math.min(80, size.width / 6, size.height / 6);
    const missing = (near, far, room) => (near < margin ? margin - near : far > room - margin ? room - margin - far : 0);
    panBy(missing(left, left + side, size.width), missing(top, top + high, below));
  }
  redraw();
}

function step(across, down) {
  if (focused < 0) {
    walkTo(hovered >= 0 ? hovered : 0);
    return;
  }
  let column = columnOf(focused) + across;
  let row = rowOf(focused) + down;
  for (; column >= 0 && row >= 0 && column < columns && row < rows; column += across, row += down) {
    const index = imageAt[row * columns + column];
    if (index >= 0) {
      walkTo(index);
      return;
    }
  }
  walkTo(focused);
}

function dismiss() {
  if (pinned >= 0) pinned = -1;
  else focused = -1;
  walking = false;
  hovered = -1;
  redraw();
}
