"use strict";

const wall = document.querySelector("#wall");
const more = document.querySelector("#more");
const count = document.querySelector("#count");
let page = 0;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function card(work) {
  const file = work.sizes.at(-1);
  const image = element("img", { src: work.sizes[0].url, alt: work.caption, loading: "lazy", sizes: "240px" });
  if (work.sizes.length > 1) {
    image.setAttribute("srcset", work.sizes.map((size) => `${size.url} ${size.width}w`).join(", "));
  }
  const words = [element("span", { class: "title" }, work.title)];
  if (work.creator) words.push(element("span", { class: "creator" }, work.creator));
  words.push(element("time", { datetime: String(work.year) }, String(work.year)));
  if (work.licence) words.push(element("a", { rel: "license", href: work.licence.url }, work.licence.label));
  return element(
    "figure",
    { class: "work", id: work.slug },
    element("a", { class: "frame", href: file.url }, image),
    element("figcaption", {}, ...words),
  );
}

async function load() {
  more.disabled = true;
  const answer = await fetch(`/api/works?page=${page + 1}`);
  const listing = await answer.json();
  page = listing.page;
  wall.append(...listing.works.map(card));
  count.textContent = `${wall.childElementCount} of ${listing.total} works`;
  more.hidden = page >= listing.pages;
  more.disabled = false;
}

more.addEventListener("click", load);
load();
