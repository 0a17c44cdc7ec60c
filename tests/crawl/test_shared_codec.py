"""What travels through a shared queue: requests and images come back as they were, and nothing else is let in."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import JsonRequest

from harvest.config.reader import Secret
from harvest.crawl.net.wire import with_secrets
from harvest.crawl.shared.codec import decode, encode, encode_item
from harvest.errors import SourceError, UsageError
from harvest.items import Carrier, EvidenceRef, ImageItem, Signal
from spiders.flickr import FlickrSpider
from spiders.gallery import GallerySpider

SOURCE = "name: shells\nspider: {spider}\ncontact: me@example.org\noptions: {options}\n"
API = "https://api.example.org/rest/"
ITEM = ImageItem(
    source_id="1",
    image_url="https://example.org/ü.jpg",
    title="A \ud800 leaf",
    tags=("a", "b"),
    signals=(Signal(kind="robots", value="noai", where="https://example.org/"),),
    carrier=Carrier(kind="cut", args={"box": [0, 0, 64, 64]}),
    evidence=(EvidenceRef(role="page", file="evidence/1.warc.gz", offset=12, record="<urn:x>"),),
    raw={"views": 3, "$ref": {"deep": [1, None, 2.5]}},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("codec")


@pytest.fixture(scope="module")
def gallery(folder):
    options = "{start: ['https://example.org/'], browser: {enabled: true, scroll: 3}}"
    (folder / "gallery.yaml").write_text(SOURCE.format(spider="gallery", options=options))
    return GallerySpider(source=str(folder / "gallery.yaml"), workspace=str(folder))


@pytest.fixture(scope="module")
def flickr(folder):
    options = f"{{api_key: hush-hush-0815, endpoint: '{API}', users: ['1@N00']}}"
    (folder / "flickr.yaml").write_text(SOURCE.format(spider="flickr", options=options))
    return FlickrSpider(source=str(folder / "flickr.yaml"), workspace=str(folder))


def through(request, spider):
    return decode(encode(request, spider).encode(), spider)


def test_an_image_comes_back_as_it_was(gallery):
    assert decode(encode_item(ITEM, gallery).encode(), gallery) == ITEM


def test_a_request_comes_back_as_it_was(gallery):
    asked = Request(
        "https://example.org/a",
        gallery.parse_detail,
        method="POST",
        headers={"Accept": ["a/b", "c/d"], "X-Latin": "\xe9"},
        body=bytes(range(256)),
        errback=gallery.page_failed,
        cb_kwargs={"item": ITEM, "number": 3, "window": {"since": 1, "parts": ["a", None, ("b", 1.5)]}},
        meta={"asked_again": 2, "dont_redirect": True},
        priority=7,
        dont_filter=True,
    )

    back = through(asked, gallery)

    assert back.to_dict(spider=gallery) == asked.to_dict(spider=gallery)


def test_requests_of_other_kinds_are_plain_requests_afterwards(gallery):
    asked = JsonRequest("https://example.org/a", data={"page": 1})

    back = through(asked, gallery)

    assert (type(back), back.body, back.method, back.headers) == (Request, asked.body, "POST", asked.headers)


@given(
    st.dictionaries(
        st.text().filter(lambda key: not key.startswith("$")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(alphabet="abc"), inner),
        ),
    )
)
def test_any_plain_arguments_come_back(gallery, arguments):
    assert through(Request("https://example.org/", cb_kwargs=arguments), gallery).cb_kwargs == arguments


def test_a_secret_travels_as_the_name_of_the_option_that_holds_it(flickr):
    asked = with_secrets(Request(f"{API}?page=2"), api_key=Secret("hush-hush-0815"))

    text = encode(asked, flickr)

    assert "hush" not in text
    assert decode(text.encode(), flickr).meta == asked.meta


def test_a_secret_is_for_the_hosts_that_the_source_names(flickr):
    asked = with_secrets(Request(f"{API}?page=2"), api_key=Secret("hush-hush-0815"))
    elsewhere = encode(asked, flickr).replace("api.example.org", "evil.example.org")

    with pytest.raises(SourceError, match=r"secrets for evil\.example\.org, which no option of the source names"):
        decode(elsewhere.encode(), flickr)
    with pytest.raises(UsageError, match="whose host no option of the source names"):
        encode(asked.replace(url="https://evil.example.org/"), flickr)


def test_a_spider_that_writes_its_secret_into_a_request_is_stopped(flickr):
    with pytest.raises(UsageError, match=r"options\.api_key would be readable in Redis"):
        encode(Request(f"{API}?key=hush-hush-0815"), flickr)
    with pytest.raises(UsageError, match=r"options\.api_key would be readable in Redis"):
        encode(Request(API, headers={"Authorization": "Bearer hush-hush-0815"}), flickr)


def test_what_a_worker_makes_for_itself_is_made_again(gallery):
    asked = gallery.page("https://example.org/", gallery.parse, number=1)
    asked.meta["proxy"] = "http://user:password@proxy.example.org/"

    text = encode(asked, gallery)
    back = decode(text.encode(), gallery)

    assert "password" not in text
    assert (back.meta["playwright"], len(back.meta["playwright_page_methods"])) == (True, 1)
    assert "proxy" not in back.meta


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"callback": lambda response: None}, "only the spider's own methods can be called back"),
        ({"cb_kwargs": {"seen": {1, 2}}}, "argument seen is a <class 'set'>"),
        ({"meta": {"page": object()}}, "meta page is a <class 'object'>"),
    ],
)
def test_what_cannot_be_shared_is_told(gallery, change, words):
    with pytest.raises(UsageError, match=words):
        encode(Request("https://example.org/", **change), gallery)


REQUEST = {
    "url": "http://127.0.0.1:9/",
    "method": "GET",
    "headers": [],
    "body": "",
    "callback": "parse",
    "errback": None,
    "cb_kwargs": {"number": 1},
    "meta": {},
    "browser": False,
    "priority": 0,
    "dont_filter": False,
    "encoding": "utf-8",
}


def request(**changes):
    return json.dumps({"id": "0", "request": {**REQUEST, **changes}}).encode()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (pickle.dumps({"url": "http://127.0.0.1:9/"}), "codec can't decode"),
        (request(callback="give_up"), "unknown callback 'give_up'"),
        (request(callback="__init__"), "unknown callback '__init__'"),
        (request(errback="os.system"), "unknown callback 'os.system'"),
        (request(cb_kwargs={"item": {"$Path": {"path": "/etc/passwd"}}}), r"unknown kind of value '\$Path'"),
        (request(cb_kwargs={"item": {"$ImageItem": {"shell": "true"}}}), "not the fields of ImageItem"),
        (request(_class="subprocess.Popen"), "not a request of ours"),
        (request(url=["a"]), "expected str, got list"),
        (request(url="no address"), "Missing scheme"),
        (request(headers=[["a"]]), "values to unpack"),
        (json.dumps({"id": "0", "item": {"source_id": 1, "image_url": "x"}}).encode(), "expected str, got int"),
        (json.dumps({"id": "0", "item": {"source_id": "1"}}).encode(), "missing 1 required"),
        (b"[]", "expected dict, got list"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_what_this_program_did_not_write_is_refused(gallery, entry, words):
    with pytest.raises(SourceError, match=rf"holds what this program did not write \(.*{words}"):
        decode(entry, gallery)
