"""A ledger of any size without a picture: the rows that crawls of a dozen sources would have left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from harvest.config.dedupe import DedupeConfig
from harvest.images.fingerprint import PHASH_VERSION
from harvest.items import Fingerprint, ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import LikenessRow, open_ledger, transaction, write_likenesses
from harvest.stages.dedupe.digest import measure_version
from harvest.store import original_path
from harvest.workspace import Workspace

__all__ = ["PASSES", "fill", "journal", "remember_pairs"]

PASSES = 3  # times each image was met
SOURCES = 12
_BATCH = 250_000
_NEAR = 50  # every so many images there is a near copy of the one before
_SEGMENT = 1_000  # sightings a segment holds, as a crawl seals them

_RUNS = """
    INSERT INTO run_starts BY NAME
    SELECT printf('2026%02d01T000000-source-%02d-%06d', p + 1, s, s) AS run_id, printf('source-%02d', s) AS source,
           'iiif' AS spider, sha256('config' || s) AS config_digest, '0.1.0' AS code_version,
           make_timestamptz(2026, (p + 1)::BIGINT, 1, 0, 0, 0.0) AS started_at
    FROM range($passes) passes(p), range($sources) sources(s)"""
_ENDS = """
    INSERT INTO run_ends BY NAME
    SELECT run_id, started_at + INTERVAL 20 DAY AS finished_at, 'finished' AS outcome,
           sha256('journal' || run_id) AS journal_digest
    FROM run_starts"""

# One in fifty is a near copy of its neighbour; a fifth has no licence, and as many no creator; one in 400 says no.
_SIGHTINGS = """
    INSERT INTO sightings BY NAME
    WITH met AS (
        SELECT n AS number, n % $images AS image, n // $images AS pass,
               (image + CASE WHEN pass = 2 AND image % 5 = 0 THEN 5 ELSE 0 END) % $sources AS place,
               CASE WHEN pass = 2 AND image % 25 = 1 THEN 'failed' WHEN pass = 2 AND image % 25 = 2 THEN 'refused'
                    WHEN pass = 0 THEN 'stored' WHEN image % 5 = 0 THEN 'known' ELSE 'unchanged' END AS outcome
        FROM range($first, $last) numbers(n)
    )
    SELECT printf('2026%02d01T000000-source-%02d-%06d', pass + 1, place, place) AS run_id, number AS seq,
           printf('source-%02d', place) AS source, printf('urn:object:%09d', image) AS source_id,
           printf('https://images.museum-%02d.test/iiif/2/%09d/full/full/0/default.jpg', place, image) AS image_url,
           printf('https://museum-%02d.test/collection/objects/%09d', place, image) AS page_url,
           printf('Specimen %d, leaf and stem', image) AS title,
           'Pressed, dried and mounted; collected on the ' || (image % 31) || 'th day of the journey.' AS description,
           ['herbarium', 'plant', 'family ' || image % 300] AS tags,
           CASE WHEN image % 5 <> 3 THEN 'Collector ' || floor(pow(hash(image) % 1000000 / 1e6, 3) * 50000)::INT END
               AS creator,
           CASE WHEN image % 20 >= 4
                THEN ['CC0-1.0', 'CC-BY-4.0', 'CC-BY-SA-4.0', 'CC-PDM-1.0', 'CC-BY-NC-2.0'][1 + image % 5] END
               AS license,
           license AS license_raw, (1850 + image % 170)::VARCHAR AS taken_at,
           make_timestamptz(2026, pass + 1, 1, 0, 0, 0.0) + to_seconds(image) AS fetched_at,
           CASE WHEN outcome NOT IN ('refused', 'unchanged') THEN 200 END AS http_status, '"' || image || '"' AS etag,
           CASE WHEN outcome = 'refused' OR image % 400 = 7
                THEN '[{"kind": "tdmrep", "value": "1", "where": "/.well-known/tdmrep.json"}]' ELSE '[]' END AS opt_out,
           outcome, CASE outcome WHEN 'failed' THEN 'http_503' WHEN 'refused' THEN 'tdmrep: 1' END AS reason,
           CASE WHEN outcome NOT IN ('failed', 'refused') THEN sha256('image ' || image) END AS sha256,
           [] AS labels, '[]' AS evidence,
           '{"department": "Botany", "accession": "' || image || '", "region": "' || image % 90 || '"}' AS raw
    FROM met"""

_IMAGES = """
    INSERT INTO images BY NAME
    SELECT sha256('image ' || n) AS sha256, 'originals/' || sha256[:2] || '/' || sha256 || '.jpg' AS path,
           (40000 + hash(n) % 400000)::BIGINT AS bytes, 'JPEG' AS format, (200 + hash(n) % 3000)::INTEGER AS width,
           (200 + hash(n + 7) % 2500)::INTEGER AS height, 'RGB' AS mode, 1 AS frames,
           CASE WHEN n % 50 = 1 THEN xor(hash(n - 1), 5::UBIGINT) ELSE hash(n) END AS phash, $version AS phash_version,
           (hash(n + 1) % 1000) / 1000 AS sharpness, (hash(n + 2) % 8000) / 1000 AS entropy,
           (hash(n + 3) % 1000) / 1000 AS brightness,
           CASE WHEN n % 1000 = 5 THEN 'trainedAlgorithmicMedia' END AS digital_source_type,
           make_timestamptz(2026, 1, 1, 0, 0, 0.0) + to_seconds(n) AS first_seen
    FROM range($first, $last) numbers(n)"""


def fill(workspace: Workspace, images: int) -> None:
    """Put `images` images with three sightings each into an empty ledger, the rows that `ingest` makes of journals."""
    with open_ledger(workspace, write=True) as con:
        con.execute(_RUNS, {"passes": PASSES, "sources": SOURCES})
        con.execute(_ENDS)
        for statement, count, more in (
            (_SIGHTINGS, images * PASSES, {"images": images, "sources": SOURCES}),
            (_IMAGES, images, {"version": PHASH_VERSION}),
        ):
            for first in range(0, count, _BATCH):
                with transaction(con):
                    con.execute(statement, {"first": first, "last": min(first + _BATCH, count), **more})


def journal(workspace: Workspace, sightings: int, run_id: str) -> None:
    """Write the journal of a crawl that met new images alone, in segments as a crawl seals them."""
    header = RunHeader(
        run_id=run_id,
        source="journalled",
        spider="iiif",
        config_digest="c0ffee",
        code_version="0.1.0",
        started_at="2026-06-01T00:00:00Z",
    )
    with JournalWriter.open(workspace.journal, header) as writer:
        for sighting in _met(header, sightings):
            writer.append(sighting)
            if writer.next_seq % _SEGMENT == 0:
                writer.seal()
        writer.close()


def remember_pairs(workspace: Workspace, images: int) -> None:
    """Note that the near copies of `fill` were looked at and are copies, as a dedupe that had the pictures would."""
    pairs = (sorted((_digest(number - 1), _digest(number))) for number in range(1, images, _NEAR))
    version = measure_version(DedupeConfig().dihedral)
    rows = [LikenessRow(sha256=a, other=b, version=version, likeness=0.99, transform="same") for a, b in pairs]
    with open_ledger(workspace, write=True) as con:
        write_likenesses(con, rows)


def _digest(number: int) -> str:
    return hashlib.sha256(f"image {number}".encode()).hexdigest()


def _met(header: RunHeader, sightings: int) -> Iterator[Sighting]:
    for number in range(sightings):
        sha256 = hashlib.sha256(f"{header.run_id} {number}".encode()).hexdigest()
        yield Sighting(
            run_id=header.run_id,
            seq=number,
            source=header.source,
            item=ImageItem(
                source_id=f"urn:object:{number:09d}",
                image_url=f"https://images.museum.test/{header.run_id}/{number:09d}/full/full/0/default.jpg",
                page_url=f"https://museum.test/{header.run_id}/objects/{number:09d}",
                title=f"Specimen {number}, leaf and stem",
                description=f"Pressed, dried and mounted; collected on the {number % 31}th day of the journey.",
                tags=("herbarium", "plant", f"family {number % 300}"),
                creator=f"Collector {number % 5000}",
                license="CC-BY-4.0",
                license_raw="CC BY 4.0",
                taken_at=str(1850 + number % 170),
                raw={"department": "Botany", "accession": str(number), "region": str(number % 90)},
            ),
            outcome=Outcome.STORED,
            fetched_at=f"2026-06-{1 + number // 86_400 % 28:02d}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:00Z",
            http_status=200,
            etag=f'"{number}"',
            sha256=sha256,
            path=original_path(sha256, "jpg"),
            fingerprint=Fingerprint(
                sha256=sha256,
                bytes=40_000 + number % 400_000,
                format="JPEG",
                width=200 + number % 3000,
                height=200 + number % 2500,
                mode="RGB",
                frames=1,
                phash=int(sha256[:16], 16),
                phash_version=PHASH_VERSION,
                sharpness=number % 1000 / 1000,
                entropy=number % 8000 / 1000,
                brightness=number % 997 / 1000,
            ),
        )
