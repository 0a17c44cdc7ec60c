"""Refusals as sites write them, read into Signals. Only a no is one: silence proves nothing, and neither does a yes.

One yes is kept all the same: a page's `tdm-reservation: 0` (kind `tdmrep-granted`), because of TDMRep's three places
the nearer one decides, the meta element before the header before tdmrep.json. Refusals carry their `tdm-policy`.

X-Robots-Tag and meta robots: https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag and the `noai`
words in use beside it. TDMRep: https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/. Content-Usage:
draft-ietf-aipref-attach. Content-Signal: https://contentsignals.org/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from parsel import Selector

from harvest import DISTRIBUTION
from harvest.items import Signal

__all__ = [
    "GRANTED",
    "HEADERS",
    "UsageRule",
    "header_signals",
    "page_signals",
    "robots_usage",
    "tdm_signals",
    "usage_signals",
]

HEADERS = ("x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage", "content-signal")
GRANTED = "tdmrep-granted"
_NO_WORDS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "noml", "none"})
# Directives with a colon of their own, which is not the end of a robot's name.
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_ROBOT = re.compile(r"\*|[a-z][\w.-]*")
_NO = frozenset({"n", "no", "?0"})
_TRAINING = frozenset({"train-ai", "train-genai", "ai", "genai", "bots", "ai-train"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRule:
    """One Content-Usage or Content-Signal line of a robots.txt that concerns us, with the paths it holds for."""

    kind: str
    path: str
    value: str


def header_signals(headers: Iterable[tuple[str, str]], where: str) -> tuple[Signal, ...]:
    """Refusals in an answer's headers, given as (name, value) pairs in any case; repeated headers all count."""
    pairs = [(name.lower(), value.strip()) for name, value in headers]
    found: list[Signal] = []
    for name, value in pairs:
        match name:
            case "x-robots-tag" if _refuses_robot(value):
                found.append(Signal(kind=name, value=value, where=where))
            case "tdm-reservation" if value == "1":
                found.append(_reserved(dict(pairs).get("tdm-policy"), where))
            case "content-usage" | "content-signal" if _refuses_training(value):
                found.append(Signal(kind=name, value=value, where=where))
            case _:
                pass
    return tuple(found)


def page_signals(url: str, headers: Iterable[tuple[str, str]], page: Selector | None) -> tuple[Signal, ...]:
    """Refusals that a page makes for what it shows, in its headers and its meta elements; last what TDMRep says.

    `page` is None where the answer is no text.
    """
    pairs = [(name.lower(), value) for name, value in headers if name.lower() in HEADERS]
    found = [signal for signal in header_signals(pairs, url) if signal.kind != "tdmrep"]
    said = _tdm_words(pairs)
    if page is not None:
        elements = [
            (meta.attrib["name"].strip().lower(), meta.attrib["content"].strip())
            for meta in page.css("meta[name][content]")
        ]
        found += [
            Signal(kind="meta-robots", value=content, where=url)
            for name, content in elements
            if name in {"robots", DISTRIBUTION} and _NO_WORDS & _words(content)
        ]
        said |= _tdm_words(elements)
    if said.get("tdm-reservation") == "1":
        found.append(_reserved(said.get("tdm-policy"), url))
    elif said.get("tdm-reservation") == "0":
        found.append(Signal(kind=GRANTED, value="tdm-reservation: 0", where=url))
    return tuple(dict.fromkeys(found))


def robots_usage(text: str, agent: str) -> tuple[UsageRule, ...]:
    """The Content-Usage and Content-Signal lines of a robots.txt that hold for `agent`: of its own group, else of `*`.

    Lines before any group hold for everybody.
    """
    everybody: list[UsageRule] = []
    groups: dict[str, list[UsageRule]] = {}
    names: list[str] = []
    naming = False
    for line in text.splitlines():
        key, colon, value = (part.strip() for part in line.partition("#")[0].partition(":"))
        key = key.lower()
        if not colon:
            continue
        if key == "user-agent":
            names = [*names, value.lower()] if naming else [value.lower()]
            naming = True
            groups.setdefault(value.lower(), [])
            continue
        naming = False
        if key in {"content-usage", "content-signal"}:
            path, _, rest = value.partition(" ") if value.startswith(("/", "*")) else ("/", "", value)
            rule = UsageRule(kind=key, path=path, value=rest.strip())
            for rules in [groups[name] for name in names] or [everybody]:
                rules.append(rule)
    own = next((rules for name, rules in groups.items() if name != "*" and name in agent.lower()), None)
    return tuple(everybody + (groups.get("*", []) if own is None else own))


def usage_signals(rules: Iterable[UsageRule], path: str, where: str) -> tuple[Signal, ...]:
    """The refusals among `rules` for `path`: of each kind the rule with the longest matching path counts."""
    strongest: dict[str, UsageRule] = {}
    for rule in rules:
        held = strongest.get(rule.kind)
        if _matches(rule.path, path) and (held is None or len(rule.path) >= len(held.path)):
            strongest[rule.kind] = rule
    return tuple(
        Signal(kind=rule.kind, value=rule.value, where=where)
        for rule in strongest.values()
        if _refuses_training(rule.value)
    )


def tdm_signals(policy: Any, url: str, where: str) -> tuple[Signal, ...]:
    """The refusal that a host's tdmrep.json makes for `url`; the longest matching location counts, and 1 beats 0."""
    path = urlsplit(url).path or "/"
    held: tuple[int, bool, str] = (-1, False, "")
    for entry in policy if isinstance(policy, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("location"), str) and _matches(entry["location"], path):
            is_reserved = str(entry.get("tdm-reservation")) == "1"
            held = max(held, (len(entry["location"]), is_reserved, str(entry.get("tdm-policy") or "")))
    return (_reserved(held[2], where),) if held[1] else ()


def _reserved(policy: str | None, where: str) -> Signal:
    terms = f"; tdm-policy: {policy}" if policy else ""
    return Signal(kind="tdmrep", value=f"tdm-reservation: 1{terms}", where=where)


def _tdm_words(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What TDMRep's names say, of those that are understood; said twice, the stricter counts."""
    said: dict[str, str] = {}
    for name, value in ((name.lower(), value.strip()) for name, value in pairs):
        if name == "tdm-reservation" and value in {"0", "1"}:
            said[name] = max(value, said.get(name, "0"))
        elif name == "tdm-policy" and value:
            said.setdefault(name, value)
    return said


def _words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")}


def _refuses_robot(value: str) -> bool:
    """Whether one X-Robots-Tag header says no to us; `name:` addresses one robot alone, up to the next name."""
    is_ours = True
    for token in value.split(","):
        head, colon, rest = token.partition(":")
        name = head.strip().lower()
        if colon and name not in _VALUED and _ROBOT.fullmatch(name):
            is_ours, token = name in {"*", DISTRIBUTION}, rest  # noqa: PLW2901
        if is_ours and token.strip().lower() in _NO_WORDS:
            return True
    return False


def _refuses_training(value: str) -> bool:
    pairs = [pair.partition("=") for pair in re.split(r"[,;]", value.lower())]
    return any(name.strip() in _TRAINING and said.strip().strip('"') in _NO for name, _, said in pairs)


def _matches(pattern: str, path: str) -> bool:
    """Whether a robots.txt path pattern holds for `path`: a prefix, `*` for anything, `$` for the end (RFC 9309)."""
    expression = ".*".join(re.escape(part) for part in pattern.removesuffix("$").split("*"))
    return re.match(expression + ("$" if pattern.endswith("$") else ""), path) is not None
