from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from harvest.errors import UsageError
from harvest.store import Store, original_path, rehash, settle_store

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


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_originals_may_lie_in_another_folder(tmp_path, form):
    elsewhere = tmp_path / "big disk"
    settle_store(tmp_path / "w", form.format(elsewhere))
    store = Store(tmp_path / "w")
    path = store.put(BODY, SHA, "jpg")
    assert path == original_path(SHA, "jpg")
    assert store.local(path) == elsewhere / SHA[:2] / f"{SHA}.jpg"
    assert store.local(path).read_bytes() == BODY
    assert store.holds(path)
    assert store.rehash(path) == SHA
    assert not (tmp_path / "w" / "originals").exists()
    assert store.local("derived/32/a.png") == tmp_path / "w" / "derived/32/a.png"


def test_a_store_is_chosen_once(tmp_path):
    settle_store(tmp_path / "w", str(tmp_path / "one"))
    settle_store(tmp_path / "w", str(tmp_path / "one"))
    settle_store(tmp_path / "w", None)
    with pytest.raises(UsageError, match="a store is chosen at the first crawl"):
        settle_store(tmp_path / "w", str(tmp_path / "two"))
    assert Store(tmp_path / "w").url == str(tmp_path / "one")


def test_a_workspace_with_originals_keeps_them(tmp_path):
    Store(tmp_path).put(BODY, SHA, "jpg")
    settle_store(tmp_path, str(tmp_path / "originals"))
    with pytest.raises(UsageError, match="are in its own folder, not in"):
        settle_store(tmp_path, str(tmp_path / "two"))


def test_a_damaged_store_file_is_told(tmp_path):
    (tmp_path / "store.json").write_text("[]")
    with pytest.raises(UsageError, match=r'store\.json: expected {"url": "\.\.\."}'):
        Store(tmp_path)
