"""A real pywb that replays what a crawl kept as evidence: other people's tools find and read it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.patience import PATIENCE
from tests.peers.conftest import ROOT, free_port, running

PEER = ROOT / ".peers" / "pywb" / "bin"


def test_pywb_replays_a_packed_crawl(desk, site, jpeg, tmp_path: Path) -> None:
    if not (PEER / "wayback").exists():
        pytest.fail("pywb is not here; tests/peers/test_peer_pywb.py says how to install it")
    names = ["/a.jpg", "/b.jpg?size=full&of=fin", "/again.jpg"]
    site.add_gallery(names, head="<title>Fins</title>")
    for name, number in zip(names, (1, 2, 1), strict=True):
        site.add(name.partition("?")[0], jpeg(number), headers=(("Content-Type", "image/jpeg"),))
    assert desk.crawl(desk.source(evidence="wacz", pace={"delay": 0, "concurrency": 1})).code == 0
    [wacz] = (desk.workspace.root / "evidence").rglob("*.wacz")

    home = tmp_path / "pywb"
    home.mkdir()
    for command in (["init", "kept"], ["add", "--unpack-wacz", "kept", str(wacz)]):
        subprocess.run([str(PEER / "wb-manager"), *command], cwd=home, check=True, capture_output=True)
    port = free_port()
    replay = f"http://127.0.0.1:{port}/kept/2026id_"
    command = [str(PEER / "wayback"), "-b", "127.0.0.1", "-p", str(port)]
    with running(command, f"{replay}/{site.url}/", home / "log", home):
        replayed = {name: urlopen(f"{replay}/{site.url}{name}", timeout=PATIENCE).read() for name in ["/", *names]}

    assert replayed["/"] == site.answers["/"][0].body
    digests = {path: sha256 for path, (sha256,) in desk.fates("sha256").items()}
    assert {name: hashlib.sha256(replayed[name]).hexdigest() for name in names} == digests
