"""The second crawl asks for what may have changed and nothing else."""

from __future__ import annotations

import json


def test_a_second_crawl_of_fresh_images_asks_only_for_the_listing(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add("/b.jpg", "<html>", headers=(("Content-Type", "image/jpeg"),))
    site.add_gallery(["/a.jpg", "/b.jpg", "/c.jpg"])
    source = desk.source()
    desk.crawl(source)
    site.log.clear()

    again = desk.crawl(source)

    assert site.asked() == ["/robots.txt", "/"]
    assert (again.code, again.finished["unchanged"], again.finished["broken"], again.finished["gone"]) == (0, 1, 1, 1)
    assert desk.rows("SELECT outcome, reason, count(*) FROM sightings WHERE outcome = 'broken' GROUP BY ALL")[0][2] == 2


def test_an_old_copy_is_revalidated(desk, site, jpeg):
    site.add("/same.jpg", jpeg(1), headers=(("ETag", '"v1"'), ("Last-Modified", "Mon, 28 Jul 2014 17:00:40 GMT")))
    site.add("/new.jpg", jpeg(2), headers=(("ETag", '"v1"'),))
    site.add("/new.jpg", jpeg(3), headers=(("ETag", '"v2"'),))
    site.add_gallery(["/same.jpg", "/new.jpg"])
    source = desk.source(max_age_days=0)
    desk.crawl(source)
    site.log.clear()

    desk.crawl(source)

    asked = {request.path: request.headers for request in site.log}
    assert asked["/same.jpg"]["if-none-match"] == '"v1"'
    assert asked["/same.jpg"]["if-modified-since"] == "Mon, 28 Jul 2014 17:00:40 GMT"
    assert desk.fates("outcome, reason, http_status")["/same.jpg"] == ("unchanged", "not modified", 304)
    assert desk.fates()["/new.jpg"] == ("stored", None)
    assert desk.rows("SELECT count(*) FROM images") == [(3,)]


def test_what_a_changed_config_may_see_otherwise_is_asked_again(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1), headers=(("X-Robots-Tag", "noai"),))
    site.add_gallery(["/a.jpg"])
    desk.crawl(desk.source())
    assert desk.fates()["/a.jpg"][0] == "refused"

    desk.crawl(desk.source(opt_out={"honour": []}))

    assert desk.fates()["/a.jpg"][0] == "stored"


def test_the_limit_counts_images(desk, site, jpeg):
    names = [f"/{number}.jpg" for number in range(30)]
    for number, name in enumerate(names):
        site.add(name, jpeg(number))
    site.add_gallery(names)

    done = desk.crawl(desk.source(expect={"min": 30}), "--limit", "7")

    assert (done.code, done.finished["outcome"]) == (0, "limited")
    assert (done.finished["met"], done.finished["stored"]) == (7, 7)
    assert len([path for path in site.asked() if path.endswith(".jpg")]) == 7


def test_too_few_images_end_with_three(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add_gallery(["/a.jpg"])

    done = desk.crawl(desk.source(expect={"min": 2}))

    assert (done.code, done.finished["outcome"]) == (3, "failed")
    assert done.finished["message"] == "expected at least 2 images (expect.min), got 1 met: 1 stored"
    assert desk.rows("SELECT outcome FROM runs") == [("failed",)]


def test_a_page_that_does_not_answer_ends_with_three_after_the_rest_is_fetched(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add_gallery(["/a.jpg"], head='<link rel="next" href="/page2">')

    done = desk.crawl(desk.source())

    assert (done.code, done.finished["stored"]) == (3, 1)
    assert done.finished["message"] == (f"pages could not be read, so images are missing: {site.url}/page2: HTTP 404")


def test_terms_of_the_source_fill_what_records_lack(desk, site, jpeg):
    page = '<figure><img src="/a.jpg"></figure><figure><img src="/b.jpg"><a rel="license" href="/own">Ours</a></figure>'
    site.add("/", page, headers=(("Content-Type", "text/html"),))
    site.add("/a.jpg", jpeg(1))
    site.add("/b.jpg", jpeg(2))

    desk.crawl(desk.source(license="CC BY 4.0", creator="The Museum", terms="https://museum.example/terms"))

    columns = "creator, license, license_url, license_raw"
    assert desk.fates(columns) == {
        "/a.jpg": ("The Museum", "CC-BY-4.0", "https://museum.example/terms", "CC BY 4.0"),
        "/b.jpg": ("The Museum", None, f"{site.url}/own", "Ours"),
    }


def test_a_page_that_changed_its_mind_is_heard_without_a_fetch(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add_gallery(["/a.jpg"])
    site.add_gallery(["/a.jpg"], head='<meta name="robots" content="noai">')
    source = desk.source()
    desk.crawl(source)
    site.log.clear()

    desk.crawl(source)

    assert desk.fates("outcome, reason, sha256 IS NOT NULL")["/a.jpg"] == ("refused", "meta-robots: noai", True)
    assert site.asked() == ["/robots.txt", "/"]


def test_every_request_goes_by_the_proxy(desk, site, jpeg):
    host = "http://gallery.test"
    page = '<img src="/a.jpg">'
    site.add(f"{host}/works", page, headers=(("Content-Type", "text/html"),))
    site.add(f"{host}/a.jpg", jpeg(1))

    done = desk.crawl(desk.source(options={"start": [f"{host}/works"]}, proxy=site.url))

    assert done.finished["stored"] == 1, done.stderr
    paths = ["/robots.txt", "/works", "/.well-known/tdmrep.json", "/a.jpg"]
    assert site.asked() == [f"{host}{path}" for path in paths]


def test_the_status_says_what_waits_and_until_when(desk, site, harvest):
    site.add("/busy.jpg", "later", status=503)
    site.add_gallery(["/busy.jpg"])
    source = desk.source(pace={"delay": 0, "retries": 0})
    desk.crawl(source)
    desk.crawl(source)

    told = harvest("status", "-w", desk.workspace.root).stdout

    assert [line.split()[:4] for line in told.splitlines() if "http_503" in line] == [["trial", "http_503", "1", "0"]]
    (waiting,) = json.loads(harvest("status", "-w", desk.workspace.root, "--json").stdout)["waiting"]
    assert (waiting["of"], waiting["what"], waiting["count"], waiting["until"] is not None) == (
        "trial",
        "http_503",
        1,
        True,
    )
