"""No request leaves for this machine or its networks unless the source says so: names, redirects, browsers, proxies."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent
# A crawl in a process whose name server says that every one of these names is this machine.
LYING_DNS = """
import sys
from scrapy.resolver import dnscache
for name in ("museum.test", "images.test"):
    dnscache[name] = "127.0.0.1"
dnscache["inner.test"] = "127.0.0.2"
from harvest.crawl.process import main
sys.exit(main(sys.argv[1:]))
"""
ONE_IS_PUBLIC = """import harvest.crawl.net.safety as safety
safety.is_public = lambda address: address == "127.0.0.1"
from harvest.crawl.process"""
HTML = (("Content-Type", "text/html"),)


def crawl_with_lying_dns(desk, source, program: str = LYING_DNS) -> tuple[int, dict, str]:
    command = [sys.executable, "-c", program, str(source), "-w", str(desk.workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, check=False)
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_page_on_this_machine_is_not_asked_for(desk, site, jpeg):
    site.add_gallery(["/a.jpg"])

    done = desk.crawl(desk.source(allow_private_addresses=False))

    assert done.code == 3
    assert "127.0.0.1 is not an address of the public internet" in done.finished["message"]
    assert "allow_private_addresses: true" in done.finished["message"]
    assert site.log == []


def test_a_name_is_judged_by_the_address_that_is_connected_to(desk, site, jpeg):
    port = site.server_port
    site.add_gallery([f"http://images.test:{port}/a.jpg"])
    site.add("/a.jpg", jpeg(1))
    start = {"start": [f"http://museum.test:{port}/"]}

    refused, report, stderr = crawl_with_lying_dns(desk, desk.source(options=start, allow_private_addresses=False))
    silence = list(site.log)
    allowed, _, _ = crawl_with_lying_dns(desk, desk.source(options=start, allow_private_addresses=True))

    assert refused == 3, stderr
    assert "museum.test is 127.0.0.1, which is not an address of the public internet" in report["message"]
    assert "Traceback" not in stderr
    assert silence == []
    assert allowed == 0
    assert desk.rows("SELECT outcome FROM sightings") == [("stored",)]


def test_images_and_redirects_to_private_addresses_are_rows_also_behind_a_proxy(desk, site, jpeg):
    """The proxy is the user's choice and may be here; what is asked of it may not."""
    host = "http://museum.test"
    away = {
        f"{host}/good.jpg": ("stored", ""),
        f"{host}/to-metadata.jpg": ("failed", "private_address"),
        f"{host}/to-localhost.jpg": ("failed", "private_address"),
        f"{host}/to-number.jpg": ("failed", "private_address"),
        f"{host}/to-file.jpg": ("failed", "http_302"),
        "http://10.1.2.3/a.jpg": ("failed", "private_address"),
        "http://[::1]/a.jpg": ("failed", "private_address"),
        "http://0x7f000001/a.jpg": ("failed", "private_address"),
        "http://169.254.169.254/latest/meta-data": ("failed", "private_address"),
    }
    targets = {
        "metadata": "http://169.254.169.254/latest/meta-data",
        "localhost": "http://localhost:6379/",
        "number": "http://2130706433/",
        "file": "file:///etc/passwd",
    }
    for name, target in targets.items():
        site.add(f"{host}/to-{name}.jpg", "", status=302, headers=(("Location", target),))
    site.add(f"{host}/good.jpg", jpeg(1))
    cards = "".join(f'<figure><img src="{url}"></figure>' for url in away)
    site.add(f"{host}/", f"<body>{cards}", headers=HTML)

    done = desk.crawl(desk.source(options={"start": [f"{host}/"]}, proxy=site.url, allow_private_addresses=False))

    assert done.code == 0, done.stderr
    assert "Traceback" not in done.stderr
    rows = {url: (outcome, (reason or "").partition(":")[0]) for url, (outcome, reason) in desk.fates().items()}
    assert rows == away
    assert {asked.path.partition("/robots.txt")[0] for asked in site.log if "museum.test" not in asked.path} == set()


def test_chromium_is_kept_away_wherever_it_is_led(desk, site):
    """127.0.0.1 counts as public here, 127.0.0.2 does not; a page leads there by name, redirect, frame and socket."""
    inner = socket.create_server(("127.0.0.2", 0))
    inner.setblocking(False)
    port = inner.getsockname()[1]
    secret = f"http://inner.test:{port}/secret"
    site.add("/there", "", status=302, headers=(("Location", secret),))
    site.add("/open", "fine")
    asks = [secret, "/there", f"http://127.0.0.2:{port}/secret", "file:///etc/hostname", "/open"]
    page = f"""<!doctype html><body><main></main><iframe src="{secret}?frame"></iframe><script>
      const ask = url => fetch(url).then(a => a.ok ? a.text() : "nothing").catch(() => "nothing");
      Promise.all({json.dumps(asks)}.map(ask)).then(said => said.forEach((text, n) => {{
        const image = document.createElement("img"); image.src = `/${{encodeURIComponent(text)}}${{n}}.jpg`;
        document.querySelector("main").append(image); }}));
      new WebSocket("{secret.replace("http", "ws")}");
    </script>"""
    start = site.add("/", page, headers=HTML).replace("127.0.0.1", "museum.test")
    browser = {"enabled": True, "wait_for": "main img:nth-of-type(5)"}
    source = desk.source(options={"start": [start], "browser": browser}, allow_private_addresses=False)

    code, _, stderr = crawl_with_lying_dns(desk, source, LYING_DNS.replace("from harvest.crawl.process", ONE_IS_PUBLIC))

    assert code == 0, stderr
    with inner, pytest.raises(BlockingIOError):  # nobody has knocked
        inner.accept()
    said = [url.rpartition("/")[2] for (url,) in desk.rows("SELECT image_url FROM sightings ORDER BY seq")]
    assert sorted(said) == ["fine4.jpg", "nothing0.jpg", "nothing1.jpg", "nothing2.jpg", "nothing3.jpg"]


def test_scripts_obey_robots_txt(desk, site, jpeg):
    site.add("/robots.txt", "User-agent: *\nDisallow: /api/private\n")
    site.add("/api/open", '["/a.jpg"]')
    site.add("/api/private", '["/b.jpg"]')
    site.add("/a.jpg", jpeg(1))
    page = """<body><main></main><script>
      for (const path of ["/api/private", "/api/open"]) fetch(path).then(a => a.json()).then(works => {
        for (const work of works) { const image = document.createElement("img"); image.src = work;
          document.querySelector("main").append(image); } }).catch(() => 0);
    </script>"""
    site.add("/", page, headers=HTML)
    options = {"start": [f"{site.url}/"], "browser": {"enabled": True, "wait_for": "main img"}}

    done = desk.crawl(desk.source(options=options))

    assert done.code == 0, done.stderr
    assert site.asked("/api/") == ["/api/open"]
    assert desk.fates() == {"/a.jpg": ("stored", None)}


def test_names_of_a_server_never_become_paths(desk, site, jpeg):
    hostile = ["/../../../../etc/evil.jpg", "/%2e%2e%2f%2e%2e%2fescape.jpg", "/a%00b.jpg", "/" + "x" * 3000 + ".jpg"]
    for number, path in enumerate(hostile):
        site.add(path, jpeg(number), headers=(("Content-Disposition", 'attachment; filename="../../evil.jpg"'),))
    cards = "".join(f'<figure><img src="{path}"></figure>' for path in hostile)
    site.add("/", f"<title>../../../evil</title><body>{cards}", headers=HTML)

    done = desk.crawl(desk.source(evidence="warc"))

    assert done.code == 0, done.stderr
    root = desk.workspace.root
    found = {
        Path(folder).relative_to(desk.folder) / name for folder, _, names in os.walk(desk.folder) for name in names
    }
    assert not [path for path in found if any(word in str(path) for word in ("evil", "escape", "xxx", "%"))]
    assert all(not path.is_symlink() for path in root.rglob("*"))
    assert {path.parts[0] for path in found} <= {"workspace", "source-1.yaml"}


def test_images_with_addresses_of_other_schemes_are_rows(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    listed = ["ftp://example.org/a.jpg", "file:///etc/passwd", "javascript:alert(1)", "data:image/png;base64,AAAA"]
    (desk.folder / "list.jsonl").write_text(
        "".join(json.dumps({"url": url}) + "\n" for url in [*listed, f"{site.url}/a.jpg"])
    )
    source = desk.source(spider="urls", options={"lists": [str(desk.folder / "list.jsonl")]})

    done = desk.crawl(source)

    assert done.code in {0, 3}, done.stderr
    assert "Traceback" not in done.stderr
    rows = {url: (outcome, (reason or "").partition(":")[0]) for url, (outcome, reason) in desk.fates().items()}
    assert rows.pop("/a.jpg") == ("stored", "")
    assert set(rows.values()) <= {("failed", "url")}
    said = done.stderr + " ".join(rows)
    assert all(url.partition(":")[0] in said for url in listed)
