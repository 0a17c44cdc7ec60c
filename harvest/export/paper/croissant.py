"""croissant.json: the export for machines. https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html

Provenance is told in terms of PROV-O as the specification asks (its section on responsible AI and governance), and the
rest of that section's matters in terms of http://mlcommons.org/croissant/RAI/1.0.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from harvest.export.base import ExportedFile, ExportSettings, RecipeFacts
from harvest.export.paper.census import Census
from harvest.export.paper.records import IMAGES, MANIFEST, MIME, record_sets
from harvest.ledger.rows import MEMBER
from harvest.licences import licence
from harvest.workspace import digest_of_file

__all__ = ["write_croissant"]

_CROISSANT, _RAI = "http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"
# As the specification has it (its appendix), and the vocabularies that are used beside its own.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "prov": "http://www.w3.org/ns/prov#",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def write_croissant(
    folder: Path, files: Sequence[ExportedFile], recipe: RecipeFacts, settings: ExportSettings, counts: Census
) -> None:
    """Describe the finished `folder`, whose MANIFEST.jsonl is there. The same export gives the same bytes."""
    about = recipe.about
    told = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": recipe.title or recipe.name,
        "alternateName": recipe.name,
        "description": recipe.description or f"Images of {recipe.title or recipe.name}, exported by its recipe.",
        "conformsTo": [_CROISSANT, _RAI],
        "license": _licences(files),
        "url": about.url,
        "version": about.version,
        "datePublished": about.published,
        "citeAs": about.citation,
        "creator": {"@type": "sc:Organization", "name": about.creator, "url": about.creator_url}
        if about.creator
        else None,
        "keywords": list(about.keywords) or None,
        "isLiveDataset": False,
        **_provenance(files, recipe),
        **_responsible(files, recipe, settings, counts),
        "distribution": _distribution(folder, files),
        "recordSet": record_sets(files),
    }
    text = json.dumps(_without_gaps(told), ensure_ascii=False, indent=2)
    (folder / "croissant.json").write_text(text + "\n", encoding="utf-8")


def _without_gaps(value: Any) -> Any:
    """Nothing is said where nothing is known."""
    if isinstance(value, dict):
        return {key: _without_gaps(inner) for key, inner in value.items() if inner is not None}
    return [_without_gaps(inner) for inner in value] if isinstance(value, list) else value


def _licences(files: Sequence[ExportedFile]) -> list[str]:
    """Addresses of licences, the most frequent first; ids where there is no address."""
    counts = Counter(file.entry.provenance.license or "unknown" for file in files)
    ordered = sorted(counts, key=lambda id_: (-counts[id_], id_))
    return [known.uri if (known := licence(id_)) and known.uri else id_ for id_ in ordered]


def _provenance(files: Sequence[ExportedFile], recipe: RecipeFacts) -> dict[str, Any]:
    counts = Counter(file.entry.provenance.source for file in files)
    return {
        "prov:wasDerivedFrom": [
            {
                "@type": "prov:Entity",
                "@id": f"urn:herbarium-harvester:source:{name}",
                "prov:label": f"{name}: {n} files",
            }
            for name, n in sorted(counts.items())
        ],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "@id": f"urn:herbarium-harvester:recipe:{recipe.digest}",
            "prov:label": f"recipe {recipe.name}: crawl, dedupe, filter, size, export",
            "prov:used": [{"@id": "recipe.yaml"}, {"@id": "PROVENANCE.jsonl"}, {"@id": "RUNS.jsonl"}],
            "prov:wasAssociatedWith": {"@type": "prov:SoftwareAgent", "prov:label": "herbarium-harvester"},
        },
        "prov:wasAttributedTo": {"@type": "prov:Agent", "prov:label": recipe.about.creator}
        if recipe.about.creator
        else None,
    }


def _responsible(
    files: Sequence[ExportedFile], recipe: RecipeFacts, settings: ExportSettings, counts: Census
) -> dict[str, Any]:
    answers = recipe.about.answers
    changes = sorted({", ".join(file.entry.changes) for file in files if file.entry.changes})
    dropped = [f"{stage}: {count} images dropped" for stage, count in counts.dropped.items()]
    unnamed = sum(file.entry.provenance.creator is None for file in files)
    faces = [f"{each.detector} sees faces in {each.with_faces} of {each.looked_at} images" for each in counts.faces]
    whose = f"by hand, then {settings.labels}" if any(file.entry.by_hand for file in files) else settings.labels
    labelled = [f"Labels: {whose}"] if any(file.entry.labels for file in files) else []
    return {
        "rai:dataCollection": "Images were met at the addresses that MANIFEST.jsonl gives, in the runs and sightings "
        "that RUNS.jsonl and PROVENANCE.jsonl list.",
        "rai:dataCollectionType": ["Web Scraping"],
        "rai:dataCollectionMissingData": f"{unnamed} of {len(files)} files are of an unknown creator.",
        "rai:dataCollectionRawData": "Bytes as they were served, named by original_sha256.",
        "rai:dataPreprocessingProtocol": [*changes, *dropped] or None,
        "rai:dataAnnotationProtocol": labelled or None,
        "rai:personalSensitiveInformation": [*faces, *_said(answers, "composition-sensitive")] or None,
        "rai:dataUseCases": _said(answers, "uses-possible") or None,
        "rai:dataLimitations": _said(answers, "uses-not") or None,
        "rai:dataBiases": _said(answers, "uses-impact") or None,
        "rai:dataReleaseMaintenancePlan": "Images are taken out on request; the export is made again without them.",
    }


def _said(answers: Any, name: str) -> list[str]:
    return [answers[name]] if name in answers else []


def _distribution(folder: Path, files: Sequence[ExportedFile]) -> list[dict[str, Any]]:
    names = sorted({file.path.partition(MEMBER)[0] for file in files if MEMBER in file.path})
    loose = [PurePosixPath(file.path) for file in files if MEMBER not in file.path]
    found = [_object(folder, "MANIFEST.jsonl", MANIFEST, "application/jsonlines")]
    found += [
        _object(folder, name, name, MIME.get(PurePosixPath(name).suffix, "application/octet-stream")) for name in names
    ]
    if loose:
        kinds = sorted({MIME.get(path.suffix.lower(), "application/octet-stream") for path in loose})
        patterns = sorted({f"{path.parent.as_posix()}/*{path.suffix}" for path in loose})
        found.append(
            {
                "@type": "cr:FileSet",
                "@id": IMAGES,
                "name": IMAGES,
                "description": "The images; MANIFEST.jsonl has the SHA-256 of each.",
                "encodingFormat": kinds if len(kinds) > 1 else kinds[0],
                "includes": patterns if len(patterns) > 1 else patterns[0],
            }
        )
    return found


def _object(folder: Path, name: str, id_: str, kind: str) -> dict[str, Any]:
    file = folder / name
    return {
        "@type": "cr:FileObject",
        "@id": id_,
        "name": PurePosixPath(name).name,
        "contentUrl": name,
        "contentSize": f"{file.stat().st_size} B",
        "encodingFormat": kind,
        "sha256": digest_of_file(file),
    }
