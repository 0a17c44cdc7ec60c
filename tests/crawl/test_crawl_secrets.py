"""Keys, passwords and logins leave no trace: whole workspaces and all that a crawl says are searched for them."""

from __future__ import annotations

import base64
import gzip
import json
import os
from pathlib import Path
from urllib.parse import quote

KEY = "9a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d"
PASSWORD = "p@ss word/proxy"
LOGIN = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
API, CDN = "http://api.flickr.test/services/rest/", "http://live.staticflickr.test"
JSON = (("Content-Type", "application/json"),)


def traces(folder: Path, *said: str) -> list[str]:
    """Where anything secret can be read: files as they are and unpacked, and what was said."""
    secrets = [KEY, PASSWORD, quote(PASSWORD, safe=""), LOGIN, quote(LOGIN)]
    places = {"said": "\n".join(said).encode()}
    for path in folder.rglob("*"):
        if path.is_file():
            places[str(path.relative_to(folder))] = path.read_bytes()
            if path.suffix == ".gz":
                places[f"{path.name}, unpacked"] = gzip.decompress(path.read_bytes())
    return [
        f"{secret[:6]}... in {place}" for place, body in places.items() for secret in secrets if secret.encode() in body
    ]


def test_neither_the_key_nor_the_proxys_login_is_kept_or_said(desk, site, jpeg):
    photos = [
        {"id": str(number), "owner": "1@N00", "url_o": f"{CDN}/{number}_o.jpg", "width_o": 96, "height_o": 72}
        for number in range(4)
    ]
    answer = {"stat": "ok", "photos": {"page": 1, "pages": 1, "perpage": 500, "total": 4, "photo": photos}}
    site.add(API, json.dumps(answer), headers=JSON)
    site.add(f"{CDN}/0_o.jpg", jpeg(0))
    site.add(f"{CDN}/1_o.jpg", "", status=302, headers=(("Location", f"{CDN}/0_o.jpg"),))
    site.add(f"{CDN}/2_o.jpg", "no", status=500)
    site.add(f"{CDN}/3_o.jpg", jpeg(3), torn=True)
    proxy = f"http://anna:{quote(PASSWORD, safe='')}@127.0.0.1:{site.server_port}"
    source = desk.source(
        spider="flickr",
        options={"api_key": "${TRIAL_KEY}", "endpoint": API, "users": ["1@N00"]},
        proxy="${TRIAL_PROXY}",
        evidence="warc",
        allow_private_addresses=False,
        pace={"delay": 0, "retries": 1, "hosts": {"api.flickr.test": {"delay": 0}}},
    )
    env = {**os.environ, "TRIAL_KEY": KEY, "TRIAL_PROXY": proxy}

    done = desk.crawl(source, "--loglevel", "DEBUG", env=env)

    assert done.code == 0, done.stderr[-3000:]
    assert {outcome for outcome, _ in desk.fates().values()} >= {"stored", "failed"}
    assert {asked.headers.get("proxy-authorization") for asked in site.log} == {f"Basic {LOGIN}"}
    assert any(f"api_key={KEY}" in asked.path for asked in site.log)
    assert len(list(desk.workspace.root.rglob("*.warc.gz"))) == 1
    assert traces(desk.folder, done.stderr, json.dumps(done.events)) == []


def test_nor_when_nothing_answers(desk, site):
    """Errors of the wire carry addresses; theirs are free of secrets too."""
    site.add("/services/rest/", "{}", torn=True)
    source = desk.source(
        spider="flickr", options={"api_key": KEY, "endpoint": f"{site.url}/services/rest/", "users": ["1@N00"]}
    )
    gone = desk.source(
        spider="flickr",
        name="gone",
        options={"api_key": KEY, "endpoint": "http://127.0.0.1:9/services/rest/", "users": ["1@N00"]},
        opt_out={"honour": ["iptc"]},
        pace={"delay": 0, "retries": 0},
    )

    for done in (desk.crawl(source, "--loglevel", "DEBUG"), desk.crawl(gone, "--loglevel", "DEBUG")):
        assert done.code == 3
        assert traces(desk.workspace.root, done.stderr, json.dumps(done.events)) == []


def test_a_wrong_proxy_is_not_shown(desk):
    done = desk.crawl(desk.source(proxy=f"socks5://anna:{PASSWORD}@127.0.0.1:1"))

    assert done.code == 2
    assert done.stderr.endswith("proxy: expected a proxy URL, http://host:port, got a secret\n")
