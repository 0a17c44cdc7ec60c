from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from prov.model import (
    ProvActivity,
    ProvAgent,
    ProvAlternate,
    ProvAssociation,
    ProvAttribution,
    ProvDerivation,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvInvalidation,
    ProvSpecialization,
    ProvUsage,
)

from harvest.audit import lineage, to_prov
from harvest.ledger import DuplicateRow, RecheckRow, open_ledger, write_duplicates, write_rechecks


def told(dataset: Any, sha256: str) -> dict[str, Any]:
    return to_prov(lineage(dataset.workspace, sha256))


def read(document: dict[str, Any]) -> ProvDocument:
    return ProvDocument.deserialize(content=json.dumps(document), format="json")


def sha_of(dataset: Any, title: str) -> str:
    return str(dataset.sql(f"SELECT sha256 FROM sightings WHERE title = '{title}'")[0][0])


def related(document: ProvDocument, kind: type) -> set[tuple[str, ...]]:
    """The identifiers that each relation of a kind names."""
    return {
        tuple(str(value) for value in record.args if value is not None and not isinstance(value, datetime))
        for record in document.get_records(kind)
    }


@pytest.fixture
def rich(exported: Any) -> Any:
    """The exported shells, of which one has a copy, was asked for again, and is taken down."""
    sha256, other = sha_of(exported, "Shell 2"), sha_of(exported, "Shell 3")
    now = datetime.now(UTC).isoformat()
    rows = [
        DuplicateRow(
            group_id="g",
            sha256=each,
            keeper=each == sha256,
            kind="near",
            distance=0,
            threshold=8,
            method="phash",
            reason="r",
        )
        for each in (sha256, other)
    ]
    again = RecheckRow(
        recheck="1",
        sha256=sha256,
        source="museum",
        image_url="http://gallery.museum.test/2.jpg",
        page_url="http://gallery.museum.test/2.html",
        asked_at=now,
        outcome="gone",
        http_status=404,
        license_before="CC-BY-4.0",
        opt_out=json.dumps([{"kind": "tdmrep", "value": "tdm-reservation: 1", "where": "http://gallery.museum.test/"}]),
    )
    with open_ledger(exported.workspace, write=True) as con:
        write_duplicates(con, name="shells", recipe_digest="e" * 64, input_digest="i", rows=rows)
        write_rechecks(con, [again])
    exported.sql(
        f"INSERT INTO takedowns BY NAME SELECT '{sha256}' AS sha256, now() AS requested_at, "
        "'my own drawing' AS reason, 'Ada Moss' AS requested_by, 'its page' AS matched"
    )
    exported.sql(
        f"INSERT INTO reviews BY NAME SELECT 'shells' AS name, 'dedupe' AS stage, '{min(sha256, other)}' AS sha256, "
        f"'{max(sha256, other)}' AS other, 'apart' AS verdict, 'another side' AS reason, 'Bea Fern' AS decided_by, "
        "now() AS decided_at"
    )
    exported.sql(
        f"INSERT INTO embedded BY NAME SELECT '{sha256}' AS sha256, 'v' AS version, '(c) Ada Moss' AS copyright, "
        "52.5 AS latitude, 13.4 AS longitude"
    )
    exported.sql(
        f"INSERT INTO faces BY NAME SELECT '{sha256}' AS sha256, 'detector' AS detector, 2 AS faces, '[]' AS boxes"
    )
    return exported


def test_others_read_the_document_and_give_it_back_unchanged(rich: Any) -> None:
    document = read(told(rich, sha_of(rich, "Shell 2")))

    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")

    assert again == document
    assert again.get_provn() == document.get_provn()


def test_every_name_that_a_relation_uses_is_there(rich: Any) -> None:
    document = read(told(rich, sha_of(rich, "Shell 2")))

    known = {
        str(record.identifier)
        for kind in (ProvEntity, ProvActivity, ProvAgent)
        for record in document.get_records(kind)
    }
    used = {
        name
        for kind in (ProvGeneration, ProvUsage, ProvDerivation, ProvAttribution, ProvAssociation, ProvSpecialization)
        for names in related(document, kind)
        for name in names
    }
    assert used
    assert used <= known


def test_the_way_leads_from_the_export_to_the_page_and_the_creator(exported: Any) -> None:
    sha256 = sha_of(exported, "Shell 2")
    document = read(told(exported, sha256))
    original = f"bytes:{sha256}"
    ((sized,),) = exported.sql(f"SELECT derived_sha256 FROM derived WHERE sha256 = '{sha256}'")

    derivations = related(document, ProvDerivation)
    addresses = {names[1] for names in derivations if names[0] == original}
    assert {str(document.get_record(name)[0].get_attribute("prov:location").pop()) for name in addresses} == {
        "http://gallery.museum.test/2.jpg"
    }
    files = {names[0] for names in derivations if names[1] == original}
    assert f"bytes:{sized}" in files
    assert (original, "h:run-20250101T120000-museum-000001") in related(document, ProvGeneration)
    names = {name for pair in related(document, ProvAttribution) if pair[0] == original for name in pair[1:]}
    assert {str(document.get_record(name)[0].get_attribute("foaf:name").pop()) for name in names} == {"Creator 2"}
    places = [entity.get_attribute("prov:location") for entity in document.get_records(ProvEntity)]
    exports = {str(place) for found in places for place in found if str(place).startswith("exports/")}
    assert {place.split("/")[1] for place in exports} == {"small", "whole"}


def test_copies_questions_and_removal_are_told(rich: Any) -> None:
    sha256, other = sha_of(rich, "Shell 2"), sha_of(rich, "Shell 3")
    document = read(told(rich, sha256))

    assert related(document, ProvAlternate) == {(f"bytes:{sha256}", f"bytes:{other}")}
    ((gone, removal),) = related(document, ProvInvalidation)
    assert gone == f"bytes:{sha256}"
    (takedown,) = document.get_record(removal)
    assert takedown.get_attribute("h:reason") == {"my own drawing"}
    people = {
        str(name)
        for agent in document.get_records(ProvAgent)
        if "person" in str(agent.identifier)
        for name in agent.get_attribute("foaf:name")
    }
    assert people == {"Ada Moss", "Bea Fern", "test"}
    rechecks = [each for each in document.get_records(ProvActivity) if "recheck" in str(each.identifier)]
    assert [each.get_attribute("h:outcome") for each in rechecks] == [{"gone"}]


def test_the_tree_tells_the_same(rich: Any) -> None:
    text = "\n".join(lineage(rich.workspace, sha_of(rich, "Shell 2")).lines())

    for words in (
        "├─ 1 copy",
        "near, 0 of 8 by phash",
        "from museum, page http://gallery.museum.test/3.html",
        "creator Creator 3, licence CC-BY-4.0",
        "├─ 1 recheck",
        "http://gallery.museum.test/2.jpg: gone, HTTP 404",
        "says now tdmrep: tdm-reservation: 1 (http://gallery.museum.test/)",
        "my own drawing, by Ada Moss",
        "named by its page",
        "the file says copyright: (c) Ada Moss; position: 52.5000, 13.4000",
        "2 faces found by detector",
        "├─ 1 review",
        "apart ",
        "another side, by Bea Fern",
        "over its rows in decisions, derived_rows, export_rows, duplicate_rows, rechecks; the newest is ",
    ):
        assert words in text


def test_the_command_writes_prov(exported: Any, harvest: Callable[..., Any]) -> None:
    sha256 = sha_of(exported, "Shell 1")

    answer = harvest("audit", "--image", sha256[:16], "--format", "prov", "-w", exported.workspace.root)
    refused = harvest("audit", "--format", "prov", "-w", exported.workspace.root)

    assert answer.returncode == 0, answer.stderr
    assert f"bytes:{sha256}" in read(json.loads(answer.stdout)).get_provn()
    assert refused.returncode == 2
    assert "add --image SHA" in refused.stderr
