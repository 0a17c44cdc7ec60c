"""Workers find out, keep and size from one decode; they survive one that dies, and name the image that kills them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from harvest.config.recipe import SizeConfig
from harvest.config.sizes import size_digests
from harvest.crawl.steps.workers import Finding, Orders, Workers
from harvest.store import Store
from tests.patience import PATIENCE

URL = "https://museum.example/Fin%20of%20a%20pike.jpg"


def at_work(orders: Orders, do: Callable[[Workers], Awaitable[Any]], count: int = 1) -> Any:
    async def work() -> Any:
        workers = Workers(orders, count)
        await workers.start()
        try:
            return await do(workers)
        finally:
            await workers.close()

    return asyncio.run(work())


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(store=Store(tmp_path), max_pixels=10_000)


def test_bytes_are_kept_or_have_a_reason(orders, jpeg, tmp_path):
    async def do(workers: Workers) -> list[Finding]:
        return [await workers.handle(body, None, URL) for body in (jpeg(1), jpeg(1)[:-100], b"text", b"", jpeg(1))]

    good, cut, text, empty, again = at_work(orders, do)

    assert (good.fingerprint.format, good.fingerprint.width, good.fingerprint.height) == ("JPEG", 96, 72)
    assert good.sha256 == good.fingerprint.sha256 == hashlib.sha256(jpeg(1)).hexdigest()
    assert good.fingerprint.sha1 == hashlib.sha1(jpeg(1)).hexdigest()
    assert (tmp_path / good.path).read_bytes() == jpeg(1)
    assert (good.is_new, again.is_new, again.path) == (True, False, good.path)
    assert (cut.fingerprint, cut.path, cut.reason.partition(":")[0]) == (None, None, "truncated")
    assert (text.reason.partition(":")[0], text.sha256) == ("not_an_image", hashlib.sha256(b"text").hexdigest())
    assert empty.reason.partition(":")[0] == "empty"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [Path(good.path).name]


def test_sizes_lie_beside_the_original(jpeg, tmp_path):
    sizes = (SizeConfig(px=64), SizeConfig(px=32, mode="longest", format="png"))
    orders = Orders(store=Store(tmp_path), max_pixels=10_000, sizes=sizes)

    found = at_work(orders, lambda workers: workers.handle(jpeg(1), "Fin of a Pike", URL))

    digits, digests = found.sha256[:16], size_digests(sizes)
    assert [(made.size, made.mode, made.path, made.recipe_digest) for made in found.derived] == [
        (64, "crop", f"derived/64/fin-of-a-pike-{digits}.jpg", digests[64]),
        (32, "longest", f"derived/32-longest/fin-of-a-pike-{digits}.png", digests[32]),
    ]
    for made in found.derived:
        body = (tmp_path / made.path).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (made.bytes, made.derived_sha256)


def test_a_size_that_another_source_made_on_other_terms_stays(jpeg, tmp_path):
    fine, coarse = (
        Orders(store=Store(tmp_path), max_pixels=10_000, sizes=(SizeConfig(px=32, quality=q),)) for q in (95, 20)
    )

    async def do(workers: Workers) -> Finding:
        return await workers.handle(jpeg(1), None, URL)

    first, again, other = at_work(fine, do), at_work(fine, do), at_work(coarse, do)

    assert first.derived == again.derived
    assert other.derived == ()
    assert (
        hashlib.sha256((tmp_path / first.derived[0].path).read_bytes()).hexdigest() == first.derived[0].derived_sha256
    )


def test_what_cannot_be_kept_says_why(orders, jpeg, tmp_path):
    (tmp_path / "originals").write_text("a file where a folder should be")

    found = at_work(orders, lambda workers: workers.handle(jpeg(1), None, URL))

    assert found.path is None
    assert found.failure.startswith(("FileExistsError", "NotADirectoryError"))


def test_workers_that_were_killed_are_replaced_and_lose_nothing(orders, jpeg):
    async def do(workers: Workers) -> list[Finding]:
        await workers.handle(jpeg(1), None, URL)
        for pid in workers.pids:
            os.kill(pid, signal.SIGKILL)
        first = await asyncio.gather(*(workers.handle(jpeg(number), None, URL) for number in range(12)))
        return [*first, await workers.handle(jpeg(20), None, URL)]

    found = at_work(orders, do, count=2)

    expected = [hashlib.sha256(jpeg(number)).hexdigest() for number in (*range(12), 20)]
    assert [one.sha256 for one in found] == expected


def test_another_worker_is_started_when_the_first_has_too_much_to_do(orders, jpeg):
    async def do(workers: Workers) -> list[int]:
        at_first = len(workers.pids)
        for number in range(3):
            await workers.handle(jpeg(number), None, URL)
        at_leisure = len(workers.pids)
        async with asyncio.timeout(PATIENCE):
            while len(workers.pids) < 3:
                await asyncio.gather(*(workers.handle(jpeg(number), None, URL) for number in range(20)))
        await asyncio.gather(*(workers.handle(jpeg(number), None, URL) for number in range(20)))
        return [at_first, at_leisure, len(workers.pids)]

    assert at_work(orders, do, count=3) == [1, 1, 3]


def test_large_bodies_pass_whole(orders):
    body = os.urandom(3_000_000)

    found = at_work(orders, lambda workers: workers.handle(body, None, URL))

    assert found.sha256 == hashlib.sha256(body).hexdigest()
