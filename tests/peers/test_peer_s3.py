"""Originals in a real S3 server: whole or not there, read through a cache, verified, moved between workspaces."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import s3fs

from harvest.audit import verify
from harvest.errors import SourceError, UsageError
from harvest.progress import SilentProgress
from harvest.store import Store, settle_store
from harvest.workspace import Workspace
from tests.crawl.conftest import ROOT
from tests.patience import wait_until
from tests.peers.conftest import free_port, running

BODY = b"\xff\xd8 not quite a photograph"
SHA = hashlib.sha256(BODY).hexdigest()
SECRET = "very-secret-0815"
KEYS = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    """The address of an S3 server of its own virtual environment."""
    program = ROOT / ".peers/moto/bin/moto_server"
    if not program.exists():
        pytest.fail("moto's server is not here; install it: make peers")
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    url = f"http://127.0.0.1:{port}"
    with running([str(program), "-H", "127.0.0.1", "-p", str(port)], f"{url}/moto-api/", folder / "log", folder):
        yield url


@pytest.fixture
def bucket(moto, monkeypatch, tmp_path):
    """A new bucket's name, with the environment that leads there."""
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": moto}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"shells-{hashlib.sha1(str(tmp_path).encode()).hexdigest()[:12]}"
    s3fs.S3FileSystem().mkdir(name)
    return name


@pytest.fixture
def store(bucket, tmp_path):
    settle_store(tmp_path / "w", f"s3://{bucket}/originals")
    return Store(tmp_path / "w")


def test_bytes_go_there_and_come_back_verified(store, bucket):
    path = store.put(BODY, SHA, "jpg")

    assert s3fs.S3FileSystem().cat(f"{bucket}/originals/{SHA[:2]}/{SHA}.jpg") == BODY
    assert store.has(SHA, "jpg")
    assert not store.has(SHA, "png")
    cached = store.root / path
    assert not cached.exists()
    assert pickle.loads(pickle.dumps(store)).local(path) == cached
    assert cached.read_bytes() == BODY
    assert store.rehash(path) == SHA


def test_what_is_not_there_has_no_file(store):
    assert not store.local(f"originals/{SHA[:2]}/{SHA}.jpg").exists()
    with pytest.raises(FileNotFoundError):
        store.rehash(f"originals/{SHA[:2]}/{SHA}.jpg")


def test_other_bytes_than_the_name_says_are_not_read(store, bucket):
    path = store.put(BODY, SHA, "jpg")
    s3fs.S3FileSystem().pipe(f"{bucket}/originals/{SHA[:2]}/{SHA}.jpg", b"moths")

    assert store.rehash(path) == hashlib.sha256(b"moths").hexdigest()
    with pytest.raises(OSError, match="other bytes than its name says"):
        store.local(path)
    assert not (store.root / path).exists()
    store.put(BODY, SHA, "jpg")
    assert store.local(path).read_bytes() == BODY


def test_a_damaged_copy_in_the_cache_is_found(store):
    path = store.put(BODY, SHA, "jpg")
    store.local(path).write_bytes(b"moths")

    assert store.rehash(path) == hashlib.sha256(b"moths").hexdigest()


SLOW_PUT = """
import sys
from pathlib import Path
from harvest.store import Store
body = bytes(64 * 1024 * 1024)
print("begin", flush=True)
Store(Path(sys.argv[1])).put(body, "ab" * 32, "jpg")
"""


def test_an_upload_that_is_killed_leaves_all_or_nothing_under_its_name(store, bucket):
    command, key = [sys.executable, "-c", SLOW_PUT, str(store.root)], f"{bucket}/originals/ab/{'ab' * 32}.jpg"
    left = []
    for pause in (0.0, 0.05, 0.2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as upload:
            assert upload.stdout.readline() == b"begin\n"
            time.sleep(pause)
            upload.kill()
        found = s3fs.S3FileSystem().exists(key)
        left += [s3fs.S3FileSystem().size(key)] if found else [0]
        if found:
            s3fs.S3FileSystem().rm(key)

    assert set(left) <= {0, 64 * 1024 * 1024}
    assert left[0] == 0, "nobody is killed"


def test_a_store_that_does_not_answer_is_told_without_its_keys(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()

    with pytest.raises(SourceError, match="the store does not do what it is asked") as error:
        Store(store.root).put(BODY, SHA, "jpg")

    assert SECRET not in str(error.value)


def test_a_bucket_that_is_not_there_is_told(bucket, tmp_path):
    settle_store(tmp_path / "w", f"s3://{bucket}-not-there/x")

    with pytest.raises(SourceError, match="not-there"):
        Store(tmp_path / "w").put(BODY, SHA, "jpg")


@pytest.mark.long
def test_a_crawl_into_s3_its_sizes_its_verification_and_its_way_into_another_workspace(
    desk, site, jpeg, bucket, harvest
):
    for number in range(4):
        site.add(f"/{number}.jpg", jpeg(number))
    site.add_gallery([f"/{number}.jpg" for number in range(4)])
    source, root, url = desk.source(), desk.workspace.root, f"s3://{bucket}/originals"

    crawled = harvest("crawl", source, "--store", url, "-w", root)
    again = harvest("crawl", source, "--store", f"s3://{bucket}/elsewhere", "-w", root)

    assert crawled.returncode == 0, crawled.stderr
    assert len(s3fs.S3FileSystem().find(f"{bucket}/originals")) == 4
    assert not list((root / "originals").rglob("*.jpg"))
    assert json.loads((root / "store.json").read_text()) == {"url": url}
    assert again.returncode == 2
    assert "a store is chosen at the first crawl" in again.stderr
    recipe = desk.folder / "recipe.yaml"
    recipe.write_text("name: shells\nsizes: [{px: 32}]\n")
    assert [harvest(stage, recipe, "-w", root).returncode for stage in ("dedupe", "normalize")] == [0, 0]
    assert desk.rows("SELECT count(*) FROM derived") == [(4,)]
    assert len(list((root / "originals").rglob("*.jpg"))) == 4
    assert harvest("verify", "-w", root).returncode == 0
    joined = harvest("ingest", root, "-w", desk.folder / "local", "--json")
    assert json.loads(joined.stdout)["originals"] == 4
    assert verify(Workspace(desk.folder / "local"), progress=SilentProgress()).ok
    s3fs.S3FileSystem().rm(s3fs.S3FileSystem().find(f"{bucket}/originals")[0])
    lost = harvest("verify", "-w", root)
    assert lost.returncode == 1
    assert "missing" in lost.stderr + lost.stdout
    written = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert SECRET.encode() not in written


@pytest.mark.long
def test_what_is_taken_down_leaves_the_bucket_and_the_cache(desk, site, jpeg, bucket, harvest):
    for number in range(3):
        site.add(f"/{number}.jpg", jpeg(number))
    site.add_gallery([f"/{number}.jpg" for number in range(3)])
    source, root = desk.source(), desk.workspace.root
    harvest("crawl", source, "--store", f"s3://{bucket}/originals", "-w", root)
    recipe = desk.folder / "recipe.yaml"
    recipe.write_text("name: shells\nsizes: [{px: 32}]\n")
    assert [harvest(stage, recipe, "-w", root).returncode for stage in ("dedupe", "normalize")] == [0, 0]

    done = harvest("takedown", "--url", f"{site.url}/1.jpg", "--reason", "asked", "--yes", "-w", root)

    assert done.returncode == 0, done.stderr
    kept = {hashlib.sha256(jpeg(number)).hexdigest() for number in (0, 2)}
    assert {Path(name).stem for name in s3fs.S3FileSystem().find(f"{bucket}/originals")} == kept
    assert {path.stem for path in (root / "originals").rglob("*.jpg")} == kept
    assert len(list((root / "derived").rglob("*.jpg"))) == 2
    assert harvest("verify", "-w", root).returncode == 0


def test_a_crawl_into_s3_that_is_killed_is_finished_by_the_next_one(desk, site, jpeg, bucket):
    for number in range(30):
        site.add(f"/{number}.jpg", jpeg(number), delay=0.1)
    site.add_gallery([f"/{number}.jpg" for number in range(30)])
    source, environment = desk.source(), {**os.environ, "HARVEST_STORE": f"s3://{bucket}"}
    site.hold("/1", after=8)
    with subprocess.Popen(desk.command(source), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as killed:
        wait_until(lambda: len(site.asked("/1")) > 8, killed)
        killed.send_signal(signal.SIGKILL)
    site.release()

    done = desk.crawl(source, env=environment)

    assert done.code == 0, done.stderr
    assert desk.rows("SELECT count(*), count(DISTINCT sha256) FROM sightings") == [(30, 30)]
    assert verify(desk.workspace, progress=SilentProgress()).ok


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"s3://me:{SECRET}@bucket/x", "holds no credentials"),
        ("https://example.org/store", "expected a folder, or a store like s3://bucket/prefix"),
        ("s3://bucket/x?secret=1", "expected a folder, or a store like s3://bucket/prefix"),
        ("nosuch://bucket/x", "no store that fsspec knows"),
    ],
)
def test_what_can_be_no_store_is_told(tmp_path: Path, url, words):
    with pytest.raises(UsageError, match=words) as error:
        settle_store(tmp_path / "w", url)

    assert SECRET not in str(error.value)
    assert not (tmp_path / "w").exists()
