from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harvest.audit import CHECKS, audit
from harvest.audit.recheck import RecheckReport, RecheckTerms, recheck
from harvest.audit.recheck.wire import transport
from harvest.config.policy import Policy
from harvest.config.source import SourceConfig, load_source
from harvest.errors import UsageError
from harvest.hosts.addresses import PrivateAddress
from harvest.items import Signal
from harvest.ledger import RecheckRow, open_ledger, write_rechecks

BY = "https://creativecommons.org/licenses/by/4.0/"


@dataclass
class Trial:
    """A dataset whose images hang in a museum on loopback."""

    dataset: Any
    museum: Any
    folder: Path

    def source(self, name: str = "museum", **settings: Any) -> SourceConfig:
        values: dict[str, Any] = {
            "name": name,
            "spider": "gallery",
            "contact": "archivist@example.org",
            "allow_private_addresses": True,
            "pace": {"delay": 0, "concurrency": 4, "retries": 1},
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump({**values, **settings}))
        return load_source(file)

    def meet(self, seed: int, body: bytes, **said: Any) -> str:
        """An image at /`seed`.jpg as the crawl found it; its sha256. Its etag is `"0"`, or the number of its turn."""
        url = f"{self.museum.url}/{seed}.jpg"
        values = {"image_url": url, "page_url": f"{self.museum.url}/{seed}.html", **said}
        return str(self.dataset.meet(seed, body=body, **values))

    def ask(self, source: SourceConfig | None = None, **terms: Any) -> RecheckReport:
        config = source or self.source()
        return recheck(self.dataset.workspace, RecheckTerms(sources={config.name: config}, **terms))

    def rows(self, columns: str) -> dict[str, tuple[Any, ...]]:
        """By path of the image, columns of the newest recheck."""
        answer = self.dataset.sql(f"SELECT image_url, {columns} FROM latest_rechecks")
        return {str(url).removeprefix(self.museum.url): tuple(rest) for url, *rest in answer}


@pytest.fixture
def museum(asked_again: Any) -> Iterator[Any]:
    with asked_again.Museum().open() as server:
        yield server


@pytest.fixture
def trial(empty: Any, museum: Any, tmp_path: Path) -> Trial:
    return Trial(empty, museum, tmp_path)


@pytest.fixture
def shot(photograph: Callable[..., bytes]) -> Callable[..., bytes]:
    return photograph


def test_each_answer_has_its_outcome(trial: Trial, shot: Callable[..., bytes]) -> None:
    bodies = [shot(seed) for seed in range(12)]
    other = bytes(reversed(bodies[3]))
    shows = trial.museum.shows
    shows("/0.jpg", bodies[0], headers={"ETag": '"0"'})
    shows("/1.jpg", bodies[1])
    shows("/2.jpg", bodies[2] + b"more")
    shows("/3.jpg", other)
    shows("/4.jpg", status=301, headers={"Location": "/new/4.jpg"})
    shows("/new/4.jpg", bodies[4])
    shows("/5.jpg", status=410)
    shows("/6.jpg", b"<html>Not here any more", headers={"Content-Type": "text/html"})
    shows("/7.jpg", status=403)
    shows("/8.jpg", status=302, headers={"Location": "/8.jpg"})
    shows("/9.jpg", status=500)
    shows("/10.jpg", bodies[10], says_length=False)
    shows("/11.jpg", status=302, headers={"Location": "ftp://127.0.0.1/11.jpg"})
    for seed, body in enumerate(bodies):
        trial.meet(seed, body)
    trial.dataset.crawl()

    report = trial.ask()

    assert trial.rows("outcome, http_status") == {
        "/0.jpg": ("unchanged", 304),
        "/1.jpg": ("unchanged", 200),
        "/2.jpg": ("changed", 200),
        "/3.jpg": ("changed", 200),
        "/4.jpg": ("moved", 200),
        "/5.jpg": ("gone", 410),
        "/6.jpg": ("gone", 200),
        "/7.jpg": ("refused", 403),
        "/8.jpg": ("failed", None),
        "/9.jpg": ("failed", 500),
        "/10.jpg": ("unchanged", 200),
        "/11.jpg": ("failed", None),
    }
    details = trial.rows("detail, moved_to")
    assert details["/2.jpg"] == (f"{len(bodies[2]) + 4} bytes, {len(bodies[2])} before; page: HTTP 404", None)
    assert details["/4.jpg"][1] == f"{trial.museum.url}/new/4.jpg"
    assert details["/8.jpg"][0].startswith("redirects: more than 10 redirects")
    assert details["/11.jpg"][0].startswith("url: ftp: addresses are not asked for")
    assert trial.museum.asked("/0.jpg") == ["HEAD"]
    assert trial.museum.asked("/1.jpg") == ["HEAD", "GET"]
    assert trial.museum.asked("/2.jpg") == ["HEAD"]
    assert trial.museum.asked("/9.jpg") == ["HEAD", "HEAD"]
    agents = {asked.headers["user-agent"] for asked in trial.museum.log}
    assert agents == {"herbarium-harvester/0.1.0 (+archivist@example.org)"}
    assert report.outcomes == {"changed": 2, "failed": 3, "gone": 2, "moved": 1, "refused": 1, "unchanged": 3}
    assert (report.asked, report.left) == (12, 3)


def test_a_host_that_knows_no_head_is_asked_for_one_byte(trial: Trial, shot: Callable[..., bytes]) -> None:
    bodies = [shot(seed) for seed in range(4)]
    trial.museum.shows("/0.jpg", bodies[0], knows_head=False, headers={"ETag": '"0"'})
    trial.museum.shows("/1.jpg", bodies[1] + b"!", knows_head=False)
    trial.museum.shows("/2.jpg", bodies[2], knows_head=False, knows_ranges=False)
    trial.museum.shows("/3.jpg", bodies[3], knows_head=False, headers={"ETag": 'W/"3"'})
    for seed, body in enumerate(bodies):
        trial.meet(seed, body, page_url=None)
    trial.dataset.crawl()

    trial.ask()

    assert trial.rows("outcome, http_status, page_status") == {
        "/0.jpg": ("unchanged", 304, None),
        "/1.jpg": ("changed", 206, None),
        "/2.jpg": ("unchanged", 200, None),
        "/3.jpg": ("unchanged", 206, None),
    }
    assert trial.museum.asked("/2.jpg") == ["HEAD", "GET"]
    ranges = [entry.headers.get("range") for entry in trial.museum.log if entry.method == "GET" and "jpg" in entry.path]
    assert set(ranges) == {"bytes=0-0"}


def test_a_page_tells_its_licence_today(trial: Trial, shot: Callable[..., bytes]) -> None:
    link = '<figure><img src="/{0}.jpg"><a rel="license" href="https://creativecommons.org/licenses/{1}/">terms</a></figure>'
    stated = json.dumps(
        {"@type": "ImageObject", "contentUrl": f"{trial.museum.url}/2.jpg", "license": BY.replace("by", "by-nc")}
    )
    trial.museum.page("/0.html", link.format(0, "by/4.0"))
    trial.museum.page("/1.html", link.format(1, "by-nd/4.0"))
    trial.museum.page("/2.html", f'<script type="application/ld+json">{stated}</script>')
    trial.museum.page("/3.html", '<link rel="license" href="/our-own-terms">')
    trial.museum.page(
        "/4.html", '<footer>Text: <a rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">'
    )
    trial.museum.page("/5.html", link.format(5, "by/4.0"))
    trial.museum.page("/5.html", "says nothing any more")
    for seed in range(6):
        trial.museum.shows(f"/{seed}.jpg", shot(seed), headers={"ETag": f'"{seed}"'})
        trial.meet(seed, shot(seed))
    trial.dataset.crawl()

    first = trial.ask()
    states = trial.rows("license_before, license_now, license_raw_now")
    trial.ask(older_than=0)

    assert states == {
        "/0.jpg": ("CC-BY-4.0", "CC-BY-4.0", "terms"),
        "/1.jpg": ("CC-BY-4.0", "CC-BY-ND-4.0", "terms"),
        "/2.jpg": ("CC-BY-4.0", "CC-BY-NC-4.0", BY.replace("by", "by-nc")),
        "/3.jpg": ("CC-BY-4.0", None, "/our-own-terms"),
        "/4.jpg": ("CC-BY-4.0", None, None),
        "/5.jpg": ("CC-BY-4.0", "CC-BY-4.0", "terms"),
    }
    assert first.licences_changed == 3
    (found,) = [each for each in audit(trial.dataset.workspace, Policy()).checks if each.check.id == "source-licence"]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert {finding.detail for finding in found.findings} == {
        f"CC-BY-4.0 before, CC-BY-ND-4.0 on {today}",
        f"CC-BY-4.0 before, CC-BY-NC-4.0 on {today}",
        f"CC-BY-4.0 before, unknown: /our-own-terms on {today}",
        f"no licence stated any more, terms on {today}",
    }


def test_new_refusals_are_told_apart_from_those_that_were_known(trial: Trial, shot: Callable[..., bytes]) -> None:
    url = trial.museum.url
    trial.museum.shows("/robots.txt", "User-agent: *\nContent-Signal: /2 ai-train=no\nDisallow: /3")
    trial.museum.shows("/.well-known/tdmrep.json", json.dumps([{"location": "/4*", "tdm-reservation": 1}]))
    trial.museum.page("/1.html", '<meta name="robots" content="noai">')
    trial.museum.page("/4.html", '<meta name="tdm-reservation" content="0">')
    trial.museum.page("/6.html", '<meta name="robots" content="noai">')
    for seed in range(7):
        headers = {"ETag": f'"{seed}"', **({"X-Robots-Tag": "noai"} if seed in {0, 5} else {})}
        trial.museum.shows(f"/{seed}.jpg", shot(seed), headers=headers)
    for seed in range(7):
        known = (Signal(kind="x-robots-tag", value="noai", where=f"{url}/5.jpg"),) if seed == 5 else ()
        trial.meet(seed, shot(seed), signals=known, page_url=f"{url}/1.html" if seed == 6 else f"{url}/{seed}.html")
    trial.dataset.crawl()

    trial.ask()

    told = {
        path: [(each["kind"], each["value"], each["where"].removeprefix(url)) for each in json.loads(said)]
        for path, (said,) in trial.rows("opt_out").items()
    }
    assert told == {
        "/0.jpg": [("x-robots-tag", "noai", "/0.jpg")],
        "/1.jpg": [("meta-robots", "noai", "/1.html")],
        "/2.jpg": [("content-signal", "ai-train=no", "/robots.txt")],
        "/3.jpg": [("robots", "disallows /3.jpg", "/robots.txt")],
        "/4.jpg": [],
        "/5.jpg": [],
        "/6.jpg": [("meta-robots", "noai", "/1.html")],
    }
    assert trial.museum.asked("/3.jpg") == []
    assert trial.museum.asked("/1.html") == ["GET"]
    assert len(trial.museum.asked("/robots.txt")) == len(trial.museum.asked("/.well-known/tdmrep.json")) == 1
    assert trial.rows("outcome")["/3.jpg"] == ("refused",)
    (found,) = [each for each in audit(trial.dataset.workspace, Policy()).checks if each.check.id == "source-opt-out"]
    assert found.images == 5


def test_a_pass_goes_on_where_the_last_one_stopped(trial: Trial, shot: Callable[..., bytes]) -> None:
    for seed in range(5):
        trial.museum.shows(f"/{seed}.jpg", shot(seed), **({"status": 500} if seed == 4 else {}))
        trial.meet(seed, shot(seed), page_url=None)
    trial.dataset.crawl()
    source = trial.source(pace={"delay": 0, "retries": 0})

    first = trial.ask(source, limit=2)
    second = trial.ask(source)
    third = trial.ask(source)
    trial.dataset.sql("UPDATE rechecks SET asked_at = asked_at - INTERVAL 31 DAY WHERE outcome <> 'failed'")
    fourth = trial.ask(source)

    assert first.asked == 2
    assert second.asked == 3 + first.outcomes.get("failed", 0)
    assert [(report.asked, report.left) for report in (third, fourth)] == [(1, 1), (5, 1)]
    assert len({report.recheck for report in (first, second, third, fourth)}) == 4


def test_a_host_that_asks_for_time_gets_it(trial: Trial, shot: Callable[..., bytes]) -> None:
    for seed in range(3):
        trial.meet(seed, shot(seed), page_url=None)
    trial.dataset.crawl()
    trial.museum.shows("/0.jpg", status=429, headers={"Retry-After": "1"})
    trial.museum.shows("/0.jpg", shot(0))
    trial.museum.shows("/1.jpg", shot(1))
    trial.museum.shows("/2.jpg", shot(2))

    trial.ask(trial.source(pace={"delay": 0, "concurrency": 1, "retries": 2}))

    asked = [entry.at for entry in trial.museum.log if entry.path == "/0.jpg"]
    assert asked[1] - asked[0] >= 0.95
    assert set(trial.rows("outcome").values()) == {("unchanged",)}


def test_a_host_that_asks_for_an_hour_is_left_alone(trial: Trial, shot: Callable[..., bytes]) -> None:
    for seed in range(3):
        trial.meet(seed, shot(seed), page_url=None)
        trial.museum.shows(f"/{seed}.jpg", status=503, headers={"Retry-After": "3600"})
    trial.dataset.crawl()

    trial.ask(trial.source(pace={"delay": 0, "concurrency": 1, "retries": 2}))
    before = len(trial.museum.log)
    trial.ask()

    assert len([entry for entry in trial.museum.log if entry.path.endswith(".jpg")]) == 1
    assert len(trial.museum.log) == before
    assert {row[0].partition(":")[0] for row in trial.rows("detail").values()} == {"host_closed"}
    (refusing,) = trial.dataset.sql("SELECT host FROM hosts_refusing")
    assert refusing == (trial.museum.url.removeprefix("http://"),)


def test_the_pace_is_that_of_the_source(trial: Trial, shot: Callable[..., bytes]) -> None:
    for seed in range(6):
        trial.museum.shows(f"/{seed}.jpg", shot(seed), headers={"ETag": f'"{seed}"'})
        trial.meet(seed, shot(seed), page_url=None)
    trial.dataset.crawl()

    trial.ask(trial.source(pace={"delay": 0.4, "concurrency": 2}))

    starts = [entry.at for entry in trial.museum.log]
    assert len(starts) == 8
    # Delays vary by half, and a busy machine may hear of the first request late.
    assert starts[-1] - starts[0] > 0.7


def test_nothing_is_asked_on_private_networks(trial: Trial, shot: Callable[..., bytes]) -> None:
    trial.museum.shows("/0.jpg", shot(0))
    trial.meet(0, shot(0))
    trial.dataset.crawl()

    trial.ask(trial.source(allow_private_addresses=False))

    ((detail,),) = trial.rows("detail").values()
    assert detail.startswith("private_address: 127.0.0.1 is not an address of the public internet")
    assert trial.museum.log == []


def test_a_source_is_asked_by_its_proxy(trial: Trial, shot: Callable[..., bytes]) -> None:
    trial.meet(0, shot(0), image_url="http://far.museum.test/0.jpg", page_url=None)
    trial.dataset.crawl()
    trial.museum.shows("http://far.museum.test/0.jpg", shot(0))

    trial.ask(trial.source(proxy=trial.museum.url))

    assert trial.rows("outcome") == {"http://far.museum.test/0.jpg": ("unchanged",)}
    assert {entry.path.partition("test")[0] for entry in trial.museum.log} == {"http://far.museum."}


def test_a_refusal_counts_though_the_image_does_not_answer(trial: Trial, shot: Callable[..., bytes]) -> None:
    trial.meet(0, shot(0))
    trial.dataset.crawl()
    trial.museum.shows("/0.jpg", shot(0), headers={"ETag": '"0"'})
    trial.museum.shows("/0.jpg", status=500)
    source = trial.source(pace={"delay": 0, "retries": 0})

    trial.ask(source)
    before = trial.rows("outcome, opt_out")
    trial.museum.page("/0.html", '<meta name="robots" content="noai">')
    trial.ask(source, older_than=0)

    assert before == {"/0.jpg": ("unchanged", "[]")}
    ((outcome, said),) = trial.rows("outcome, opt_out").values()
    assert (outcome, json.loads(said)[0]["kind"]) == ("failed", "meta-robots")


def test_no_cookie_is_kept_and_nobody_waits_for_ever(trial: Trial, shot: Callable[..., bytes]) -> None:
    trial.museum.shows("/robots.txt", headers={"Set-Cookie": "visitor=7; Path=/"})
    trial.museum.shows("/0.jpg", shot(0))
    trial.museum.shows("/1.jpg", shot(1), delay=2.0)
    for seed in range(2):
        trial.meet(seed, shot(seed), page_url=None)
    trial.dataset.crawl()

    trial.ask(trial.source(limits={"timeout": 1.0}, pace={"delay": 0, "retries": 0}))

    assert [entry for entry in trial.museum.log if "cookie" in entry.headers] == []
    assert trial.rows("outcome")["/1.jpg"] == ("failed",)
    assert trial.rows("detail")["/1.jpg"][0].startswith("unanswered: ")


def test_a_name_is_judged_by_the_address_it_leads_to(museum: Any) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(transport=transport(allows_private=False), trust_env=False) as client:
            await client.get(museum.url.replace("127.0.0.1", "localhost"))

    with pytest.raises(PrivateAddress, match=r"localhost is (127\.0\.0\.1|::1), which is not an address"):
        asyncio.run(ask())
    assert museum.log == []


def test_http2_is_spoken_where_the_host_does(
    empty: Any, asked_again: Any, shot: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = asked_again.certificate(tmp_path, _self_signed)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    with asked_again.Http2Museum(chain, shot(0)).open() as museum:
        trial = Trial(empty, museum, tmp_path)
        trial.meet(0, shot(0), page_url=None)
        trial.dataset.crawl()

        trial.ask()

    assert trial.rows("outcome") == {"/0.jpg": ("unchanged",)}
    assert museum.versions == ["h2"]
    assert museum.paths[-2:] == [("HEAD", "/0.jpg"), ("GET", "/0.jpg")]


def test_somebody_has_to_answer_for_the_questions(trial: Trial, shot: Callable[..., bytes]) -> None:
    trial.meet(0, shot(0))
    trial.dataset.crawl()
    workspace = trial.dataset.workspace

    with pytest.raises(UsageError, match="nobody is named whom the hosts of source 'museum' could write to"):
        recheck(workspace, RecheckTerms(sources={}))
    with pytest.raises(UsageError, match="no image came from the web by a source 'musuem'; there are museum"):
        recheck(workspace, RecheckTerms(sources={}, contact="a@example.org", only=("musuem",)))


def test_what_was_taken_down_and_what_never_was_on_the_web_is_not_asked_for(
    trial: Trial, shot: Callable[..., bytes]
) -> None:
    taken = trial.meet(0, shot(0))
    trial.meet(1, shot(1), image_url="file:///photographs/1.jpg", page_url=None)
    trial.dataset.crawl()
    trial.dataset.sql(
        f"INSERT INTO takedowns BY NAME SELECT '{taken}' AS sha256, now() AS requested_at, "
        "'wish' AS reason, 'creator' AS requested_by"
    )

    report = trial.ask(contact="a@example.org")

    assert (report.asked, report.left, trial.museum.log) == (0, 0, [])


def test_an_interrupt_keeps_what_was_answered(trial: Trial, shot: Callable[..., bytes]) -> None:
    for seed in range(40):
        trial.museum.shows(f"/{seed}.jpg", shot(seed), headers={"ETag": f'"{seed}"'}, delay=0.0 if seed < 3 else 0.5)
        trial.meet(seed, shot(seed), page_url=None)
    trial.dataset.crawl()
    trial.source(pace={"delay": 0, "concurrency": 1})
    command = [sys.executable, "-m", "harvest", "audit", "--recheck", "--source", trial.folder / "museum.yaml"]
    running = subprocess.Popen(
        [*map(str, command), "-w", str(trial.dataset.workspace.root)], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(trial.museum.log) < 8 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, words = running.communicate(timeout=60)
    there = {str(url) for (url,) in trial.dataset.sql("SELECT image_url FROM rechecks")}

    report = trial.ask(trial.source(pace={"delay": 0, "concurrency": 8}))

    assert running.returncode == 130, words
    assert 0 < len(there) < 40
    assert report.asked == 40 - len(there)


def test_the_command_asks_and_the_report_shows_it(
    trial: Trial, shot: Callable[..., bytes], harvest: Callable[..., Any]
) -> None:
    trial.museum.shows("/0.jpg", status=404)
    trial.meet(0, shot(0))
    trial.dataset.crawl()
    trial.source()
    root = trial.dataset.workspace.root

    unnamed = harvest("audit", "--recheck", "-w", root, HARVEST_CONTACT="")
    stray = harvest("audit", "--limit", 3, "-w", root)
    asked = harvest("audit", "--recheck", "--source", trial.folder / "museum.yaml", "--json", "-w", root)

    assert (unnamed.returncode, stray.returncode) == (2, 2)
    assert "--contact you@example.org" in unnamed.stderr
    assert "add --recheck" in stray.stderr
    told = json.loads(asked.stdout)
    assert told["recheck"]["outcomes"] == {"gone": 1}
    assert "1 gone" in asked.stderr
    assert "image gone (HTTP 404)" in Path(told["files"]["html"]).read_text()


CASES: Mapping[str, Mapping[str, Any]] = {
    "source-opt-out": {"opt_out": json.dumps([{"kind": "tdmrep", "value": "1", "where": "http://m.test/"}])},
    "source-licence": {"license_now": "CC-BY-NC-4.0", "license_raw_now": "by-nc"},
    "source-gone": {"outcome": "gone", "http_status": 410},
    "source-changed": {"outcome": "moved", "moved_to": "http://m.test/new"},
}


@pytest.mark.parametrize("check", CASES)
def test_each_check_finds_its_fault_and_no_other(exported: Any, check: str) -> None:
    ((sha256, url),) = exported.sql("SELECT sha256, image_url FROM sightings ORDER BY seq LIMIT 1")
    now = datetime.now(UTC)
    usual = {"recheck": "1", "sha256": sha256, "source": "museum", "image_url": url, "page_url": None}
    good = {"outcome": "unchanged", "license_before": "CC-BY-4.0", "license_now": "CC-BY-4.0", "license_raw_now": "by"}
    with open_ledger(exported.workspace, write=True) as con:
        write_rechecks(con, [RecheckRow(**usual, **good, asked_at=(now - timedelta(days=2)).isoformat())])
    before = {each.check.id: each.status for each in audit(exported.workspace, Policy()).checks}
    with open_ledger(exported.workspace, write=True) as con:
        changed = {**usual, **good, **CASES[check], "recheck": "2"}
        write_rechecks(con, [RecheckRow(**changed, asked_at=(now - timedelta(days=1)).isoformat())])
        # A pass in which nothing answered takes nothing back.
        silent = {**usual, "recheck": "3", "outcome": "failed", "license_before": "CC-BY-4.0"}
        write_rechecks(con, [RecheckRow(**silent, asked_at=now.isoformat())])
    after = {each.check.id: each.status for each in audit(exported.workspace, Policy()).checks}

    assert {name for name in CHECKS if name in CASES} == set(CASES)
    assert {before[name] for name in CASES} == {"passed"}
    assert {name for name in CASES if after[name] == "found"} == {check}


def _self_signed() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "museum")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return key, built.sign(key, hashes.SHA256())
