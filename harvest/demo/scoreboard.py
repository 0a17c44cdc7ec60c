"""What was planted in the museum, and what became of it: found, missed, wrongly taken, kind by kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harvest.demo.museum.planted import GOOD, KINDS, Fate, Planted
from harvest.demo.museum.server import Logged
from harvest.items import Outcome
from harvest.ledger import Connection

__all__ = ["Goal", "Score", "Scoreboard", "score"]

_NEAR = ("reencoded", "resized")
_UNWANTED = ("synthetic", "data_mining", "no_licence", "all_rights_reserved", "thumbnail")
_HARMFUL = tuple(
    kind for kind, fate in KINDS.items() if fate in {Fate.BROKEN, Fate.NOT_FETCHED, Fate.REFUSED, Fate.GONE}
)
_HERE = (Outcome.STORED, Outcome.KNOWN, Outcome.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One kind: how many were planted, how many met the fate they ought to, and how many are in the export wrongly.

    A copy counts as wrongly taken when its original, or another copy of it, is in the export too.
    """

    kind: str
    fate: Fate
    planted: int
    found: int
    wrongly_taken: int

    @property
    def missed(self) -> int:
        """Planted, and something else became of it."""
        return self.planted - self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound that the demo is held to: `measured` against it, in words."""

    what: str
    measured: str
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """All kinds and all goals. `unmet` are planted URLs that no crawl came across."""

    scores: tuple[Score, ...]
    goals: tuple[Goal, ...]
    unmet: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether every goal is met."""
        return all(goal.met for goal in self.goals)

    def to_rows(self) -> tuple[list[str], list[list[object]]]:
        """Column names and one row a kind, for a table."""
        columns = ["kind", "ought to be", "planted", "found", "missed", "wrongly taken"]
        return columns, [
            [
                score.kind.replace("_", " "),
                score.fate.replace("_", " "),
                score.planted,
                score.found,
                score.missed,
                score.wrongly_taken,
            ]
            for score in self.scores
        ]


@dataclass(frozen=True, slots=True)
class _Met:
    outcome: str
    sha256: str | None
    http_status: int | None
    license: str | None
    creator: str | None


class _Ledger:
    """What the ledger says of planted URLs, and the families that copies form with their originals."""

    def __init__(
        self, con: Connection, truth: Sequence[Planted], exported: Collection[str], requests: Sequence[Logged]
    ) -> None:
        self.met: dict[str, list[_Met]] = defaultdict(list)
        for url, *values in con.execute(_SIGHTINGS).fetchall():
            self.met[url].append(_Met(*values))
        self.asked = {line.url for line in requests}
        self.places = Counter(sha256 for (sha256,) in con.execute(_PLACES).fetchall())
        self.group_of: dict[str, str] = dict(con.execute("SELECT sha256, group_id FROM duplicates").fetchall())
        self.exported = frozenset(exported)
        by_url = {one.url: one for one in truth}
        self.root = {one.url: _root(one, by_url) for one in truth}
        self.family: dict[str, list[Planted]] = defaultdict(list)
        for one in sorted(truth, key=lambda one: one.of is not None):  # a family begins with its original
            self.family[self.root[one.url]].append(one)

    def sha256(self, planted: Planted) -> str | None:
        """The digest under which a planted image is held, None where it is not."""
        return next((met.sha256 for met in self.met[planted.url] if met.outcome in _HERE), None)

    def exported_of_family(self, planted: Planted) -> set[str]:
        """Which digests of its family are in the export."""
        digests = {self.sha256(one) for one in self.family[self.root[planted.url]]}
        return {digest for digest in digests if digest in self.exported}

    def found(self, planted: Planted) -> bool:
        """Whether it met its fate."""
        met, own = self.met[planted.url], self.sha256(planted)
        outcomes = {each.outcome for each in met}
        match planted.fate:
            case Fate.SELECTED:
                return bool(self.exported_of_family(planted))
            case Fate.SAME_IMAGE:
                return own is not None and own == planted.sha256 and self.places[own] > 1
            case Fate.SAME_GROUP:
                others = {self.sha256(one) for one in self.family[self.root[planted.url]] if one.url != planted.url}
                groups = {self.group_of.get(digest or "") for digest in others} - {None}
                return own is not None and self.group_of.get(own) in groups
            case Fate.FILTERED:
                return outcomes == {Outcome.REFUSED} or (own is not None and own not in self.exported)
            case Fate.BROKEN:
                return bool(met) and outcomes <= {Outcome.BROKEN, Outcome.FAILED}
            case Fate.NOT_FETCHED:
                unasked = planted.url not in self.asked and all(each.http_status is None for each in met)
                return outcomes == {Outcome.REFUSED} and unasked
            case Fate.REFUSED:
                return bool(met) and outcomes == {Outcome.REFUSED}
            case Fate.GONE:
                return outcomes == {Outcome.GONE}

    def wrongly_taken(self, planted: Planted) -> bool:
        """Whether it is in the export and ought not to be."""
        own = self.sha256(planted)
        if planted.fate in {Fate.SAME_IMAGE, Fate.SAME_GROUP}:
            original = self.sha256(self.family[self.root[planted.url]][0])
            return own in self.exported and own != original and len(self.exported_of_family(planted)) > 1
        # The bytes served count too, so that a row which denies them hides nothing.
        return planted.fate is not Fate.SELECTED and bool({own, planted.sha256} & self.exported)

    def credited(self, planted: Planted) -> bool:
        """Whether every sighting gives the licence and the creator that the museum gives, and none that it does not."""
        met = [each for each in self.met[planted.url] if each.outcome in _HERE]
        return all((each.license, each.creator) == (planted.license, planted.creator) for each in met)


_SIGHTINGS = """
    SELECT image_url, outcome, sha256, http_status, license, creator FROM sightings ORDER BY run_id, seq"""
_PLACES = "SELECT sha256 FROM (SELECT DISTINCT sha256, image_url FROM sightings WHERE sha256 IS NOT NULL)"


def score(
    con: Connection, truth: Sequence[Planted], exported: Collection[str], requests: Sequence[Logged] = ()
) -> Scoreboard:
    """Hold the ledger and the digests that were exported against what is planted, and against the server's own log."""
    ledger = _Ledger(con, truth, exported, requests)
    scores = tuple(
        _score(ledger, kind, fate, [one for one in truth if one.kind == kind]) for kind, fate in KINDS.items()
    )
    denied = sum(one.fate is Fate.NOT_FETCHED and one.url in ledger.asked for one in truth)
    held = [one for one in truth if one.kind in GOOD and ledger.sha256(one)]
    goals = (
        *_goals({entry.kind: entry for entry in scores}),
        Goal(what="no request for what was denied beforehand", measured=str(denied), met=denied == 0),
        _share("licence and creator as their source gives them", sum(map(ledger.credited, held)), len(held), 1.0),
    )
    return Scoreboard(scores=scores, goals=goals, unmet=tuple(one.url for one in truth if not ledger.met[one.url]))


def _score(ledger: _Ledger, kind: str, fate: Fate, planted: Sequence[Planted]) -> Score:
    return Score(
        kind=kind,
        fate=fate,
        planted=len(planted),
        found=sum(map(ledger.found, planted)),
        wrongly_taken=sum(map(ledger.wrongly_taken, planted)),
    )


def _root(planted: Planted, by_url: dict[str, Planted]) -> str:
    while planted.of is not None:
        planted = by_url[planted.of]
    return planted.url


def _goals(scores: dict[str, Score]) -> list[Goal]:
    harmful = sum(scores[kind].wrongly_taken for kind in _HARMFUL)
    unwanted = sum(scores[kind].wrongly_taken for kind in _UNWANTED)
    exact, off_topic = scores["exact"], scores["off_topic"]
    near, near_found = _sum(scores, _NEAR)
    good, good_found = _sum(scores, GOOD)
    return [
        Goal(what="no corrupt, refused or denied image in the export", measured=str(harmful), met=harmful == 0),
        Goal(what="no synthetic, unlicensed or tiny image in the export", measured=str(unwanted), met=unwanted == 0),
        _share("every exact duplicate recognised", exact.found, exact.planted, 1.0),
        _share("at least 95 % of re-encoded and resized copies grouped", near_found, near, 0.95),
        _share("at least 95 % of off-topic pictures filtered", off_topic.found, off_topic.planted, 0.95),
        _share("at most 3 % of good pictures lost", good_found, good, 0.97),
    ]


def _sum(scores: dict[str, Score], kinds: Sequence[str]) -> tuple[int, int]:
    return sum(scores[kind].planted for kind in kinds), sum(scores[kind].found for kind in kinds)


def _share(what: str, found: int, planted: int, least: float) -> Goal:
    share = f"{found} of {planted} ({found / max(planted, 1):.1%})"
    return Goal(what=what, measured=share, met=found >= least * planted)
