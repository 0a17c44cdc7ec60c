"""WebDataset shards in a real S3 server: read from there by the loader, and replaced a generation at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import s3fs

from harvest.config.recipe import load_recipe
from harvest.errors import SourceError
from tests.crawl.conftest import ROOT
from tests.export.conftest import DIGESTS, SIZE_DIGESTS, Dataset, make_empty
from tests.peers.test_peer_s3 import bucket, moto  # noqa: F401 - fixtures

KILLED = f"""
import os, signal, sys
from pathlib import Path
import s3fs
from harvest.config.recipe import load_recipe
from harvest.export import run_exports
from harvest.progress import SilentProgress
from harvest.workspace import Workspace
plain, left = s3fs.S3FileSystem._put_file, [int(sys.argv[3])]
async def counted(self, *args, **more):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return await plain(self, *args, **more)
s3fs.S3FileSystem._put_file = counted
run_exports(Workspace(Path(sys.argv[1])), load_recipe(Path(sys.argv[2])), {DIGESTS!r},
            size_digests={SIZE_DIGESTS!r}, progress=SilentProgress())
"""


@pytest.fixture
def shells(tmp_path: Path) -> Dataset:
    """Six shells, kept and sized, not exported yet."""
    made = make_empty(tmp_path)
    for seed in range(6):
        made.meet(seed)
    made.crawl()
    made.keep()
    return made


def recipe(folder: Path, name: str, size: str) -> Path:
    file = folder / f"s3-{size}.yaml"
    export = f"{{format: webdataset, size: {size}, name: set, shard_images: 2, to: 's3://{name}/sets/shells'}}"
    file.write_text(f"name: shells\nsizes: [{{px: 64}}]\nexport: [{export}]\n")
    return file


def held(name: str) -> dict[str, bytes]:
    files = s3fs.S3FileSystem(use_listings_cache=False)
    return {path: files.cat(path) for path in files.find(f"{name}/sets/shells")}


@pytest.mark.filterwarnings("ignore")  # of the loader
def test_shards_are_read_from_s3_and_replaced_as_a_whole(shells, bucket, tmp_path: Path) -> None:  # noqa: F811
    import webdataset  # noqa: PLC0415 - a loader

    (report,) = shells.export(load_recipe(recipe(tmp_path, bucket, "64")))

    base = f"{bucket}/sets/shells"
    before = held(bucket)
    index = json.loads(before[f"{base}/index.json"])
    assert report.published == f"s3://{base}/{index['generation']}"
    assert {file["path"] for file in index["files"]} == {
        path.relative_to(report.folder).as_posix() for path in report.folder.rglob("*") if path.is_file()
    }
    shards = [file["path"] for file in index["files"] if file["path"].endswith(".tar")]
    local = tmp_path / "read"
    s3fs.S3FileSystem().get([f"{base}/{index['generation']}/{shard}" for shard in shards], f"{local}/")
    urls = [str(local / shard) for shard in shards]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil"))
    assert (len(shards), len(samples), samples[0]["jpg"].size) == (3, 6, (64, 64))

    new = recipe(tmp_path, bucket, "null")
    command = [sys.executable, "-c", KILLED, str(shells.workspace.root), str(new), "4"]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    between = held(bucket)
    assert {path: body for path, body in between.items() if path in before} == before
    assert len(between) == len(before) + 4

    (again,) = shells.export(load_recipe(new))
    after = held(bucket)
    assert again.published != report.published
    assert {path.split("/")[3] for path in after} == {"index.json", again.published.rpartition("/")[2]}


def test_a_store_that_does_not_answer_is_told_and_asked_again(shells, bucket, tmp_path: Path, monkeypatch) -> None:  # noqa: F811
    file = recipe(tmp_path, f"{bucket}-not-there", "64")

    with pytest.raises(SourceError, match="the store does not do what it is asked"):
        shells.export(load_recipe(file))
    s3fs.S3FileSystem().mkdir(f"{bucket}-not-there")
    (report,) = shells.export(load_recipe(file))

    assert (report.written, report.published is None) == (False, False)
