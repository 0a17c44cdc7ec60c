"""What an image's C2PA manifests (Content Credentials) say: who may learn from it, and how it was made.

Training and data mining: CAWG's assertion (https://cawg.io/training-and-data-mining/1.1/) and the older one of C2PA
1.x. Actions: the C2PA specification 2.2 (https://spec.c2pa.org/). No network is asked: manifests that only a link leads
to are not read, and certificates are not checked, for a refusal counts whoever signed it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harvest.items import Signal

__all__ = ["Credentials", "read_credentials"]

# The description box of a C2PA manifest store begins with this UUID, in whatever container it is embedded.
_MARKER = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x008\x9bq"
_MIME = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "GIF": "image/gif",
}
_ASSERTIONS = ("cawg.training-mining", "c2pa.training-mining")
_PURPOSES = frozenset({"ai_training", "ai_generative_training", "data_mining", "ai_inference"})
_REFUSING = frozenset({"notallowed", "constrained"})  # a condition that nobody has met is a no
_ACTIONS = ("c2pa.actions", "c2pa.actions.v2")
# Of several actions the one counts that says most about machines.
_TELLING = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic")
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}}
_MISSING = "present, not read: pip install 'herbarium-harvester[c2pa]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """`signals` of kind `c2pa` refuse; one of kind `c2pa-unread` says that there is a manifest and why it was not read.

    `digital_source_type` is the last part of the IPTC term, `generator` the program that signed the manifest with it.
    """

    signals: tuple[Signal, ...] = ()
    digital_source_type: str | None = None
    generator: str | None = None


def read_credentials(body: bytes, format: str) -> Credentials:  # noqa: A002 - the ledger's column is called so
    """What the manifests in an image's bytes say; `format` is Pillow's. Empty without a manifest; raises nothing.

    All manifests of the store count, those of ingredients too: what was refused for a picture holds for what is made
    of it.
    """
    if _MARKER not in body:
        return Credentials()
    try:
        import c2pa  # noqa: PLC0415 - optional, and heavy: only images that have a manifest load it

        with c2pa.Reader(_MIME[format], io.BytesIO(body), context=_offline()) as reader:
            store = json.loads(reader.json())
    except ImportError:
        return Credentials(signals=(_unread(_MISSING),))
    except Exception as error:  # whatever a broken manifest does to the library
        said = " ".join(str(error).split()) or type(error).__name__
        return Credentials(signals=(_unread(f"present, not readable: {said[:200]}"),))
    return _judged(store, body)


def _judged(store: Any, body: bytes) -> Credentials:
    manifests = store.get("manifests") if isinstance(store, dict) else None
    found: list[Signal] = []
    read, kinds = set[str](), dict[str, str | None]()
    for label, manifest in (manifests or {}).items():
        for name, data in _assertions(manifest):
            if name in _ASSERTIONS:
                read.add(name)
                found += [
                    Signal(kind="c2pa", value=f"{name}: {said}", where=f"c2pa:{label}") for said in _refusals(data)
                ]
            elif name in _ACTIONS:
                for kind in _source_types(data):
                    kinds.setdefault(kind, _program(manifest))
    hidden = [name for name in _ASSERTIONS if name.encode() in body and name not in read]
    if not manifests or hidden:
        why = ", ".join(dict.fromkeys(_problems(store))) or "no manifest in the store"
        found.append(_unread(f"present, not readable: {why}"))
    best = next((kind for kind in (*_TELLING, *kinds) if kind in kinds), None)
    return Credentials(
        signals=tuple(dict.fromkeys(found)), digital_source_type=best, generator=kinds[best] if best else None
    )


def _assertions(manifest: Any) -> Iterator[tuple[str, Any]]:
    """(label, data) of each assertion, without the number that tells repeated ones apart."""
    listed = manifest.get("assertions") if isinstance(manifest, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict):
            yield str(entry.get("label")).partition("__")[0], entry.get("data")


def _refusals(data: Any) -> Iterator[str]:
    entries = data.get("entries") if isinstance(data, dict) else None
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        use = str(entry.get("use") if isinstance(entry, dict) else entry)
        if name.rpartition(".")[2] in _PURPOSES and use.replace("_", "").lower() in _REFUSING:
            terms = entry.get("constraint_info") if isinstance(entry, dict) else None
            yield f"{name} {use}" + (f" ({terms})" if terms else "")


def _source_types(data: Any) -> Iterator[str]:
    actions = data.get("actions") if isinstance(data, dict) else None
    for action in actions if isinstance(actions, list) else ():
        term = action.get("digitalSourceType") if isinstance(action, dict) else None
        if isinstance(term, str) and term.strip("/"):
            yield term.strip("/").rpartition("/")[2]


def _program(manifest: Any) -> str | None:
    """Name and version of what made the claim."""
    listed = manifest.get("claim_generator_info")
    named = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    words = [str(named[key]) for key in ("name", "version") if named.get(key)]
    return " ".join(words) or str(manifest.get("claim_generator") or "") or None


def _problems(store: Any) -> Iterator[str]:
    status = store.get("validation_status") if isinstance(store, dict) else None
    for entry in status if isinstance(status, list) else ():
        if isinstance(entry, Mapping) and entry.get("code"):
            yield str(entry["code"])


def _unread(why: str) -> Signal:
    return Signal(kind="c2pa-unread", value=why, where="c2pa")


@lru_cache(maxsize=1)
def _offline() -> Any:
    import c2pa  # noqa: PLC0415

    return c2pa.Context(c2pa.Settings.from_dict(_OFFLINE))
