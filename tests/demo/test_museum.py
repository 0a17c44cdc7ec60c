"""The demo museum over a real socket: it answers as the sources it plays, and its pictures are what its truth says."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from parsel import Selector
from PIL import Image

from harvest.demo.museum import Museum
from harvest.demo.museum.flickr import ALBUM, FLICKR_KEY, GALLERY_ID, GROUP, SEARCH_TAG, nsid
from harvest.demo.museum.planted import KINDS, Planted
from harvest.errors import Broken
from harvest.images.fingerprint import fingerprint
from harvest.licences import from_url
from tests.patience import PATIENCE

API = "http://api.flickr.test/services/rest/"
CDX = "http://web.archive.test/cdx/search/cdx"


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Museum]:
    with Museum(tmp_path_factory.mktemp("museum"), 0, "small") as running:
        yield running


@pytest.fixture
def web(museum: Museum) -> Iterator[httpx.Client]:
    with httpx.Client(proxy=museum.proxy, timeout=PATIENCE, trust_env=False) as client:
        yield client


def of_kind(museum: Museum, kind: str) -> list[Planted]:
    return [one for one in museum.truth if one.kind == kind]


def flickr(web: httpx.Client, method: str, **parameters: str) -> dict[str, object]:
    query = {"method": method, "api_key": FLICKR_KEY, "format": "json", "nojsoncallback": "1", **parameters}
    answer = web.get(API, params=query)
    while answer.status_code == 429:
        assert answer.headers["Retry-After"] == "1"
        answer = web.get(API, params=query)
    return dict(answer.json())


def test_every_kind_is_planted(museum: Museum) -> None:
    counts = Counter(one.kind for one in museum.truth)

    assert set(counts) == set(KINDS)
    assert counts["specimen"] > 80


def test_the_same_seed_plants_the_same(museum: Museum, tmp_path: Path) -> None:
    with Museum(tmp_path / "again", 0, "small") as again:
        assert again.truth == museum.truth


def test_what_is_served_has_the_digest_that_the_truth_gives(museum: Museum, web: httpx.Client) -> None:
    for planted in of_kind(museum, "specimen")[:8] + of_kind(museum, "exact"):
        body = web.get(planted.url).content
        assert hashlib.sha256(body).hexdigest() == planted.sha256, planted.url


def test_an_exact_copy_has_the_bytes_of_its_original(museum: Museum) -> None:
    digests = {one.url: one.sha256 for one in museum.truth}

    for copy in of_kind(museum, "exact"):
        assert copy.of
        assert copy.sha256 == digests[copy.of]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("truncated", "truncated"), ("corrupt", ""), ("html_as_jpg", "not_an_image"), ("bomb", "bomb")],
)
def test_spoilt_files_are_really_spoilt(museum: Museum, web: httpx.Client, kind: str, words: str) -> None:
    for planted in of_kind(museum, kind):
        body = web.get(planted.url).content
        with pytest.raises(Broken) as error:
            fingerprint(body, max_pixels=100_000_000)
        assert words in error.value.kind


def test_origin_and_refusal_are_really_in_the_files(museum: Museum, web: httpx.Client) -> None:
    [synthetic] = of_kind(museum, "synthetic")[:1]
    [reserved] = of_kind(museum, "data_mining")[:1]

    assert (
        fingerprint(web.get(synthetic.url).content, max_pixels=10**8).digital_source_type == "trainedAlgorithmicMedia"
    )
    assert "PROHIBITED" in str(fingerprint(web.get(reserved.url).content, max_pixels=10**8).data_mining)


def test_a_flaky_file_answers_503_twice_and_then_is_there(museum: Museum, web: httpx.Client) -> None:
    flaky = of_kind(museum, "flaky")[0]

    answers = [web.get(flaky.url) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert Image.open(io.BytesIO(answers[2].content)).size


def test_images_are_revalidated(museum: Museum, web: httpx.Client) -> None:
    specimen = of_kind(museum, "specimen")[0]
    first = web.get(specimen.url)

    by_tag = web.get(specimen.url, headers={"If-None-Match": first.headers["ETag"]})
    by_date = web.get(specimen.url, headers={"If-Modified-Since": first.headers["Last-Modified"]})

    assert (by_tag.status_code, by_tag.content) == (304, b"")
    assert by_date.status_code == 304


def test_flickr_pages_an_album_with_the_extras_that_were_asked_for(web: httpx.Client) -> None:
    album = flickr(
        web, "flickr.photosets.getPhotos", photoset_id=ALBUM, user_id=nsid(0), per_page="1", extras="license,url_o"
    )

    listing = album["photoset"]
    assert album["stat"] == "ok"
    assert isinstance(listing, dict)
    assert len(listing["photo"]) == 1
    assert int(listing["pages"]) >= 2
    assert {"id", "license"} <= set(listing["photo"][0])


def test_the_five_lists_together_lead_to_every_photograph_once(museum: Museum, web: httpx.Client) -> None:
    lists = (
        ("flickr.photosets.getPhotos", {"photoset_id": ALBUM, "user_id": nsid(0)}),
        ("flickr.people.getPublicPhotos", {"user_id": nsid(1)}),
        ("flickr.groups.pools.getPhotos", {"group_id": GROUP}),
        ("flickr.galleries.getPhotos", {"gallery_id": GALLERY_ID}),
        ("flickr.photos.search", {"tags": SEARCH_TAG}),
    )

    urls = []
    for method, which in lists:
        answer = flickr(web, method, per_page="500", extras="url_o,url_l", **which)
        listing = answer["photoset" if "photosets" in method else "photos"]
        assert isinstance(listing, dict)
        urls += [photo.get("url_o") or photo["url_l"] for photo in listing["photo"]]

    assert Counter(urls) == Counter(one.url for one in museum.truth if one.source == "flickr")


def test_flickr_asks_to_come_again_just_once(museum: Museum, web: httpx.Client) -> None:
    for _ in range(3):
        flickr(web, "flickr.people.getPublicPhotos", user_id=nsid(1))

    assert [line.status for line in museum.requests if line.url.startswith(API)].count(429) == 1


def test_flickr_mixes_numbers_and_numbers_in_quotes(web: httpx.Client) -> None:
    listing = flickr(web, "flickr.groups.pools.getPhotos", group_id=GROUP, extras="url_o,url_n")["photos"]

    assert isinstance(listing, dict)
    photo = next(photo for photo in listing["photo"] if "url_o" in photo and "url_n" in photo)
    assert isinstance(photo["width_o"], str)
    assert isinstance(photo["width_n"], int)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [({"api_key": "wrong"}, 100), ({"photoset_id": "1"}, 1), ({"method": "flickr.no.such"}, 112)],
)
def test_flickr_fails_with_stat_and_code_and_http_200(web: httpx.Client, parameters: dict[str, str], code: int) -> None:
    query = {"photoset_id": ALBUM, "user_id": nsid(0), **parameters}

    answer = flickr(web, query.pop("method", "flickr.photosets.getPhotos"), **query)

    assert (answer["stat"], answer["code"]) == ("fail", code)


def test_the_archive_pages_with_a_resume_key(web: httpx.Client) -> None:
    query = {"url": "herbarium.museum.test/*", "output": "json", "limit": "5", "showResumeKey": "true"}

    rows = web.get(CDX, params=query).json()
    following = web.get(CDX, params={**query, "resumeKey": rows[-1][0]}).json()

    assert rows[0][0] == "urlkey"
    assert rows[-2] == []
    assert len(rows) == 1 + 5 + 2
    assert following[1] not in rows


def cdx(web: httpx.Client, *options: tuple[str, str]) -> list[dict[str, str]]:
    head, *rows = web.get(CDX, params=[("url", "herbarium.museum.test/*"), ("output", "json"), *options]).json()
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_the_archive_filters_first_and_folds_adjacent_rows_then(web: httpx.Client) -> None:
    everything = cdx(web)
    images = cdx(web, ("filter", "statuscode:200"), ("filter", "mimetype:image/.*"))
    addresses = cdx(web, ("filter", "statuscode:200"), ("filter", "mimetype:image/.*"), ("collapse", "urlkey"))
    contents = cdx(web, ("filter", "statuscode:200"), ("filter", "mimetype:image/.*"), ("collapse", "digest"))

    assert {"200", "301", "404", "-"} == {row["statuscode"] for row in everything}
    assert {row["mimetype"] for row in everything if row["statuscode"] == "-"} == {"warc/revisit"}
    assert {row["statuscode"] for row in images} == {"200"}
    assert len({row["original"] for row in images}) == len(addresses) < len(images)
    assert len({row["digest"] for row in images}) <= len(contents) <= len(addresses)


def test_the_archive_bounds_time_on_both_sides(web: httpx.Client) -> None:
    stamps = sorted(row["timestamp"] for row in cdx(web))

    within = cdx(web, ("from", stamps[2][:8]), ("to", stamps[-3]))

    assert min(row["timestamp"] for row in within) >= stamps[2][:8]
    assert max(row["timestamp"] for row in within) == stamps[-3]


def test_the_archive_replays_what_it_stored(museum: Museum, web: httpx.Client) -> None:
    planted = next(one for one in of_kind(museum, "specimen") if one.source == "wayback")

    answer = web.get(planted.url)

    assert "id_/http://herbarium.museum.test/" in planted.url
    assert hashlib.sha256(answer.content).hexdigest() == planted.sha256


def test_the_gallery_states_its_refusals_where_crawlers_look(museum: Museum, web: httpx.Client) -> None:
    robots = web.get("http://gallery.museum.test/robots.txt").text
    tdmrep = web.get("http://gallery.museum.test/.well-known/tdmrep.json").json()

    assert "Disallow: /private/" in robots
    assert tdmrep[0]["tdm-reservation"] == 1
    for planted in of_kind(museum, "robots_denied"):
        assert "/private/" in planted.url


def test_the_gallery_leads_from_page_to_page_to_every_work(museum: Museum, web: httpx.Client) -> None:
    address, works = "/works", []
    while address:
        page = Selector(web.get(f"http://gallery.museum.test{address}").text)
        works += page.css("figure.work a.frame::attr(href)").getall()
        address = page.css("a[rel=next]::attr(href)").get()

    assert len(works) == len(set(works)) == sum(one.source == "gallery" for one in museum.truth)


def test_a_refusal_is_stated_in_one_of_three_more_ways(museum: Museum, web: httpx.Client) -> None:
    refused = [one for one in museum.truth if one.kind in {"noai", "tdm"} and one.source == "gallery"]
    answers = {one.url: web.get(one.url) for one in refused}
    pages = {one.url: web.get(f"http://gallery.museum.test/works/{one.url[:-4].rpartition('/')[2]}") for one in refused}

    assert any(answer.headers.get("X-Robots-Tag") == "noai, noimageai" for answer in answers.values())
    assert any(answer.headers.get("tdm-reservation") == "1" for answer in answers.values())
    assert any('<meta name="robots" content="noai, noimageai">' in page.text for page in pages.values())


def test_a_work_names_what_the_truth_says_of_it(museum: Museum, web: httpx.Client) -> None:
    listing = Selector(web.get("http://gallery.museum.test/works").text)
    said = {one.title: one for one in museum.truth if one.source == "gallery"}

    for card in listing.css("figure.work"):
        planted = said[card.css(".title::text").get()]
        assert card.css(".creator::text").get() == planted.creator
        assert from_url(card.css("a[rel=license]::attr(href)").get()) == planted.license


def test_the_studio_is_empty_without_its_script(web: httpx.Client) -> None:
    page = web.get("http://studio.museum.test/").text
    works = web.get("http://studio.museum.test/api/works", params={"page": "1"}).json()

    assert "figure" not in page
    assert works["works"][0]["title"]


def test_it_answers_as_an_origin_too(museum: Museum) -> None:
    answer = httpx.get(f"{museum.proxy}/robots.txt", headers={"Host": "gallery.museum.test"}, trust_env=False)

    assert answer.status_code == 200


def test_a_host_that_it_does_not_play_is_no_way_out(web: httpx.Client) -> None:
    assert web.get("http://example.org/").status_code == 502


def test_requests_are_logged_with_their_status(museum: Museum, web: httpx.Client) -> None:
    web.get("http://gallery.museum.test/nowhere")

    last = museum.requests[-1]
    assert (last.method, last.url, last.status) == ("GET", "http://gallery.museum.test/nowhere", 404)


def test_a_connection_serves_many_requests(museum: Museum) -> None:
    host, port = museum.proxy.removeprefix("http://").split(":")
    connection = HTTPConnection(host, int(port), timeout=PATIENCE)
    sockets = set()
    for path in ("/works", "/robots.txt", "/nowhere"):
        connection.request("GET", path, headers={"Host": "gallery.museum.test"})
        connection.getresponse().read()
        sockets.add(connection.sock)
    connection.close()

    assert len(sockets) == 1
    assert None not in sockets
