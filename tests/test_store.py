from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from harvest.store import Store, original_path, rehash

BODY = b"\xff\xd8 not quite a photograph"
SHA = hashlib.sha256(BODY).hexdigest()


def test_bytes_are_kept_as_served_under_their_digest(tmp_path):
    store = Store(tmp_path)
    relative = store.put(BODY, SHA, "jpg")
    assert relative == f"originals/{SHA[:2]}/{SHA}.jpg" == original_path(SHA, "jpg")
    assert (tmp_path / relative).read_bytes() == BODY
    assert store.has(SHA, "jpg")
    assert not store.has(SHA, "png")
    assert rehash(store.path(SHA, "jpg")) == SHA


def test_the_same_bytes_again_touch_nothing(tmp_path):
    store = Store(tmp_path)
    path = tmp_path / store.put(BODY, SHA, "jpg")
    before = path.stat()
    store.put(BODY, SHA, "jpg")
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_cut_short_from_outside_is_made_whole(tmp_path):
    store = Store(tmp_path)
    path = tmp_path / store.put(BODY, SHA, "jpg")
    path.write_bytes(BODY[:5])
    assert rehash(path) != SHA
    store.put(BODY, SHA, "jpg")
    assert rehash(path) == SHA


def test_many_writers_of_the_same_bytes_leave_one_file(tmp_path):
    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: store.put(BODY, SHA, "jpg"), range(40)))
    assert len(paths) == 1
    assert [path.name for path in (tmp_path / "originals").rglob("*") if path.is_file()] == [f"{SHA}.jpg"]


def test_a_write_that_fails_leaves_no_file_behind(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(TypeError):
        store.put("text is no bytes", SHA, "jpg")  # type: ignore[arg-type]
    assert [path for path in (tmp_path / "originals").rglob("*") if path.is_file()] == []
