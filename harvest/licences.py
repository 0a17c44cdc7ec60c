"""Licences as a closed table: what a source said becomes an SPDX id, a LicenseRef-* or None, and never a guess.

Ids are those of https://spdx.org/licenses/ where SPDX lists the text, and LicenseRef-* where it does not: national
ports of Creative Commons licences outside its list, https://rightsstatements.org statements, Flickr's ids 0, 7 and 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

__all__ = ["LICENCES", "Licence", "credit_line", "from_flickr", "from_name", "from_url", "licence", "normalize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """One way in which a work may be used.

    `uri` is the canonical address of its text, None where there is none. `is_free` holds where a deed lets anybody use,
    change and sell the work everywhere (https://freedomdefined.org/Definition); a mere claim of having no known
    restrictions, or a status under one country's law, is not free.
    """

    id: str
    uri: str | None
    name: str
    is_free: bool

    @property
    def conditions(self) -> frozenset[str]:
        """What a use has to respect: `by` (credit), `nc` (no commerce), `nd` (no adaptations), `sa` (share alike)."""
        if self.id in _CREDITED:
            return frozenset({"by"})
        if self.id.startswith("LicenseRef-RightsStatements-"):
            return frozenset({"nc"} if re.search("-(NC|EDU)-", self.id) else ())
        named = re.match(r"(?:LicenseRef-)?CC-(BY(?:-[A-Z]{2})*)-\d", self.id)
        return frozenset(named[1].lower().split("-") if named else ())


_CREDITED = frozenset({"OGL-UK-3.0", "MIT", "Apache-2.0"})
ALL_RIGHTS_RESERVED = "LicenseRef-All-Rights-Reserved"
NO_KNOWN_RESTRICTIONS = "LicenseRef-No-Known-Copyright-Restrictions"
US_GOVERNMENT_WORK = "LicenseRef-US-Government-Work"
PUBLIC_DOMAIN_CLAIM = "LicenseRef-Public-Domain"

# https://www.flickr.com/services/api/flickr.photos.licenses.getInfo.html
_FLICKR = {
    "0": ALL_RIGHTS_RESERVED,
    "1": "CC-BY-NC-SA-2.0",
    "2": "CC-BY-NC-2.0",
    "3": "CC-BY-NC-ND-2.0",
    "4": "CC-BY-2.0",
    "5": "CC-BY-SA-2.0",
    "6": "CC-BY-ND-2.0",
    "7": NO_KNOWN_RESTRICTIONS,
    "8": US_GOVERNMENT_WORK,
    "9": "CC0-1.0",
    "10": "CC-PDM-1.0",
    "11": "CC-BY-4.0",
    "12": "CC-BY-SA-4.0",
    "13": "CC-BY-ND-4.0",
    "14": "CC-BY-NC-4.0",
    "15": "CC-BY-NC-SA-4.0",
    "16": "CC-BY-NC-ND-4.0",
}

_KINDS = ("BY", "BY-SA", "BY-NC", "BY-NC-SA", "BY-ND", "BY-NC-ND")
_VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
_PORTED_VERSIONS = ("1.0", "2.0", "2.1", "2.5", "3.0")
# https://wiki.creativecommons.org/wiki/Jurisdiction_Database
_PORTS = frozenset(
    re.findall(
        r"\w+",
        """
        am ar at au az be bg br by ca ch cl cn co cr cz de dk ec ee eg es fi fr ge gr gt hk hr hu ie igo il in it jo jp
        kr lu ma mk mt mx my nl no nz pe ph pl pr pt ro rs scotland se sg si th tw ug uk us ve vn za
        """,
    )
)
# The ports that SPDX lists: https://spdx.org/licenses/
_SPDX_PORTS = frozenset(
    re.findall(
        r"\S+",
        """
        CC-BY-2.5-AU CC-BY-3.0-AT CC-BY-3.0-AU CC-BY-3.0-DE CC-BY-3.0-IGO CC-BY-3.0-NL CC-BY-3.0-US CC-BY-NC-3.0-DE
        CC-BY-NC-ND-3.0-DE CC-BY-NC-ND-3.0-IGO CC-BY-NC-SA-2.0-DE CC-BY-NC-SA-2.0-FR CC-BY-NC-SA-2.0-UK
        CC-BY-NC-SA-3.0-DE CC-BY-NC-SA-3.0-IGO CC-BY-ND-3.0-DE CC-BY-SA-2.0-UK CC-BY-SA-2.1-JP CC-BY-SA-3.0-AT
        CC-BY-SA-3.0-DE CC-BY-SA-3.0-IGO
        """,
    )
)
# https://rightsstatements.org/page/1.0/
_RIGHTS_STATEMENTS = {
    "InC": "In Copyright",
    "InC-OW-EU": "In Copyright - EU Orphan Work",
    "InC-EDU": "In Copyright - Educational Use Permitted",
    "InC-NC": "In Copyright - Non-Commercial Use Permitted",
    "InC-RUU": "In Copyright - Rights-holder(s) Unlocatable or Unidentifiable",
    "NoC-CR": "No Copyright - Contractual Restrictions",
    "NoC-NC": "No Copyright - Non-Commercial Use Only",
    "NoC-OKLR": "No Copyright - Other Known Legal Restrictions",
    "NoC-US": "No Copyright - United States",
    "CNE": "Copyright Not Evaluated",
    "UND": "Copyright Undetermined",
    "NKC": "No Known Copyright",
}
_OTHERS = (
    Licence(id="CC0-1.0", uri="https://creativecommons.org/publicdomain/zero/1.0/", name="CC0 1.0", is_free=True),
    Licence(
        id="CC-PDM-1.0",
        uri="https://creativecommons.org/publicdomain/mark/1.0/",
        name="Public Domain Mark 1.0",
        is_free=True,
    ),
    Licence(
        id="CC-PDDC",
        uri="https://creativecommons.org/licenses/publicdomain/",
        name="Creative Commons Public Domain Dedication and Certification",
        is_free=True,
    ),
    Licence(
        id="OGL-UK-3.0",
        uri="https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
        name="Open Government Licence v3.0",
        is_free=True,
    ),
    # Licences for programs, which some datasets name: the data of Fashion-MNIST, of many a repository.
    Licence(id="MIT", uri="https://opensource.org/license/mit", name="MIT License", is_free=True),
    Licence(
        id="Apache-2.0", uri="https://www.apache.org/licenses/LICENSE-2.0", name="Apache License 2.0", is_free=True
    ),
    Licence(id=ALL_RIGHTS_RESERVED, uri=None, name="All rights reserved", is_free=False),
    Licence(
        id=NO_KNOWN_RESTRICTIONS,
        uri="https://www.flickr.com/commons/usage/",
        name="No known copyright restrictions",
        is_free=False,
    ),
    Licence(
        id=US_GOVERNMENT_WORK,
        uri="https://www.usa.gov/government-copyright",
        name="United States government work",
        is_free=False,
    ),
    Licence(id=PUBLIC_DOMAIN_CLAIM, uri=None, name="Public domain (as the source says)", is_free=False),
)
# Spellings met in the wild beside the names of the table: Flickr, Wikimedia Commons (LicenseShortName), museums.
_ALIASES = {
    "cc0": "CC0-1.0",
    "cc zero": "CC0-1.0",
    "cc zero 1.0": "CC0-1.0",
    "cc0 1.0 universal": "CC0-1.0",
    "cc pd mark 1.0": "CC-PDM-1.0",
    "pdm": "CC-PDM-1.0",
    "pdm 1.0": "CC-PDM-1.0",
    "public domain mark": "CC-PDM-1.0",
    "no restrictions": NO_KNOWN_RESTRICTIONS,
    "us government work": US_GOVERNMENT_WORK,
    "public domain": PUBLIC_DOMAIN_CLAIM,
    "ogl 3": "OGL-UK-3.0",
    "ogl v3.0": "OGL-UK-3.0",
}
_WORDS = (
    ("creative commons", "cc"),
    ("noncommercial", "nc"),
    ("non commercial", "nc"),
    ("no derivative works", "nd"),
    ("no derivatives", "nd"),
    ("noderivatives", "nd"),
    ("noderivs", "nd"),
    ("no derivs", "nd"),
    ("share alike", "sa"),
    ("sharealike", "sa"),
    ("attribution", "by"),
    ("unported", ""),
    ("international", ""),
    ("generic", ""),
    ("license", ""),
    ("licence", ""),
)


def _table() -> Iterator[Licence]:
    for kind in _KINDS:
        is_free = kind in {"BY", "BY-SA"}
        for version in _VERSIONS:
            # The first generation's address alone says "nd-nc".
            path = "by-nd-nc" if (kind, version) == ("BY-NC-ND", "1.0") else kind.lower()
            uri = f"https://creativecommons.org/licenses/{path}/{version}/"
            yield Licence(id=f"CC-{kind}-{version}", uri=uri, name=f"CC {kind} {version}", is_free=is_free)
        for version in _PORTED_VERSIONS:
            for port in _PORTS:
                spdx = f"CC-{kind}-{version}-{port.upper()}"
                uri = f"https://creativecommons.org/licenses/{kind.lower()}/{version}/{port}/"
                name = f"CC {kind} {version} {port.upper()}"
                yield Licence(
                    id=spdx if spdx in _SPDX_PORTS else f"LicenseRef-{spdx}", uri=uri, name=name, is_free=is_free
                )
    for code, name in _RIGHTS_STATEMENTS.items():
        uri = f"http://rightsstatements.org/vocab/{code}/1.0/"
        yield Licence(id=f"LicenseRef-RightsStatements-{code}-1.0", uri=uri, name=name, is_free=False)
    yield from _OTHERS


def _address(url: str) -> str | None:
    """Host and path in small letters, without what does not change the meaning; None when it is no web address."""
    parts = urlsplit(re.sub(r"^(https?:)?//|^(?=\w)", "https://", url.strip(), count=1, flags=re.IGNORECASE))
    host = (parts.hostname or "").removeprefix("www.")
    if "." not in host:
        return None
    path = re.sub(r"/+", "/", parts.path.lower()).rstrip("/")
    if host == "creativecommons.org":
        path = re.sub(r"/(deed|legalcode|rdf)([._-][\w.-]*)?$", "", path)
    elif host == "rightsstatements.org":
        path = path.replace("/page/", "/vocab/", 1).replace("/data/", "/vocab/", 1)
    return host + path


def _spelling(text: str) -> str:
    """A name in small letters, with single spaces for punctuation and the words of CC's long names in short."""
    spelled = re.sub(r"[\s\-\u2013_,()©/]+", " ", text.casefold()).strip()
    spelled = re.sub(r"\bv(?:ersion)? ?(?=\d)", "", spelled)
    for word, short in _WORDS:
        spelled = spelled.replace(word, short)
    spelled = re.sub(r"\bcc( cc)?\b", "cc", re.sub(r"\s+", " ", spelled)).strip().rstrip(".")
    return re.sub(r"^(?=by\b)", "cc ", spelled)


LICENCES = {entry.id: entry for entry in _table()}
_BY_ID = {entry.id.lower(): entry.id for entry in LICENCES.values()}


@cache  # a thirtieth of a second that not every process needs
def _by_address() -> dict[str | None, str]:
    return {_address(entry.uri): entry.id for entry in LICENCES.values() if entry.uri} | {
        "creativecommons.org/licenses/by-nc-nd/1.0": "CC-BY-NC-ND-1.0",
        "usa.gov/copyright.shtml": US_GOVERNMENT_WORK,  # as flickr.photos.licenses.getInfo writes it
        "flickr.com/commons/usage": NO_KNOWN_RESTRICTIONS,
        "opensource.org/licenses/mit": "MIT",
        "apache.org/licenses/license-2.0.html": "Apache-2.0",
    }


@cache
def _by_name() -> dict[str, str]:
    return {_spelling(entry.name): entry.id for entry in LICENCES.values()} | {
        _spelling(alias): id_ for alias, id_ in _ALIASES.items()
    }


def licence(id: str) -> Licence | None:  # noqa: A002 - SPDX calls it so
    """The licence of an SPDX or LicenseRef-* id, None when the table does not hold it."""
    return LICENCES.get(id)


def from_flickr(id: str) -> str | None:  # noqa: A002 - Flickr calls it so
    """The id for one of Flickr's licence numbers.

    >>> from_flickr("4"), from_flickr("17")
    ('CC-BY-2.0', None)
    """
    return _FLICKR.get(id)


def from_url(url: str | None) -> str | None:
    """The id for the address of a licence or rights statement: http or https, deed, legal code, any language.

    >>> from_url("http://creativecommons.org/licenses/by-sa/3.0/de/deed.en")
    'CC-BY-SA-3.0-DE'
    """
    if not url:
        return None
    try:
        address = _address(url)
    except ValueError:
        return None
    return _by_address().get(address) if address else None


def from_name(text: str | None) -> str | None:
    """The id for a name, short or long; None when the name leaves the kind or the version open.

    >>> from_name("CC BY-SA 4.0"), from_name("Attribution-NonCommercial 2.0 Generic"), from_name("CC BY")
    ('CC-BY-SA-4.0', 'CC-BY-NC-2.0', None)
    """
    if not text:
        return None
    return _by_name().get(_spelling(text))


def normalize(raw: str | None) -> str | None:
    """The id for whatever a page or a config says: an SPDX id, an address, or a name. None when none of them fits."""
    if not raw or not (raw := raw.strip()):
        return None
    return _BY_ID.get(raw.lower()) or from_url(raw) or from_name(raw)


def credit_line(title: str | None, creator: str | None, license: str | None, page_url: str | None) -> str:  # noqa: A002
    """Title, author, source and licence in one line, as CC's guidance asks; what is unknown is said to be unknown.

    https://wiki.creativecommons.org/wiki/Recommended_practices_for_attribution

    >>> credit_line("Fin 7", "Ada Moss", "CC-BY-2.0", "https://example.org/7")
    '"Fin 7" by Ada Moss. Source: https://example.org/7. Licence: CC BY 2.0, https://creativecommons.org/licenses/by/2.0/'
    """
    known = LICENCES.get(license) if license else None
    terms = license or "unknown"
    if known:
        terms = f"{known.name}, {known.uri}" if known.uri else known.name
    name = f'"{_line(title)}"' if title and title.strip() else "Untitled"
    who = _line(creator) if creator and creator.strip() else "an unknown creator"
    return f"{name} by {who}. Source: {page_url or 'unknown'}. Licence: {terms}"


def _line(text: str) -> str:
    return " ".join(text.split())
