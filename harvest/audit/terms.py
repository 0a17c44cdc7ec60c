"""What checks may ask of the policy and of the licence table: parameters and tables for their SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa

from harvest.config.policy import FacesAre, Policy
from harvest.images.embedded import EMBEDDED_VERSION
from harvest.images.faces import detector_name
from harvest.ledger import Connection
from harvest.licences import LICENCES

__all__ = ["parameters", "terms_of"]

_CONDITIONS = ("by", "nc", "nd", "sa")


def parameters(con: Connection, policy: Policy) -> dict[str, Any]:
    """What checks may ask of the policy, by the name after `$` in their SQL."""
    met = con.execute("SELECT DISTINCT license FROM (FROM origins SELECT license UNION FROM audited SELECT license)")
    shares = policy.composition
    return {
        "allowed": [name for (name,) in met.fetchall() if name is not None and policy.licences.allows(name)],
        "honoured": list(policy.opt_out.honour),
        "synthetic": list(policy.synthetic.exclude),
        "commercial": policy.use.commercial,
        "adapted": policy.use.adapted,
        "shared_as": policy.use.shared_as,
        "consent_labels": list(policy.people.consent.labels),
        "needs_consent": policy.people.faces is FacesAre.NEEDS_CONSENT,
        "reader": EMBEDDED_VERSION,
        "detector": detector_name(),
        "min_images": shares.min_images,
        "max_creator": shares.creator,
        "max_source": shares.source,
        "max_license": shares.license,
        "max_decade": shares.decade,
        "max_country": shares.country,
    }


def terms_of(policy: Policy) -> Mapping[str, pa.Table]:
    """The tables `terms` and `consents` that a check's SQL may read."""
    consents = {
        name: pa.array([getattr(entry, name) for entry in policy.consents], pa.string())
        for name in ("sha256", "source", "evidence")
    }
    return {"terms": _terms(), "consents": pa.table(consents)}


@lru_cache(maxsize=1)
def _terms() -> pa.Table:
    """A row for each licence of the table, and for unknown ones none."""
    entries = LICENCES.values()
    return pa.table(
        {
            "license": [entry.id for entry in entries],
            "name": [entry.name for entry in entries],
            "uri": pa.array([entry.uri for entry in entries], pa.string()),
            "is_free": [entry.is_free for entry in entries],
            **{name: [name in entry.conditions for entry in entries] for name in _CONDITIONS},
        }
    )
