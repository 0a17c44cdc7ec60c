"""Which images a request means."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from harvest.demo.specimens import draw
from harvest.errors import UsageError
from harvest.ledger import exported, open_ledger
from harvest.progress import SilentProgress
from harvest.takedown import Named, Request, name_images


def named(dataset, **request) -> dict[str, str]:
    found = name_images(dataset.workspace, Request(**request), progress=SilentProgress())
    return {each.sha256: each.why for each in found}


def encoded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def test_by_creator_whatever_the_case(empty):
    mine = empty.meet(1, creator="Anna Atkins")
    empty.meet(2, creator="Anna Atkinson")
    again = empty.meet(3, creator=" anna atkins ")
    empty.crawl()

    assert named(empty, creator="ANNA ATKINS") == dict.fromkeys(sorted([mine, again]), "by ANNA ATKINS")


def test_by_the_creators_page(empty):
    mine = empty.meet(1, creator_url="https://photos.test/people/7/")
    empty.meet(2, creator_url="https://photos.test/people/77")
    empty.crawl()

    assert list(named(empty, creator_url="https://photos.test/people/7")) == [mine]


@pytest.mark.parametrize("url", ["http://gallery.museum.test/1.jpg", "http://gallery.museum.test/1.html"])
def test_by_the_address_of_image_or_page(dataset, url):
    (found,) = name_images(dataset.workspace, Request(url=url), progress=SilentProgress())

    assert found.image is not None
    assert (found.image.title, found.why) == ("Shell 1", f"met at {url}")
    assert found.prints is not None


def test_by_digest_also_cut_short_and_that_of_an_exported_file(dataset):
    dataset.export()
    with open_ledger(dataset.workspace) as con:
        first, second, *_ = exported(con, "small")

    assert named(dataset, sha256=first.sha256[:12].upper()) == {first.sha256: "its sha256"}
    assert named(dataset, sha256=second.derived_sha256) == {second.sha256: "its sha256, that of a size of it"}


def test_bytes_that_nobody_met_can_be_barred(dataset):
    assert named(dataset, sha256="0" * 64) == {"0" * 64: "its sha256; not met yet"}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            {"sha256": "0" * 20},
            f"sha256: nothing in the ledger begins with {'0' * 20}; give all 64 digits to bar unmet",
        ),
        ({"sha256": "12"}, "sha256: expected 6 to 64 hex digits, got '12'"),
        ({"sha256": "not hex"}, "sha256: expected 6 to 64 hex digits, got 'not hex'"),
        ({"creator": "Nobody"}, "no image is by this creator; `harvest sql` looks for how the ledger spells it"),
        ({"url": "http://elsewhere.test/"}, "no bytes came from this address, and no image stands on this page"),
        ({}, "name what to take out: --creator, --creator-url, --url, --sha256 or --picture"),
    ],
)
def test_what_names_nothing_says_so(dataset, request_, words):
    with pytest.raises(UsageError) as told:
        named(dataset, **request_)

    assert words in str(told.value)


def test_a_picture_means_its_copies_and_not_the_pictures_like_it(empty, tmp_path):
    leaf = draw("leaf", 100_001, 320)
    small = empty.meet(1, body=encoded(leaf.resize((200, 200)), quality=60))
    cropped = empty.meet(2, body=encoded(leaf.crop((5, 5, 315, 315)), quality=88))
    stored = empty.meet(3, body=encoded(leaf, "PNG"))
    others = [empty.meet(number, body=encoded(draw("leaf", 100_000 + number, 320))) for number in range(4, 12)]
    empty.crawl()
    (shown := tmp_path / "leaf.webp").write_bytes(encoded(leaf, "WEBP", quality=80))

    found = named(empty, picture=shown)

    assert set(found) & {small, cropped, stored} == {small, cropped, stored}
    assert not set(found) & set(others)
    (own,) = set(found) - {small, cropped, stored}
    assert found[own] == "the bytes of leaf.webp"
    assert found[small].startswith(f"near copy of {own[:12]}: ")


def test_near_copies_come_along_whatever_the_request_and_stay_when_told_so(empty):
    leaf = draw("leaf", 100_001, 320)
    mine = empty.meet(1, body=encoded(leaf), creator="Anna Atkins")
    theirs = empty.meet(2, body=encoded(leaf.resize((160, 160)), quality=70), creator="Somebody")
    empty.crawl()

    assert set(named(empty, creator="Anna Atkins")) == {mine, theirs}
    exact: tuple[Named, ...] = name_images(
        empty.workspace, Request(creator="Anna Atkins", near=None), progress=SilentProgress()
    )
    assert [(each.sha256, each.prints) for each in exact] == [(mine, None)]
