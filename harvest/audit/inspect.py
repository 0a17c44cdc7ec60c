"""Originals that were not read yet by today's readers: what they say of themselves, and how many faces they show."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

import pyarrow as pa

from harvest.errors import Broken, HarvestError
from harvest.images.decode import decode_rgb
from harvest.images.embedded import EMBEDDED_VERSION, Embedded, read_embedded
from harvest.images.faces import detector_fault, detector_name, find_faces
from harvest.ledger import EmbeddedRow, FacesRow, open_ledger, uninspected, write_embedded, write_faces
from harvest.licences import from_url, normalize
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["inspect_originals"]

_BATCH = 2000  # images whose rows are written together
_LONGEST = 640  # a JPEG is decoded no larger than a detector of faces needs
_CC_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?creativecommons\.org/[\w./-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    store: Store
    sha256: str
    path: str
    version: str | None  # of the reader of statements, where they are lacking
    detector: str | None  # of faces, where these are lacking


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    embedded: EmbeddedRow | None = None
    faces: FacesRow | None = None


def inspect_originals(workspace: Workspace, sha256s: pa.Array, *, faces: bool, progress: Progress) -> str | None:
    """Read those of the images `sha256s` that have no rows of today's readers, over all cores, and write the rows.

    What a stopped pass had written stays. Files that are missing or that do not decode are left for another time.
    `faces` looks for faces too; where the detector does not run, that is said, and answered.
    """
    fault = detector_fault() if faces else None
    if fault:
        progress.say(fault)
    detector = detector_name() if faces and not fault else None
    with open_ledger(workspace) as con:
        lacking = uninspected(con, sha256s, version=EMBEDDED_VERSION, detector=detector)
    if not lacking:
        return fault
    store = Store(workspace.root)
    jobs = [
        _Job(
            store=store,
            sha256=sha256,
            path=path,
            version=EMBEDDED_VERSION if lacks_statements else None,
            detector=detector if lacks_faces else None,
        )
        for sha256, path, lacks_statements, lacks_faces in lacking
    ]
    label = "look for faces" if any(job.detector for job in jobs) else "read embedded statements"
    with progress.start(label, len(jobs)) as task:
        for seen in batches(in_processes(_inspect, jobs), _BATCH, seconds=30.0):
            with open_ledger(workspace, write=True) as con:
                write_embedded(con, [each.embedded for each in seen if each.embedded])
                write_faces(con, [each.faces for each in seen if each.faces])
            task.advance(len(seen))
    return fault


def _inspect(job: _Job) -> _Seen:
    """One original, in a worker process."""
    try:
        file = job.store.local(job.path)
        body = file.read_bytes()
    except (OSError, HarvestError):
        return _Seen()
    if hashlib.sha256(body).hexdigest() != job.sha256:
        return _Seen()  # somebody else's statements; that the file was changed is another check's to say
    statements = _row(job.sha256, job.version, read_embedded(body)) if job.version else None
    try:
        faces = find_faces(decode_rgb(file, longest=_LONGEST)) if job.detector else ()
    except (OSError, Broken):
        return _Seen(embedded=statements)
    boxes = [[face.x, face.y, face.width, face.height, face.score] for face in faces]
    return _Seen(
        embedded=statements,
        faces=FacesRow(sha256=job.sha256, detector=job.detector, faces=len(faces), boxes=json.dumps(boxes))
        if job.detector
        else None,
    )


def _row(sha256: str, version: str, said: Embedded) -> EmbeddedRow:
    return EmbeddedRow(
        sha256=sha256,
        version=version,
        copyright=said.copyright,
        creator=said.creator,
        license=_licence(said),
        license_raw=" | ".join(dict.fromkeys(text for text in (said.license, said.license_url) if text)) or None,
        latitude=said.latitude,
        longitude=said.longitude,
        country=said.country,
        generator=said.generator,
        generator_where=said.generator_where,
        digital_source_type=said.digital_source_type,
    )


def _licence(said: Embedded) -> str | None:
    """The id of the terms that a file states, also where only its copyright notice names them by their address."""
    for text in (said.license, said.license_url, said.copyright):
        if id_ := normalize(text):
            return id_
    for text in (said.license, said.copyright):
        named = _CC_ADDRESS.search(text or "")
        if named and (id_ := from_url(named[0].rstrip("."))):
            return id_
    return None
