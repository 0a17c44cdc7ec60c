"""Sitemaps, numbered pages and cards that scripts open, over real sockets and in the system's own Chromium."""

from __future__ import annotations

import gzip

HTML = (("Content-Type", "text/html"),)
XML = (("Content-Type", "application/xml"),)

LIGHTBOX = """<!doctype html><html><body><main>
<a class="card" href="/elsewhere" data-n="0">one</a> <button class="card" data-n="1">two</button>
<button class="card" data-n="2">broken</button> <button class="card" data-n="3">four</button></main>
<div class="lightbox" hidden></div>
<script>
const box = document.querySelector(".lightbox");
for (const card of document.querySelectorAll(".card")) card.addEventListener("click", async event => {
  event.preventDefault();
  if (card.dataset.n === "2") return;
  const work = await (await fetch(`/api/${card.dataset.n}`)).json();
  const image = new Image();
  image.onload = () => {  // as many viewers do, this one shows nothing before the picture is there
    box.innerHTML = `<h2>${work.title}</h2><a rel="license" href="${work.license}">licence</a>`;
    box.append(image);
    box.hidden = false;
    history.replaceState(null, "", `#/work/${card.dataset.n}`);
  };
  image.src = work.image;
});
addEventListener("keydown", event => { if (event.key === "Escape") box.hidden = true; });
</script></body></html>"""


def test_cards_are_opened_one_by_one_and_read(desk, site, jpeg):
    site.add("/wall", LIGHTBOX, headers=HTML)
    for number in range(4):
        work = f'{{"image": "/{number}.jpg", "title": "Work {number}", "license": "https://creativecommons.org/licenses/by/4.0/"}}'
        site.add(f"/api/{number}", work, headers=(("Content-Type", "application/json"),))
        site.add(f"/{number}.jpg", jpeg(number))
    browser = {"enabled": True, "open_card": ".card", "card_view": ".lightbox", "pause": 0, "timeout": 10}

    done = desk.crawl(desk.source(options={"start": [f"{site.url}/wall"], "browser": browser}))

    assert (done.code, done.finished["stored"]) == (3, 3), done.stderr
    assert "1 of 4 cards showed no picture when they were opened" in done.finished["message"]
    assert desk.fates("title, license, page_url") == {
        f"/{number}.jpg": (f"Work {number}", "CC-BY-4.0", f"{site.url}/wall#/work/{number}") for number in (0, 1, 3)
    }
    assert site.asked("/0.jpg") == ["/0.jpg"]  # by the crawl alone, not by the browser
    assert not site.asked("/elsewhere")


def test_robots_txt_and_its_delay_hold_for_the_browser(desk, site, jpeg):
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 1\nDisallow: /private\n")
    for number in range(4):
        site.add(f"/{number}.jpg", jpeg(number))
        script = f"""document.querySelector("main").innerHTML = '<img src="/{number}.jpg">'"""
        site.add(f"/page{number}", f"<!doctype html><main></main><script>{script}</script>", headers=HTML)
    starts = [f"{site.url}{path}" for path in ("/page0", "/private", "/page1", "/page2", "/page3")]

    done = desk.crawl(desk.source(options={"start": starts, "browser": {"enabled": True}}))

    assert done.finished["stored"] == 4, done.stderr
    assert not site.asked("/private")
    times = [asked.at for asked in site.log]
    # A browser takes its time to open a page, so that two may arrive a little closer than they were sent.
    assert times[-1] - times[0] > 0.8 * (len(times) - 1)


def test_sitemaps_and_numbered_pages(desk, site, jpeg):
    for name in ("a", "b", "c", "d", "e", "f"):
        site.add(f"/{name}.jpg", jpeg(ord(name)))
    site.add("/robots.txt", f"User-agent: *\nSitemap: {site.url}/index.xml\n")
    nested = "".join(f"<sitemap><loc>{site.url}/{name}</loc></sitemap>" for name in ("s.xml.gz", "bad.xml"))
    site.add("/index.xml", f"<sitemapindex>{nested}</sitemapindex>", headers=XML)
    entries = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:i="http://www.google.com/schemas/sitemap-image/1.1">'
        f"<url><loc>{site.url}/w/1</loc><i:image><i:loc>/a.jpg</i:loc><i:title>A</i:title></i:image></url>"
        f"<url><loc>{site.url}/w/2</loc></url></urlset>"
    )
    site.add("/s.xml.gz", gzip.compress(entries.encode()), headers=(("Content-Type", "application/gzip"),))
    site.add("/bad.xml", "<!DOCTYPE x [<!ENTITY y 'z'>]><urlset>&y;", headers=XML)
    site.add_gallery(["/b.jpg"], path="/w/2")
    for number, names in enumerate(["c", "de", "f", "f"], start=1):
        site.add_gallery([f"/{name}.jpg" for name in names], path=f"/works?page={number}")
    site.add("/bare", "<!doctype html><p>Nothing to see", headers=HTML)
    starts = [f"{site.url}/works?page={{page}}", f"{site.url}/bare"]

    done = desk.crawl(desk.source(options={"start": starts, "sitemaps": ["auto"]}))

    assert done.code == 3
    assert done.finished["stored"] == 6, done.stderr
    assert desk.fates("page_url")["/a.jpg"] == (f"{site.url}/w/1",)
    assert f"{site.url}/bad.xml is no sitemap" in done.stderr
    assert f"{site.url}/bare: no picture was found here; say where in options.select" in done.stderr
    assert site.asked("/works")[-1] == "/works?page=4"
