"""Which budget a request is paid from."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from harvest.config.source import load_source
from harvest.hosts.budgets import PUBLISHED, Budgets


@pytest.fixture
def budgets(tmp_path: Path):
    def make(**pace) -> Budgets:
        values = {"name": "trial", "spider": "gallery", "contact": "a@example.org", "options": {}, "pace": pace}
        path = tmp_path / "source.yaml"
        path.write_text(yaml.safe_dump(values))
        return Budgets(load_source(path))

    return make


def shown(budgets: Budgets, url: str) -> tuple[str, float, int, int | None]:
    budget = budgets.at(url)
    return budget.name, budget.delay, budget.concurrency, budget.daily


def test_what_the_yaml_does_not_say_is_taken_from_the_published_limits(budgets):
    made = budgets()
    assert shown(made, "https://web.archive.org/cdx/search/cdx?url=a") == ("web.archive.org/cdx/", 2.5, 1, None)
    assert shown(made, "https://web.archive.org/web/2001id_/http://a/") == ("web.archive.org", 0.125, 2, None)
    assert shown(made, "https://api.openverse.org/v1/images/") == ("api.openverse.org", 3.0, 1, 200)
    assert shown(made, "https://ia801.us.archive.org/1/a.jpg") == (".us.archive.org", 1.0, 5, None)
    assert shown(made, "https://museum.example/") == ("museum.example", 1.0, 2, None)
    assert shown(made, "https://MUSEUM.example.:8080/") == ("museum.example", 1.0, 2, None)


def test_the_slower_of_a_published_limit_and_the_yaml_holds(budgets):
    slow, fast = budgets(delay=5, concurrency=1), budgets(delay=0, concurrency=16)
    assert shown(slow, "https://api.flickr.com/") == ("api.flickr.com", 5.0, 1, None)
    assert shown(slow, "https://archive.org/") == ("archive.org", 5.0, 1, None)
    assert shown(fast, "https://api.flickr.com/") == ("api.flickr.com", 1.1, 1, None)
    assert shown(fast, "https://upload.wikimedia.org/a.jpg") == ("upload.wikimedia.org", 0.0, 2, None)
    assert shown(fast, "https://museum.example/") == ("museum.example", 0.0, 16, None)


def test_a_host_that_the_yaml_names_is_asked_as_it_says(budgets):
    made = budgets(
        delay=1,
        hosts={
            "web.archive.org": {"delay": 0.5, "concurrency": 3},
            "images.example/large/": {"delay": 9, "concurrency": 1, "daily": 10},
            ".museum.example": {"delay": 2},
        },
    )
    assert shown(made, "https://web.archive.org/cdx/search/cdx") == ("web.archive.org", 0.5, 3, None)
    assert shown(made, "https://images.example/large/1.jpg") == ("images.example/large/", 9.0, 1, 10)
    assert shown(made, "https://images.example/small/1.jpg") == ("images.example", 1.0, 2, None)
    assert shown(made, "https://a.museum.example/") == (".museum.example", 2.0, 2, None)
    assert shown(made, "https://notmuseum.example/") == ("notmuseum.example", 1.0, 2, None)


def test_one_path_in_the_yaml_leaves_the_rest_of_the_host_to_its_published_limit(budgets):
    made = budgets(hosts={"web.archive.org/cdx/": {"delay": 6, "concurrency": 1}})
    assert shown(made, "https://web.archive.org/cdx/search/cdx") == ("web.archive.org/cdx/", 6.0, 1, None)
    assert shown(made, "https://web.archive.org/web/1/a") == ("web.archive.org", 0.125, 2, None)


def test_every_published_limit_says_where_it_is_from():
    assert all(urlsplit(limit.source).scheme == "https" for limit in PUBLISHED)
    assert len({limit.name for limit in PUBLISHED}) == len(PUBLISHED)
