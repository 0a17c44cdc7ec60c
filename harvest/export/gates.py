"""What is asked of a set before a byte of its export is written, so that nobody trains for a night on the wrong one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harvest.config.policy import GateTerms, LicenceTerms, Policy, Severity, UseTerms
from harvest.errors import CheckFailed
from harvest.export.base import Rule, TrainingSize
from harvest.ledger import Connection
from harvest.ledger.near_sets import near_within
from harvest.ledger.sets import SetFacts, set_facts, split_facts
from harvest.licences import licence

__all__ = ["Finding", "GateQuestion", "Terms", "ask_gates", "refuse", "terms_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one gate found: how much it weighs, what is the matter and what to do, and how many images it concerns."""

    gate: str
    severity: Severity
    message: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a policy says that gates ask about; an export keeps it, so that it can be asked again without the policy."""

    gates: GateTerms
    licences: LicenceTerms
    use: UseTerms
    creator: float
    min_images: int


class GateQuestion(NamedTuple):
    """An export as gates see it: its images, (n,) sha256s of 64 bytes in order, and what is to be made of them.

    `beside` are those of the regularisation set, likewise, which has to be licensed as well. `copies` are size and
    recipe digest of their files, None for originals. `captions` is `recipe`,
    `title` or `none`. `looked` says that the recipe's dedupe compared near pictures itself. `rules` are what the format
    could not do with them.
    """

    export: str
    recipe: str
    sha256s: NDArray[np.bytes_]
    beside: NDArray[np.bytes_]
    size: TrainingSize | None
    copies: tuple[int, str | None] | None
    captions: str
    at_least: int | None
    looked: bool
    rules: tuple[Rule, ...] = ()


def terms_of(policy: Policy) -> Terms:
    """The part of a policy that gates ask about."""
    return Terms(
        gates=policy.gates,
        licences=policy.licences,
        use=policy.use,
        creator=policy.composition.creator,
        min_images=policy.composition.min_images,
    )


def ask_gates(con: Connection, terms: Terms, asked: GateQuestion) -> tuple[Finding, ...]:
    """What the gates find, the gravest first; nothing for those that the policy ignores."""
    size = asked.size or TrainingSize(px=0)
    captions = {"recipe": asked.recipe, "title": ""}.get(asked.captions)
    facts = set_facts(con, asked.sha256s, px=size.px, by_area=size.by_area, copies=asked.copies, captions=captions)
    licenses = Counter(facts.licenses)
    if len(asked.beside):
        licenses.update(set_facts(con, asked.beside).licenses)
    found = [
        *(_Found("format_rules", rule.images, rule.message) for rule in asked.rules if rule.binds),
        *_of_number(terms, asked, facts),
        *_of_licences(terms, licenses),
        *_of_copies(con, terms, asked),
        *_of_creators(terms, facts),
        *_of_size(size, facts),
        *_of_captions(asked, facts),
        *_of_split(con, asked),
    ]
    weighed = (
        Finding(gate=each.gate, severity=getattr(terms.gates, each.gate), message=each.message, images=each.images)
        for each in found
    )
    told = (
        Finding(gate="format", severity=Severity.WARNING, message=rule.message, images=rule.images)
        for rule in asked.rules
        if not rule.binds
    )
    order = list(Severity)
    return tuple(
        sorted(
            (each for each in (*weighed, *told) if each.severity is not Severity.IGNORE),
            key=lambda each: order.index(each.severity),
        )
    )


def refuse(export: str, findings: tuple[Finding, ...]) -> None:
    """Raise CheckFailed where a finding is a violation; nothing has been written then."""
    against = [each for each in findings if each.severity is Severity.VIOLATION]
    if against:
        told = "; ".join(f"{each.message} (gate {each.gate})" for each in against)
        raise CheckFailed(f"export {export} is refused, what was there before stays: {told}")


class _Found(NamedTuple):
    """What a gate found, without its weight."""

    gate: str
    images: int
    message: str


def _of_number(terms: Terms, asked: GateQuestion, facts: SetFacts) -> Iterator[_Found]:
    least = terms.gates.at_least if asked.at_least is None else asked.at_least
    if facts.images < least:
        yield _Found(
            "few_images",
            facts.images,
            f"{_images(facts.images)} of the {least:,} asked for; loosen filters, add sources, or say "
            f"`at_least: {facts.images}` under `export:`",
        )


def _of_licences(terms: Terms, licenses: Mapping[str | None, int]) -> Iterator[_Found]:
    unknown = licenses.get(None, 0)
    if unknown:
        advice = "unknown is not free: add a `licence` filter, or ask the creators"
        yield _Found("licence_unknown", unknown, f"{_images(unknown)} of unknown licence; {advice}")
    known = {name: count for name, count in licenses.items() if name is not None}
    for why, names in _excluded(terms, known).items():
        count = sum(known[name] for name in names)
        advice = "leave them out with a `licence` filter, or change the policy's `use` or `licences`"
        yield _Found("licence_use", count, f"{_images(count)} under {_listed(names)}, {why}; {advice}")
    if terms.use.shared_as is None and (clash := _clash(known)):
        one, others = clash
        yield _Found(
            "licence_mixed",
            sum(known[name] for name in (one, *others)),
            f"{one} beside {_listed(others)}: no one licence fits what is made of both together; keep one kind with a "
            "`licence` filter, or declare `use: {shared_as: ...}` in the policy",
        )


def _excluded(terms: Terms, known: Mapping[str, int]) -> dict[str, list[str]]:
    """Licences by why they do not fit the declared use."""
    found: dict[str, list[str]] = {}
    for name in known:
        why = _why_not(terms, name)
        if why:
            found.setdefault(why, []).append(name)
    return found


def _why_not(terms: Terms, name: str) -> str | None:
    conditions, use = _conditions(name), terms.use
    if not terms.licences.allows(name):
        return "which the policy does not allow"
    if use.commercial and "nc" in conditions:
        return "which excludes the declared commercial use"
    if use.adapted and "nd" in conditions:
        return "which excludes the declared adaptation"
    if use.shared_as and "sa" in conditions and not _may_become(name, use.shared_as):
        return f"which may not be handed on as {use.shared_as}"
    return None


def _conditions(name: str) -> frozenset[str]:
    """The conditions of a licence of the table; none for what is not in it."""
    return known.conditions if (known := licence(name)) else frozenset()


def _may_become(name: str, shared_as: str) -> bool:
    """Whether adaptations of a share-alike work may be under `shared_as`: itself, or a later version of its kind.

    The versions 1.0 say nothing of later ones.
    """
    (kind, version), (other, later) = _kind(name), _kind(shared_as)
    return name == shared_as or (kind == other and version != "1.0" and version <= later)


def _kind(name: str) -> tuple[str, str]:
    found = re.search(r"CC-(BY(?:-[A-Z]{2})*)-(\d\.\d)", name)
    return (found[1], found[2]) if found else (name, "")


def _clash(known: Mapping[str, int]) -> tuple[str, list[str]] | None:
    """A share-alike licence and those that cannot be composed with it into one work."""
    for one in known:
        mine = _conditions(one)
        others = [other for other in known if _excludes(mine, _kind(one)[0], other)] if "sa" in mine else []
        if others:
            return one, others
    return None


def _excludes(mine: frozenset[str], kind: str, other: str) -> bool:
    theirs = _conditions(other)
    return "nd" in theirs or ("nc" in theirs and "nc" not in mine) or ("sa" in theirs and _kind(other)[0] != kind)


def _of_copies(con: Connection, terms: Terms, asked: GateQuestion) -> Iterator[_Found]:
    if terms.gates.near_copies is Severity.IGNORE:
        return
    bits = None if asked.looked else terms.gates.near_bits
    near = near_within(con, asked.sha256s, recipe=asked.recipe, bits=bits)
    if near.groups:
        groups = "1 group" if near.groups == 1 else f"{near.groups:,} groups"
        examples = _listed([sha256[:16] for sha256 in near.examples])
        yield _Found(
            "near_copies",
            near.images,
            f"{_images(near.images)} in {groups} of near copies, like {examples}; run `harvest dedupe --report` and "
            "keep one of each",
        )


def _of_creators(terms: Terms, facts: SetFacts) -> Iterator[_Found]:
    if facts.images >= terms.min_images and facts.by_creator > terms.creator * facts.images:
        share, most = 100 * facts.by_creator / facts.images, 100 * terms.creator
        yield _Found(
            "one_creator",
            facts.by_creator,
            f"{facts.by_creator:,} of {_images(facts.images)} are by {facts.creator}, {share:.0f} %, more than "
            f"{most:.0f} %: a model learns the hand instead of the subject; add others, or raise `composition.creator` "
            "in the policy",
        )


def _of_size(size: TrainingSize, facts: SetFacts) -> Iterator[_Found]:
    if facts.small and facts.smallest:
        width, height = facts.smallest
        bound = f"{size.px}x{size.px} pixels in all" if size.by_area else f"{size.px} px on the shorter side"
        yield _Found(
            "small_images",
            facts.small,
            f"{_images(facts.small)} with less than {bound}, the smallest {width}x{height}: training would enlarge "
            f"them; filter by `size: {{min_side: {size.px}}}`, export a larger `size`, or train smaller",
        )


def _of_captions(asked: GateQuestion, facts: SetFacts) -> Iterator[_Found]:
    if facts.uncaptioned:
        advice = "add a template that they can fill" if asked.captions == "recipe" else "give the recipe `captions:`"
        yield _Found("no_caption", facts.uncaptioned, f"{_images(facts.uncaptioned)} without a caption; {advice}")


def _of_split(con: Connection, asked: GateQuestion) -> Iterator[_Found]:
    facts = split_facts(con, asked.sha256s, asked.recipe)
    if facts is None:
        return
    if facts.outside:
        yield _Found("split", facts.outside, f"{_images(facts.outside)} in no part of the split; split again")
    if not facts.parts.get("train"):
        yield _Found("split", 0, "the split leaves nothing to train on; give `train` a larger share")
    if facts.leaking:
        yield _Found(
            "split_leak",
            facts.leaking,
            f"{_images(facts.leaking)} with a copy in another part of the split: a test would ask what was learned by "
            "heart; split again, with copies bound together",
        )


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
