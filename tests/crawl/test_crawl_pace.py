"""Pace over real crawls: budgets by path, days that are used up, hosts that refuse, processes side by side."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent


def span(times: list[float]) -> float:
    """Seconds from the first to the last. An arrival may be noted late, so that a single gap says little."""
    return max(times) - min(times)


def test_crawls_side_by_side_share_a_hosts_pace(desk, site, jpeg):
    """Two sources, two processes, one host: together they are as slow as one."""
    sources = []
    for name in ("left", "right"):
        pictures = [f"/{name}/{number}.jpg" for number in range(5)]
        for number, picture in enumerate(pictures):
            site.add(picture, jpeg(number))
        site.add_gallery(pictures, path=f"/{name}")
        pace = {"delay": 0.4, "concurrency": 2}
        sources.append(desk.source(name=name, options={"start": [f"{site.url}/{name}"]}, pace=pace))

    crawls = [
        subprocess.Popen(desk.command(source), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for source in sources
    ]
    codes = [(crawl.communicate(timeout=PATIENCE)[1], crawl.returncode)[1] for crawl in crawls]

    assert codes == [0, 0]
    # Both have the same five pictures, and each process may be the first to keep one.
    assert {outcome for (outcome,) in desk.rows("SELECT outcome FROM sightings")} <= {"stored", "known"}
    assert desk.rows("SELECT count(*), count(DISTINCT sha256) FROM sightings") == [(10, 5)]
    # Delays vary by half. Two paces side by side would be through in half of the time.
    assert span([asked.at for asked in site.log]) >= 0.7 * 0.4 * (len(site.log) - 1)


def test_an_index_and_the_files_beside_it_have_budgets_of_their_own(desk, site, jpeg):
    pictures = [f"/files/{number}.jpg" for number in range(6)]
    for number, picture in enumerate(pictures):
        site.add(picture, jpeg(number))
    for page in range(4):
        site.add_gallery(pictures if page == 0 else [], path=f"/index/{page}")
    hosts = {
        "127.0.0.1/index/": {"delay": 2, "concurrency": 1},
        "127.0.0.1/files/": {"delay": 0.2, "concurrency": 1},
    }
    start = [f"{site.url}/index/{page}" for page in range(4)]

    done = desk.crawl(desk.source(options={"start": start}, pace={"delay": 0, "hosts": hosts}))

    assert done.finished["stored"] == 6, done.stderr
    index = [asked.at for asked in site.log if asked.path.startswith("/index/")]
    files = [asked.at for asked in site.log if asked.path.startswith("/files/")]
    assert span(index) >= 3 * 1.0 - 0.5
    assert span(files) >= 5 * 0.1 - 0.2
    assert files[-1] < index[-1]  # nobody waited for the other


def test_a_day_that_is_used_up_ends_the_run_and_the_next_day_goes_on(desk, site, jpeg):
    pictures = [f"/{number}.jpg" for number in range(12)]
    for number, picture in enumerate(pictures):
        site.add(picture, jpeg(number))
    site.add_gallery(pictures)
    source = desk.source(pace={"delay": 0, "concurrency": 1, "daily": 8})

    first = desk.crawl(source)
    asked = len(site.log)
    (desk.workspace.root / "pace" / "today.json").unlink()  # the ledger knows what is lost here
    second = desk.crawl(source)

    assert (first.code, second.code) == (3, 3)
    assert "8 requests a day (UTC) for source trial are used up until " in first.finished["message"]
    assert first.finished["outcome"] == "refused"
    assert asked == len(site.log) == 8
    assert first.finished["stored"] == 5  # robots.txt, the page and tdmrep.json are requests too
    assert desk.rows("SELECT host, requests FROM host_days") == [("source trial", 8)]
    words = {(reason or "").partition(":")[0] for _, reason in desk.fates().values()}
    assert words == {"", "daily_limit"}

    # Tomorrow, as far as ledger and book can tell.
    (desk.workspace.root / "pace" / "today.json").write_text(json.dumps({"day": "2020-01-01", "requests": {}}))
    tomorrow = desk.source(pace={"delay": 0, "concurrency": 1})
    assert desk.crawl(tomorrow).code == 0
    assert len({sha for (sha,) in desk.rows("SELECT sha256 FROM images")}) == 12
    assert all(len(site.asked(picture)) == 1 for picture in pictures)


def test_a_host_that_refuses_is_left_alone_until_the_time_in_the_ledger(desk, site, jpeg):
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    site.add("/a.jpg", "not now", status=503, headers=(("Retry-After", later),))
    site.add_gallery(["/a.jpg"])
    source = desk.source()

    first = desk.crawl(source)
    asked = len(site.log)
    (desk.workspace.root / "pace" / "closed.json").unlink()
    second = desk.crawl(source)

    assert first.code == 0, first.stderr
    host = site.url.removeprefix("http://")
    ((noted, minutes),) = desk.rows("SELECT host, date_diff('minute', now(), until) FROM hosts_refusing")
    assert noted == host
    assert 55 <= minutes <= 60
    assert second.code == 3
    assert f"{host} is left alone until " in second.finished["message"]
    assert len(site.log) == asked


def test_a_crawl_delay_holds_for_pages_in_a_browser_too(desk, site):
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 1.5\n")
    for page in range(6):
        site.add(f"/{page}", "<body><figure>nothing</figure>", headers=(("Content-Type", "text/html"),))
    options = {"start": [f"{site.url}/{page}" for page in range(6)], "browser": {"enabled": True}}

    done = desk.crawl(desk.source(options=options))

    assert "Traceback" not in done.stderr
    pages = sorted(asked.at for asked in site.log if asked.path.strip("/").isdecimal())
    assert len(pages) == 6
    # The first page comes late, with the browser. A page is asked for once its tab is open, which may take seconds on a
    # busy machine: one gap may be shorter for another that was longer, but all together they keep the pace.
    assert span(pages[1:]) >= 4 * 1.5 / 2


def test_a_redirect_is_paid_from_the_budget_of_where_it_leads(desk, site, jpeg):
    for number in range(3):
        site.add(f"/old/{number}.jpg", "", status=302, headers=(("Location", f"/new/{number}.jpg"),))
        site.add(f"/new/{number}.jpg", jpeg(number))
    site.add_gallery([f"/old/{number}.jpg" for number in range(3)])
    hosts = {"127.0.0.1/new/": {"delay": 1.0, "concurrency": 1}}

    done = desk.crawl(desk.source(pace={"delay": 0, "hosts": hosts}))

    assert done.finished["stored"] == 3, done.stderr
    assert span([asked.at for asked in site.log if asked.path.startswith("/new/")]) >= 2 * 0.5 - 0.3
