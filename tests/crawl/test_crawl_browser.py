"""Pages drawn by scripts, in the system's own Chromium."""

from __future__ import annotations

PAGE = """<!doctype html><html><head><title>Studio</title></head><body><main id="wall"></main>
<button id="more" hidden>more</button>
<script>
let shown = 0;
async function load() {
  const works = await (await fetch(`/api/${shown}`)).json();
  for (const work of works) {
    const figure = document.createElement("figure");
    figure.className = "work";
    figure.innerHTML = `<img src="${work}"><figcaption><span class="title">${work}</span></figcaption>`;
    document.querySelector("#wall").append(figure);
  }
  shown += works.length;
  document.querySelector("#more").hidden = shown >= 9;
}
document.querySelector("#more").addEventListener("click", load);
setTimeout(load, 300);
</script></body></html>"""

GROWING = """<!doctype html><html><body><main id="wall"></main><script>
let shown = 0;
function grow() {
  for (const last = shown + 3; shown < last && shown < 9; shown++) {
    const image = document.createElement("img");
    image.src = `/${shown}.jpg`;
    image.style = "display:block; height:900px; width:50px";
    document.querySelector("#wall").append(image);
  }
}
addEventListener("scroll", () => { if (scrollY + innerHeight > document.body.scrollHeight - 50) grow(); });
grow();
</script></body></html>"""

HTML = (("Content-Type", "text/html"),)


def test_a_button_is_pressed_until_everything_is_there(desk, site, jpeg):
    site.add("/studio", PAGE, headers=HTML)
    for first in range(0, 9, 3):
        works = ", ".join(f'"/{number}.jpg"' for number in range(first, first + 3))
        site.add(f"/api/{first}", f"[{works}]", headers=(("Content-Type", "application/json"),), delay=1.0)
    for number in range(9):
        site.add(f"/{number}.jpg", jpeg(number))
    browser = {"enabled": True, "wait_for": "figure.work", "load_more": "#more"}

    done = desk.crawl(desk.source(options={"start": [f"{site.url}/studio"], "browser": browser}, expect={"min": 9}))

    assert done.code == 0, done.stderr
    assert done.finished["stored"] == 9
    assert sorted(path for path in site.asked() if path.endswith(".jpg")) == [f"/{number}.jpg" for number in range(9)]
    ((title, page),) = desk.rows("SELECT title, page_url FROM sightings WHERE image_url LIKE '%/8.jpg'")
    assert (title, page) == ("/8.jpg", f"{site.url}/studio")
    agents = {asked.headers["user-agent"] for asked in site.log}
    assert agents == {"herbarium-harvester/0.1.0 (+crawler@example.org)"}


def test_a_page_that_never_stops_asking_is_not_waited_for(desk, site, jpeg):
    polls = "<script>const poll = () => fetch('/news').finally(() => setTimeout(poll, 50)); poll();</script>"
    site.add("/wall", GROWING.replace("</body>", f"{polls}</body>"), headers=HTML)
    site.add("/news", "nothing", delay=0.5)
    for number in range(9):
        site.add(f"/{number}.jpg", jpeg(number))
    options = {"start": [f"{site.url}/wall"], "browser": {"enabled": True, "scroll": 20, "timeout": 10}}

    done = desk.crawl(desk.source(options=options))

    assert (done.code, done.finished["stored"]) == (0, 9), done.stderr


def test_a_page_that_grows_is_scrolled_to_its_end(desk, site, jpeg):
    site.add("/wall", GROWING, headers=HTML)
    for number in range(9):
        site.add(f"/{number}.jpg", jpeg(number))
    options = {"start": [f"{site.url}/wall"], "browser": {"enabled": True, "scroll": 20}}

    done = desk.crawl(desk.source(options=options))

    assert (done.code, done.finished["stored"]) == (0, 9), done.stderr


def test_what_never_appears_is_a_page_that_could_not_be_read(desk, site):
    site.add("/studio", "<!doctype html><p>Nothing today", headers=HTML)
    browser = {"enabled": True, "wait_for": "figure.work", "timeout": 1}

    done = desk.crawl(desk.source(options={"start": [f"{site.url}/studio"], "browser": browser}))

    assert done.code == 3
    assert done.finished["message"].startswith(f"pages could not be read, so images are missing: {site.url}/studio")
    assert "Traceback" not in done.stderr
