"""The lineage of one image as W3C PROV, in PROV-JSON.

Terms: https://www.w3.org/TR/prov-o/ and https://www.w3.org/TR/prov-dm/; form: https://www.w3.org/submissions/prov-json/.
Bytes are entities by their digest, so that the documents of several images can be joined.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from harvest.audit.lineage import Lineage, Record

__all__ = ["PREFIXES", "to_prov"]

PREFIXES = {
    "bytes": "hash://sha256/",  # https://github.com/hash-uri/hash-uri
    "h": "urn:herbarium-harvester:",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
}
_KEPT = frozenset({"stored", "known", "unchanged"})


def to_prov(story: Lineage) -> Record:
    """A PROV-JSON document: who and what the image came from, what was done with it, and what was made of it.

    Entities are bytes, pages, addresses, evidence records, plans and exported files; activities are crawls, stages,
    decisions, rechecks and takedowns; agents are creators, sources, programs and people.
    """
    document = _Document()
    original = document.bytes(story.sha256, "Original", _about(story.image))
    _origins(document, story, original)
    _copies(document, story, original)
    _judgements(document, story, original)
    _made(document, story, original)
    _later(document, story, original)
    return document.finished()


class _Document:
    """Records by kind and identifier; said twice, the same thing is there once."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Record]] = {}

    def add(self, kind: str, name: str, values: Mapping[str, Any]) -> str:
        """A record of an identifier; of values that are None nothing is said."""
        said = {key: value for key, value in values.items() if value is not None}
        self._records.setdefault(kind, {}).setdefault(name, {}).update(said)
        return name

    def relate(self, kind: str, **values: Any) -> None:
        """A relation, whose keys are PROV's own (without the prefix) or an attribute with one (`h__role`)."""
        said = {
            (key.replace("__", ":") if "__" in key else f"prov:{key}"): value
            for key, value in values.items()
            if value is not None
        }
        self.add(kind, f"_:{_short(kind, json.dumps(said, sort_keys=True))}", said)

    def bytes(self, sha256: str, kind: str, values: Mapping[str, Any]) -> str:
        """The entity of some bytes."""
        name = self.add("entity", f"bytes:{sha256}", values)
        self._records["entity"][name].setdefault("prov:type", _kind(kind))
        return name

    def web(self, url: str, kind: str, values: Mapping[str, Any]) -> str:
        """The entity of what an address stands for."""
        place = {"prov:type": _kind(kind), "prov:location": _uri(url)}
        return self.add("entity", f"h:web-{_short(url)}", {**place, **values})

    def agent(self, kind: str, name: str, values: Mapping[str, Any]) -> str:
        """An agent, known by kind and name."""
        return self.add("agent", f"h:{kind}-{_short(name)}", {"foaf:name": name, **values})

    def finished(self) -> Record:
        """The document."""
        return {"prefix": PREFIXES, **{kind: self._records[kind] for kind in sorted(self._records)}}


def _origins(document: _Document, story: Lineage, original: str) -> None:
    """Crawls, pages and addresses: every time that the image was met."""
    runs = {run["run_id"]: _run(document, run) for run in story.runs}
    first = next((row for row in story.sightings if row["outcome"] in _KEPT and row["run_id"] in runs), None)
    for row in story.sightings:
        run = runs.get(row["run_id"]) or document.add(
            "activity", f"h:run-{row['run_id']}", {"prov:type": _kind("Crawl")}
        )
        terms = {
            "dcterms:title": row["title"],
            "dcterms:creator": row["creator"],
            "dcterms:license": row["license"],
            "h:licenseAsStated": row["license_raw"],
        }
        address = document.web(row["image_url"], "Address", terms)
        document.relate(
            "used", activity=run, entity=address, time=row["fetched_at"], h__outcome=row["outcome"], h__seq=row["seq"]
        )
        if row["outcome"] in _KEPT:
            document.relate("wasDerivedFrom", generatedEntity=original, usedEntity=address, activity=run)
        source = document.agent("source", row["source"], {"prov:type": _kind("Source")})
        document.relate("wasAttributedTo", entity=address, agent=source)
        if row["page_url"]:
            page = document.web(row["page_url"], "LandingPage", {})
            document.relate("used", activity=run, entity=page)
            document.relate("wasAttributedTo", entity=page, agent=source)
            document.relate("wasInfluencedBy", influencee=original, influencer=page)
        if row["creator"]:
            creator = document.agent(
                "creator", row["creator"], {"h:page": _uri(row["creator_url"]) if row["creator_url"] else None}
            )
            document.relate("wasAttributedTo", entity=original, agent=creator)
        _evidence(document, row, run, original)
    if first is not None:
        document.relate("wasGeneratedBy", entity=original, activity=runs[first["run_id"]], time=first["fetched_at"])


def _run(document: _Document, run: Record) -> str:
    name = document.add(
        "activity",
        f"h:run-{run['run_id']}",
        {
            "prov:type": _kind("Crawl"),
            "prov:startTime": run["started_at"],
            "prov:endTime": run["finished_at"],
            "h:spider": run["spider"],
            "h:outcome": run["outcome"],
            "h:journalDigest": run["journal_digest"],
        },
    )
    plan = _plan(document, "config", run["config_digest"])
    program = _program(document, run["code_version"])
    document.relate("wasAssociatedWith", activity=name, agent=program, plan=plan)
    return name


def _evidence(document: _Document, row: Record, run: str, original: str) -> None:
    for reference in json.loads(row["evidence"] or "[]"):
        record = document.add(
            "entity",
            f"h:warc-{_short(reference['record'])}",
            {
                "prov:type": _kind("WarcRecord"),
                "prov:location": reference["file"],
                "h:offset": reference["offset"],
                "h:record": reference["record"],
                "h:role": reference["role"],
            },
        )
        document.relate("wasGeneratedBy", entity=record, activity=run, time=row["fetched_at"])
        if reference["role"] == "image":
            document.relate("wasDerivedFrom", generatedEntity=original, usedEntity=record)


def _copies(document: _Document, story: Lineage, original: str) -> None:
    for row in story.group:
        about = {"dcterms:creator": row["creator"], "dcterms:license": row["license"], "h:isKept": row["keeper"]}
        other = document.bytes(row["sha256"], "Copy", about)
        document.relate("alternateOf", alternate1=original, alternate2=other)
        if row["image_url"]:
            address = document.web(row["image_url"], "Address", {})
            document.relate("wasDerivedFrom", generatedEntity=other, usedEntity=address)
        if row["creator"]:
            document.relate("wasAttributedTo", entity=other, agent=document.agent("creator", row["creator"], {}))


def _judgements(document: _Document, story: Lineage, original: str) -> None:
    """What stages decided, and what people overruled."""
    for row in story.decisions:
        name = f"h:{row['stage']}-{_short(row['recipe_digest'], row['sha256'])}"
        judged = {
            "prov:type": _kind("Decision"),
            "prov:endTime": row["decided_at"],
            **{f"h:{key}": row[key] for key in ("stage", "verdict", "reason", "value", "threshold")},
        }
        document.add("activity", name, judged)
        document.relate("used", activity=name, entity=original)
        # A stage signs with its name and version, whoever else decides with a name of their own.
        is_stage = row["decided_by"].startswith(f"{row['stage']}/")
        kind = _type("prov:SoftwareAgent" if is_stage else "prov:Person")
        judge = document.agent("stage" if is_stage else "person", row["decided_by"], {"prov:type": kind})
        plan = _plan(document, "recipe", row["recipe_digest"])
        document.relate("wasAssociatedWith", activity=name, agent=judge, plan=plan)
    for row in story.reviews:
        name = f"h:review-{row['review']}"
        judged = {f"h:{key}": row[key] for key in ("name", "stage", "verdict", "reason")}
        document.add("activity", name, {"prov:type": _kind("Review"), "prov:endTime": row["decided_at"], **judged})
        document.relate("used", activity=name, entity=original)
        person = document.agent("person", row["decided_by"], {"prov:type": _type("prov:Person")})
        document.relate("wasAssociatedWith", activity=name, agent=person)


def _made(document: _Document, story: Lineage, original: str) -> None:
    """Sized copies, variants, and the files of exports."""
    for row in story.derived:
        plan = _plan(document, "recipe", row["recipe_digest"])
        name = f"h:normalize-{_short(row['recipe_digest'], row['sha256'], str(row['size']))}"
        made = {"prov:type": _kind("Normalize"), "h:size": row["size"], "h:mode": row["mode"]}
        document.add("activity", name, made)
        document.relate("wasAssociatedWith", activity=name, agent=_program(document, None), plan=plan)
        place = {"prov:location": row["path"], "h:bytes": row["bytes"]}
        sized = document.bytes(row["derived_sha256"], "SizedCopy", place)
        document.relate("used", activity=name, entity=original)
        document.relate("wasGeneratedBy", entity=sized, activity=name)
        document.relate("wasDerivedFrom", generatedEntity=sized, usedEntity=original, activity=name)
    for row in story.variants:
        plan = _plan(document, "recipe", row["recipe_digest"])
        name = f"h:augment-{_short(row['recipe_digest'], row['sha256'], str(row['variant']), str(row['making']))}"
        done = {"prov:type": _kind("Augment"), "h:variant": row["variant"], "h:parameters": row["parameters"]}
        document.add("activity", name, done)
        document.relate("wasAssociatedWith", activity=name, agent=_program(document, None), plan=plan)
        altered = document.bytes(row["source_sha256"], "SizedCopy", {})
        variant = document.bytes(row["derived_sha256"], "Variant", {"prov:location": row["path"]})
        document.relate("used", activity=name, entity=altered)
        document.relate("wasGeneratedBy", entity=variant, activity=name)
        document.relate("wasDerivedFrom", generatedEntity=variant, usedEntity=altered, activity=name)
    stages = {(row["stage"], row["name"]): row for row in story.stages}
    for row in story.layouts:
        stage = stages["layout", row["layout"]]
        name = f"h:layout-{_short(row['layout'], str(stage['stage_run']))}"
        placed = {"h:name": row["layout"], "h:row": row["row"], "h:column": row["col"]}
        document.add("activity", name, {"prov:type": _kind("Layout"), "prov:endTime": stage["finished_at"], **placed})
        document.relate("used", activity=name, entity=original)
        plan = _plan(document, "recipe", stage["recipe_digest"])
        document.relate("wasAssociatedWith", activity=name, agent=_program(document, None), plan=plan)
    for row in story.exports:
        stage = stages["export", row["export"]]
        name = f"h:export-{_short(row['export'], str(stage['stage_run']))}"
        about = {"prov:type": _kind("Export"), "prov:endTime": stage["finished_at"], "h:name": row["export"]}
        document.add("activity", name, about)
        plan = _plan(document, "recipe", stage["recipe_digest"])
        document.relate("wasAssociatedWith", activity=name, agent=_program(document, None), plan=plan)
        path = f"exports/{row['export']}/{row['path']}"
        about = {
            "prov:type": _kind("ExportedFile"),
            "prov:location": path,
            "dcterms:license": row["license"],
            "dcterms:bibliographicCitation": row["credit"],
        }
        file = document.add("entity", f"h:file-{_short(path, row['derived_sha256'])}", about)
        content = document.bytes(row["derived_sha256"], "Content", {})
        document.relate("specializationOf", specificEntity=file, generalEntity=content)
        document.relate("used", activity=name, entity=original)
        document.relate("wasGeneratedBy", entity=file, activity=name, time=stage["finished_at"])
        document.relate("wasDerivedFrom", generatedEntity=file, usedEntity=original, activity=name)


def _later(document: _Document, story: Lineage, original: str) -> None:
    """What sources said when they were asked again, and requests for removal."""
    for row in story.rechecks:
        name = f"h:recheck-{_short(row['recheck'], row['image_url'])}"
        keys = ("outcome", "http_status", "moved_to", "page_status", "license_now", "license_raw_now", "detail")
        told = {f"h:{key}": row[key] for key in keys}
        statements = None if row["opt_out"] == "[]" else row["opt_out"]
        about = {
            "prov:type": _kind("Recheck"),
            "prov:startTime": row["asked_at"],
            "h:newStatements": statements,
            **told,
        }
        document.add("activity", name, about)
        document.relate(
            "used", activity=name, entity=document.web(row["image_url"], "Address", {}), time=row["asked_at"]
        )
        document.relate("wasAssociatedWith", activity=name, agent=_program(document, None))
    for row in story.takedowns:
        name = f"h:takedown-{_short(row['requested_at'], row['reason'], row['requested_by'])}"
        about = {"prov:type": _kind("Takedown"), "prov:startTime": row["requested_at"], "h:reason": row["reason"]}
        document.add("activity", name, about)
        document.relate("wasInvalidatedBy", entity=original, activity=name, time=row["requested_at"])
        asker = document.agent("person", row["requested_by"], {})
        document.relate("wasAssociatedWith", activity=name, agent=asker)


def _about(image: Record | None) -> Record:
    if image is None:
        return {}
    return {
        "prov:location": image["path"],
        "dcterms:format": image["format"],
        **{f"h:{key}": image[key] for key in ("width", "height", "bytes", "phash", "phash_version")},
        "h:digitalSourceType": image["digital_source_type"],
    }


def _plan(document: _Document, kind: str, digest: str) -> str:
    return document.add("entity", f"h:{kind}-{digest}", {"prov:type": _type("prov:Plan"), "h:digest": digest})


def _program(document: _Document, version: str | None) -> str:
    name = f"herbarium-harvester {version}" if version else "herbarium-harvester"
    return document.agent("program", name, {"prov:type": _type("prov:SoftwareAgent")})


def _kind(name: str) -> Record:
    return _type(f"h:{name}")


def _type(name: str) -> Record:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _uri(url: str) -> Record:
    return {"$": url, "type": "xsd:anyURI"}


def _short(*parts: str) -> str:
    """Enough of a digest to name something by: names hold no characters that need escaping."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
