"""The pool survives a worker that dies, and judges bytes as the fingerprint does."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal

from harvest.crawl.workers import Workers


def test_bytes_are_fingerprinted_or_have_a_reason(jpeg):
    async def identify():
        workers = Workers(1)
        workers.start()
        try:
            return [await workers.identify(body, 10_000) for body in (jpeg(1), jpeg(1)[:-100], b"text")]
        finally:
            workers.close()

    good, cut, text = asyncio.run(identify())

    assert (good.fingerprint.format, good.fingerprint.width, good.fingerprint.height) == ("JPEG", 96, 72)
    assert good.sha256 == good.fingerprint.sha256 == hashlib.sha256(jpeg(1)).hexdigest()
    assert (cut.fingerprint, cut.reason.partition(":")[0]) == (None, "truncated")
    assert (text.reason.partition(":")[0], text.sha256) == ("not_an_image", hashlib.sha256(b"text").hexdigest())


def test_a_pool_whose_workers_were_killed_is_built_anew(jpeg):
    async def identify():
        workers = Workers(2)
        workers.start()
        try:
            await workers.identify(jpeg(1), 10_000)
            for pid in list(workers._pool._processes):
                os.kill(pid, signal.SIGKILL)
            return await asyncio.gather(*(workers.identify(jpeg(number), 10_000) for number in range(6)))
        finally:
            workers.close()

    found = asyncio.run(identify())

    assert [one.sha256 for one in found] == [hashlib.sha256(jpeg(number)).hexdigest() for number in range(6)]
