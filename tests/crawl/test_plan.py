"""Plans: counts asked of a source without asking for an image, and the arithmetic from them to hours."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.crawl.planning.plan import HostSample, Sample, estimate, plan_sources
from harvest.progress import SilentProgress

ROOT = Path(__file__).parent.parent.parent
SAMPLE = Sample(
    pages=2,
    is_cut=True,
    announced=1000,
    met=100,
    new=80,
    known=15,
    refused=5,
    with_creator=90,
    licenses={"CC0-1.0": 100},
    opt_outs={"robots": 5},
    stated=40,
    bytes=4000,
    usual_bytes=500.0,
    unasked_hosts=0,
    daily=None,
    hosts=(
        HostSample(name="api.example", pages=2, delay=3.0),
        HostSample(name="cdn.example", images=80, delay=1.0),
    ),
)


def test_what_was_not_met_is_taken_to_be_like_what_was():
    plan = estimate("fins", SAMPLE)

    assert (plan.basis, plan.images, plan.to_fetch) == ("announced", 1000, 800)
    assert {host.name: host.requests for host in plan.hosts} == {"api.example": 22, "cdn.example": 802}
    assert plan.requests == 824
    assert plan.hours == pytest.approx(802 / 3600)
    assert (plan.bytes, plan.bytes_basis) == (80_000, "some stated")


def test_what_was_met_whole_is_counted():
    plan = estimate("fins", replace(SAMPLE, is_cut=False, stated=80, bytes=8000))

    assert (plan.basis, plan.images, plan.to_fetch) == ("counted", 100, 80)
    assert (plan.bytes, plan.bytes_basis) == (8000, "stated")


def test_bytes_come_from_the_ledger_or_nowhere():
    assert estimate("fins", replace(SAMPLE, stated=0, bytes=0)).bytes == 400_000
    assert estimate("fins", replace(SAMPLE, stated=0, bytes=0, usual_bytes=None)).bytes is None


@pytest.mark.parametrize(("daily", "hours"), [(1000, 802 / 3600), (400, 48.0), (100, 192.0)])
def test_a_daily_limit_makes_days(daily, hours):
    api, cdn = SAMPLE.hosts

    plan = estimate("fins", replace(SAMPLE, hosts=(api, replace(cdn, daily=daily))))

    assert plan.hours == pytest.approx(hours)


@given(st.integers(0, 500), st.integers(0, 5000), st.booleans())
def test_an_estimate_is_never_below_what_was_met(met, announced, is_cut):
    sample = replace(SAMPLE, met=met, new=met, known=0, refused=0, announced=announced, is_cut=is_cut)

    plan = estimate("fins", sample)

    assert plan.images >= met
    assert plan.requests >= SAMPLE.pages
    assert plan.images == met or is_cut


def listing(site, page: int, *, pages: int = 3, each: int = 4, head: str = "") -> str:
    cards = "".join(f'<figure><img src="/i/{page}-{number}.jpg"></figure>' for number in range(each))
    following = f'<a rel="next" href="/list/{page + 1}">more</a>' if page < pages else ""
    body = f"<html><head>{head}</head><body>{cards}{following}"
    return site.add(f"/list/{page}", body, headers=(("Content-Type", "text/html"),))


def planned(desk, source, pages=20):
    [made] = plan_sources(desk.workspace, [source], pages=pages, processes=1, progress=SilentProgress())
    return made


@pytest.fixture
def gallery(desk, site) -> Path:
    start, *_ = (listing(site, page) for page in (1, 2, 3))
    return desk.source(options={"start": [start]}, license="CC-BY-4.0", pace={"delay": 0.05, "concurrency": 1})


def test_a_plan_asks_for_pages_and_refusals_and_no_image(desk, site, gallery):
    plan = planned(desk, gallery)

    assert (plan.exit_code, plan.basis, plan.images, plan.to_fetch) == (0, "counted", 12, 12)
    assert plan.sample.licenses == {"CC-BY-4.0": 12}
    assert sorted(site.asked()) == ["/.well-known/tdmrep.json", "/list/1", "/list/2", "/list/3", "/robots.txt"]
    assert plan.requests == 3 + 12 + 2
    assert plan.hours == pytest.approx(17 * 0.05 / 3600)
    assert not desk.workspace.ledger.exists()
    assert not desk.workspace.journal.exists()


def test_a_plan_stops_after_its_pages_and_says_so(desk, site, gallery):
    plan = planned(desk, gallery, pages=2)

    assert (plan.basis, plan.images, plan.sample.pages) == ("met so far", 8, 2)
    assert site.asked("/list/3") == []
    assert site.asked("/i/") == []


def test_what_the_source_announces_is_what_is_planned_for(desk, site):
    photos = [
        {"id": str(n), "owner": "1@N00", "ownername": "Ana", "license": "4", "url_l": f"{site.url}/{n}.jpg"}
        for n in range(5)
    ]
    answer = {"photos": {"page": 1, "pages": 40, "perpage": 5, "total": 200, "photo": photos}, "stat": "ok"}
    site.add("/rest/", json.dumps(answer))
    options = {"api_key": "k-e-y", "endpoint": f"{site.url}/rest/", "users": ["1@N00"]}

    plan = planned(desk, desk.source(spider="flickr", options=options), pages=1)

    assert (plan.basis, plan.images) == ("announced", 200)
    assert (plan.sample.with_creator, plan.sample.licenses) == (5, {"CC-BY-2.0": 5})
    assert plan.requests == 40 + 200 + 2
    assert site.asked("/0.jpg") == []


def test_refusals_are_known_beforehand(desk, site):
    site.add("/robots.txt", "User-agent: *\nDisallow: /i/1-0\nDisallow: /i/1-1")
    start = listing(site, 1, pages=1, head='<meta name="tdm-reservation" content="1">')
    source = desk.source(options={"start": [start]}, opt_out={"honour": ["robots"]})

    plan = planned(desk, source)

    assert (plan.sample.refused, plan.to_fetch) == (2, 2)
    assert plan.sample.opt_outs == {"tdmrep": 4, "robots": 2}


def test_a_plan_after_a_crawl_counts_what_is_new_and_writes_nothing(desk, site, jpeg):
    source = desk.source(options={"start": [listing(site, 1, pages=1)]})
    for number in range(4):
        site.add(f"/i/1-{number}.jpg", jpeg(number))
    assert desk.crawl(source).code == 0
    asked = len(site.log)
    site.answers["/list/1"].clear()
    listing(site, 1, pages=1, each=6)
    before = digests(desk.workspace.root)

    plan = planned(desk, source)

    assert (plan.sample.known, plan.sample.new, plan.images) == (4, 2, 6)
    [(mean,)] = desk.rows("SELECT avg(bytes) FROM images")
    assert (plan.bytes, plan.bytes_basis) == (round(2 * mean), "ledger")
    assert all(not entry.path.startswith("/i/") for entry in site.log[asked:])
    assert digests(desk.workspace.root) == before


def digests(root: Path) -> dict[str, str]:
    """Of all that is in a workspace but the pace that its processes share."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] != "pace"
    }


def test_a_page_that_does_not_answer_fails_the_plan_as_it_would_fail_the_crawl(desk, site):
    plan = planned(desk, desk.source(options={"start": [f"{site.url}/gone"]}))

    assert plan.exit_code == 3
    assert plan.message == f"pages could not be read, so images are missing: {site.url}/gone: HTTP 404"


def test_the_command_speaks_to_people_and_to_programs(desk, site, gallery):
    command = [sys.executable, "-m", "harvest", "plan", str(gallery), "-w", str(desk.workspace.root)]

    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ))
    answer = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "12 (counted)" in told.stdout
    assert "CC-BY-4.0 100%" in told.stdout
    [plan] = json.loads(answer.stdout)
    assert (plan["source"], plan["images"], plan["bytes"]) == ("trial", 12, None)
