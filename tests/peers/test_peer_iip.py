"""A real IIIF server, iipsrv behind lighttpd: what its info.json leads to, in every size."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from json import dumps
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.peers.conftest import Desk, Site, free_port, running

IIPSRV = Path("/usr/lib/iipimage-server/iipsrv.fcgi")
INSTALL = "apt-get install -y iipimage-server lighttpd libtiff-tools"
SIZE = (1000, 700)


def pyramid(folder: Path) -> Image.Image:
    """A tiled pyramid TIFF, as image servers want it, of the picture that comes back."""
    noise = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize(SIZE, Image.Resampling.BICUBIC)
    smaller = [picture.reduce(2), picture.reduce(4)]
    picture.save(folder / "flat.tif", save_all=True, append_images=smaller)
    command = ["tiffcp", "-t", "-w", "256", "-l", "256", "-c", "none", "flat.tif", "images/fin.tif"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return picture


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the image server answers; it allows at most 800 pixels a side and scales its largest image down to that."""
    lighttpd = shutil.which("lighttpd") or shutil.which("/usr/sbin/lighttpd")
    if not IIPSRV.exists() or lighttpd is None or shutil.which("tiffcp") is None:
        pytest.fail(f"the image server is not here; install it: {INSTALL}")
    home = tmp_path_factory.mktemp("iip")
    (home / "images").mkdir()
    pyramid(home)
    port, inner = free_port(), free_port()
    (home / "lighttpd.conf").write_text(
        f"""server.document-root = "{home}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_fastcgi")
server.errorlog = "{home}/errors"
fastcgi.server = ("/iiif/" => (("host" => "127.0.0.1", "port" => {inner}, "check-local" => "disable")))
"""
    )
    settings = {
        "FILESYSTEM_PREFIX": f"{home}/images/",
        "URI_MAP": "iiif=>IIIF",
        "LOGFILE": f"{home}/iipsrv.log",
        "MAX_CVT": "800",
        "JPEG_QUALITY": "95",
    }
    with contextlib.ExitStack() as stack:
        command = [str(IIPSRV), "--bind", f"127.0.0.1:{inner}"]
        out = stack.enter_context((home / "iipsrv.out").open("wb"))
        iip = subprocess.Popen(command, env={**os.environ, **settings}, cwd=home, stdout=out, stderr=out)
        stack.callback(iip.wait, 10)
        stack.callback(iip.terminate)
        url = f"http://127.0.0.1:{port}/iiif/fin.tif"
        front = [lighttpd, "-D", "-f", str(home / "lighttpd.conf")]
        stack.enter_context(running(front, f"{url}/info.json", home / "lighttpd.out", home))
        yield url


def crawled(desk: Desk, site: Site, server: str, **options: object) -> tuple[str, Image.Image]:
    """The address and the picture that a crawl of a manifest with the server's image brings."""
    service = {"@context": "http://iiif.io/api/image/2/context.json", "@id": server}
    resource = {"@id": f"{site.url}/shown.jpg", "@type": "dctypes:Image", "service": {**service, "profile": "level1"}}
    canvas = {"@id": f"{site.url}/canvas", "label": "Plate", "images": [{"resource": resource}]}
    manifest = {"@id": f"{site.url}/manifest", "@type": "sc:Manifest", "sequences": [{"canvases": [canvas]}]}
    site.add("/manifest", dumps(manifest))
    source = desk.source(spider="iiif", options={"manifests": [f"{site.url}/manifest"], **options})
    done = desk.crawl(source)
    assert done.code == 0, done.stderr
    [(url, path)] = desk.rows("SELECT image_url, images.path FROM sightings JOIN images USING (sha256)")
    with Image.open(desk.workspace.root / path) as picture:
        return url.removeprefix(server), picture.convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, 0 to 255."""
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


@pytest.fixture
def drawn(tmp_path: Path) -> Image.Image:
    (tmp_path / "images").mkdir()
    return pyramid(tmp_path)


def test_the_largest_image_that_the_server_allows(desk: Desk, site: Site, server: str, drawn: Image.Image) -> None:
    url, picture = crawled(desk, site, server)

    assert url == "/full/max/0/default.jpg"
    assert picture.size == (800, 560)
    assert apart(picture, drawn.resize(picture.size, Image.Resampling.BICUBIC)) < 4


def test_an_asked_size(desk: Desk, site: Site, server: str, drawn: Image.Image) -> None:
    url, picture = crawled(desk, site, server, size=300)

    assert url == "/full/300,/0/default.jpg"
    assert picture.size == (300, 210)
    assert apart(picture, drawn.resize(picture.size, Image.Resampling.BICUBIC)) < 4


def test_stitched_tiles_are_the_full_image(desk: Desk, site: Site, server: str, drawn: Image.Image) -> None:
    url, picture = crawled(desk, site, server, tiles="always")

    assert url == "/info.json#tiles=256x256&scale=1"
    assert picture.size == SIZE
    assert apart(picture, drawn) < 2


def test_stitched_tiles_of_a_smaller_scale(desk: Desk, site: Site, server: str, drawn: Image.Image) -> None:
    url, picture = crawled(desk, site, server, tiles="always", size=400)

    assert url == "/info.json#tiles=256x256&scale=2"
    assert picture.size == (500, 350)
    assert apart(picture, drawn.reduce(2)) < 2
