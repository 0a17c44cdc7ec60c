"""Lists of addresses in every format, their columns, their bad rows, and memory that does not grow with them."""

from __future__ import annotations

import asyncio
import gzip
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvest.crawl.files.lists import BadRow, Listing, Row, rows
from harvest.errors import ConfigError
from spiders.urls import UrlsSpider

TABLE = [
    {"url": "/a.jpg", "caption": "one, two", "license": "CC BY 4.0", "author": "Ada", "rating": "5"},
    {"url": "/b.jpg", "caption": "three", "license": "house rules", "author": "", "rating": ""},
]


def write(path, table, kind):
    if kind in {"csv", "tsv"}:
        mark = "," if kind == "csv" else "\t"
        lines = [mark.join(table[0]), *(mark.join(f'"{value}"' for value in row.values()) for row in table)]
        path.write_text("\n".join(lines))
    elif kind == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in table))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(table), path)
    else:
        path.write_text("\n".join(row["url"] for row in table))


@pytest.fixture
def listed(desk):
    """List the rows of lists, in this process."""

    def listed(**options):
        async def items():
            return [item async for item in spider.start()]

        spider = UrlsSpider(source=str(desk.source(spider="urls", options=options)), workspace=str(desk.workspace.root))
        return asyncio.run(items()), spider.troubles

    return listed


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_list_with_columns(listed, tmp_path, kind):
    write(tmp_path / f"list.{kind}", [{**row, "url": f"http://a.example{row['url']}"} for row in TABLE], kind)

    (one, two), troubles = listed(lists=["list.*"])

    assert (one.source_id, one.image_url) == ("http://a.example/a.jpg", "http://a.example/a.jpg")
    assert (one.description, one.creator, one.raw) == ("one, two", "Ada", {"rating": "5"})
    assert (one.license, one.license_raw) == ("CC-BY-4.0", "CC BY 4.0")
    assert (two.creator, two.license, two.license_raw, two.raw) == (None, None, "house rules", {})
    assert troubles == []


def test_columns_by_name(listed, tmp_path):
    row = {
        "file": "http://a.example/a.jpg",
        "t": "Title",
        "key": "7",
        "k": ["x", "y"],
        "h": "A" * 40,
        "p": "no address",
    }
    write(tmp_path / "list.parquet", [row], "parquet")
    columns = {"title": "t", "source_id": "key", "labels": "k", "sha1": "h", "page_url": "p"}

    ((item,), _) = listed(lists=["list.parquet"], url="file", columns=columns)

    assert (item.source_id, item.title, item.labels, item.sha1) == ("7", "Title", ("x", "y"), "a" * 40)
    assert (item.page_url, item.raw) == (None, {"p": "no address"})


def test_lists_of_disk_and_web_are_crawled(desk, site, jpeg, tmp_path):
    for name in "abc":
        site.add(f"/{name}.jpg", jpeg(ord(name)))
    body = gzip.compress(f"url,title\n{site.url}/a.jpg,One\n".encode())
    site.add("/lists/all.csv.gz", body, headers=(("Content-Type", "application/gzip"),))
    site.add("/lists/plain.txt", f"# mine\n{site.url}/b.jpg\n", headers=(("Content-Type", "text/plain"),))
    (tmp_path / "list.jsonl").write_text(json.dumps({"url": f"{site.url}/c.jpg", "caption": "Three"}))
    lists = [f"{site.url}/lists/all.csv.gz", f"{site.url}/lists/plain.txt", "list.jsonl"]

    done = desk.crawl(desk.source(spider="urls", options={"lists": lists}))

    assert done.code == 0, done.stderr
    assert desk.fates("outcome, title, description") == {
        "/a.jpg": ("stored", "One", None),
        "/b.jpg": ("stored", None, None),
        "/c.jpg": ("stored", None, "Three"),
    }


def test_bad_rows_are_named_and_the_rest_is_taken(listed, tmp_path, caplog):
    (tmp_path / "list.csv").write_text(
        "url,title\nftp://x/y.jpg,a\n,b\nhttp://a.example/a.jpg,c\nhttp://[bad/,d\nhttp://a.example/a.jpg,e,f,g\n"
    )

    items, troubles = listed(lists=["list.csv"])
    _, tolerated = listed(lists=["list.csv"], tolerate=0.8)

    assert [item.title for item in items] == ["c"]
    assert troubles == [f"{tmp_path}/list.csv: 4 of 5 rows could not be read (options.tolerate is 0)"]
    assert tolerated == []
    for said in (
        "list.csv:2: 'ftp://x/y.jpg' is no http(s) address",
        "list.csv:3: '' is no http(s) address",
        "list.csv:5: 'http://[bad/' is no http(s) address",
        "list.csv:6: 4 fields, the header has 2",
    ):
        assert said in caplog.text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"lists": []}, "options.lists: expected at least one list: a file, a pattern or an address"),
        ({"lists": ["x.doc"]}, "options.lists[0]: 'x.doc' does not end like a list; say options.format: one of csv"),
        ({"lists": ["l.csv"], "columns": {"title": "nom"}}, "l.csv has no column nom"),
        (
            {"lists": ["l.csv"], "columns": {"colour": "x"}},
            "options.columns.colour: unknown field; known here: captured",
        ),
        ({"lists": ["l.csv"], "url": "adresse"}, "l.csv has no column adresse"),
    ],
)
def test_options_that_cannot_be(listed, tmp_path, options, expected):
    (tmp_path / "l.csv").write_text("url\nhttp://127.0.0.1:9/a.jpg\n")

    with pytest.raises(ConfigError, match=re.escape(expected)):
        listed(**options)


def test_lists_that_cannot_be_read(listed, tmp_path):
    (tmp_path / "l.csv").write_text("url\nhttp://127.0.0.1:9/a.jpg\n")
    (tmp_path / "l.csv.gz").write_bytes(gzip.compress(b"url\n" + b"http://a.example/\n" * 1000)[:-20])

    assert listed(lists=["none.csv"])[1] == ["none.csv: no such list"]
    (why,) = listed(lists=["l.csv"], format="parquet")[1]
    assert why.startswith(f"{tmp_path}/l.csv: cannot be read: ")
    (why,) = listed(lists=["l.csv.gz"])[1]
    assert why.startswith(f"{tmp_path}/l.csv.gz: the list is damaged: ")


def test_a_million_rows_stay_on_disk(tmp_path):
    number = 1_000_000
    addresses = pa.array(range(number)).cast(pa.string())
    table = pa.table({"url": pa.compute.binary_join_element_wise("http://a.example/", addresses, "")})
    pq.write_table(table, tmp_path / "list.parquet", row_group_size=number)
    size, before = table.nbytes, pa.total_allocated_bytes()
    listing, most = Listing(None, {}), 0

    with (tmp_path / "list.parquet").open("rb") as file:
        for at, row in enumerate(rows(file, "parquet")):
            last = row
            if at == 100_000:
                break
            most = max(most, pa.total_allocated_bytes() - before) if at % 1000 == 0 else most

    assert listing.item(last).image_url == "http://a.example/100000"
    assert most < size / 4


def test_json_lines_may_differ(tmp_path):
    (tmp_path / "l.jsonl").write_text(
        '{"url": "http://a.example/1", "caption": "x"}\n[]\n{"url": "http://a.example/2"}\n{'
    )
    listing = Listing(None, {})

    with (tmp_path / "l.jsonl").open("rb") as file:
        found = [listing.item(row) if isinstance(row, Row) else row for row in rows(file, "jsonl")]

    assert [each.description for each in found if not isinstance(each, BadRow)] == ["x", None]
    assert [each.line for each in found if isinstance(each, BadRow)] == [2, 4]
