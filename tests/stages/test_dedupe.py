from __future__ import annotations

import io

import pytest
from PIL import Image, ImageOps

from harvest.images.fingerprint import PHASH_VERSION, dihedral_hashes, fingerprint
from harvest.ledger import ReviewRow, decisions, duplicates, open_ledger, selected, write_reviews
from harvest.progress import SilentProgress
from harvest.stages import stage_digests
from harvest.stages.dedupe import run_dedupe

DEDUPE = "dedupe: {near: {max_distance: 8}}\nlayout: null"


def run(herbarium, recipe):
    return run_dedupe(herbarium.workspace, recipe, progress=SilentProgress())


def kept(herbarium, recipe):
    stages = {"dedupe": stage_digests(recipe, herbarium.workspace)["dedupe"]}
    with open_ledger(herbarium.workspace) as con:
        return {image.sha256 for image in selected(con, stages)}


def reasons(herbarium, recipe):
    stages = {"dedupe": stage_digests(recipe, herbarium.workspace)["dedupe"]}
    with open_ledger(herbarium.workspace) as con:
        return {row.sha256: row.reason for row in decisions(con, stages)}


def test_the_largest_copy_stays_and_the_reason_says_so(herbarium, recipe, encoded, picture):
    original = herbarium.meet(picture(1, 800, 600))
    reencoded = herbarium.meet(encoded(picture(1, 800, 600), quality=60))
    small = herbarium.meet(picture(1, 800, 600).resize((400, 300)))
    other = herbarium.meet(picture(2, 800, 600))
    herbarium.crawl()

    report = run(herbarium, recipe(DEDUPE))

    assert (report.done, report.kept, report.dropped) == (4, 2, 2)
    assert kept(herbarium, recipe(DEDUPE)) == {original, other}
    why = reasons(herbarium, recipe(DEDUPE))
    assert why[small].startswith(f"near duplicate of {original[:12]} at ")
    assert why[small].endswith("bits; kept the larger copy")
    assert why[reencoded].endswith("kept the less compressed copy")
    assert why[original] == "best of 3 copies"
    with open_ledger(herbarium.workspace) as con:
        rows = duplicates(con, "shells")
    assert {row.sha256 for row in rows} == {original, reencoded, small}
    assert [row.sha256 for row in rows if row.keeper] == [original]
    assert {(row.kind, row.threshold, row.method) for row in rows} == {("near", 8, "phash")}


def test_a_known_licence_breaks_the_tie_and_then_the_date(herbarium, recipe, encoded, picture):
    body = encoded(picture(3))
    unknown = herbarium.meet(body + b"\0", license=None)
    late = herbarium.meet(body + b"\1", published_at="2020-01-01")
    early = herbarium.meet(body + b"\2", published_at="1999")
    herbarium.crawl()

    run(herbarium, recipe(DEDUPE))

    assert kept(herbarium, recipe(DEDUPE)) == {early}
    why = reasons(herbarium, recipe(DEDUPE))
    assert why[unknown].endswith("kept the better licensed copy")
    assert why[late].endswith("kept the earlier copy")


def test_keep_earliest_prefers_the_first_published(herbarium, recipe, picture):
    first = herbarium.meet(picture(4, 400, 300), published_at="1899")
    herbarium.meet(picture(4, 800, 600), published_at="1950")
    herbarium.crawl()
    earliest = recipe("dedupe: {keep: earliest}\nlayout: null")

    run(herbarium, earliest)

    assert kept(herbarium, earliest) == {first}


def test_a_second_run_writes_nothing(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.meet(picture(1, 200, 150))
    herbarium.crawl()
    run(herbarium, recipe(DEDUPE))
    before = herbarium.workspace.ledger.stat().st_mtime_ns

    again = run(herbarium, recipe(DEDUPE))

    assert (again.done, again.skipped, again.dropped) == (0, 2, 1)
    assert herbarium.workspace.ledger.stat().st_mtime_ns == before


def test_a_better_copy_that_comes_later_takes_over(herbarium, recipe, picture):
    small = herbarium.meet(picture(1, 400, 300))
    herbarium.crawl()
    run(herbarium, recipe(DEDUPE))
    assert kept(herbarium, recipe(DEDUPE)) == {small}

    large = herbarium.meet(picture(1, 800, 600))
    herbarium.crawl()
    assert kept(herbarium, recipe(DEDUPE)) == {small}  # nobody decided on the new one yet
    run(herbarium, recipe(DEDUPE))

    assert kept(herbarium, recipe(DEDUPE)) == {large}


def test_without_near_everything_stays(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.meet(picture(1, 200, 150))
    herbarium.crawl()
    exact_only = recipe("dedupe: {near: null}\nlayout: null")

    assert run(herbarium, exact_only).dropped == 0
    assert len(kept(herbarium, exact_only)) == 2


def test_an_empty_ledger_is_no_trouble(herbarium, recipe):
    herbarium.crawl()

    assert run(herbarium, recipe(DEDUPE)).done == 0


def counts(report):
    return {name: report.detail[name] for name in ("read", "looked", "compared")}


def test_equal_pixels_in_other_bytes_are_found_without_hashes(herbarium, recipe, encoded, picture):
    jpeg = encoded(picture(1), quality=80)
    original = herbarium.meet(jpeg)
    copied = herbarium.meet(encoded(Image.open(io.BytesIO(jpeg)), "PNG"))
    reencoded = herbarium.meet(encoded(picture(1), quality=60))
    herbarium.crawl()
    by_pixels = recipe("dedupe: {near: null}\nlayout: null")

    run(herbarium, by_pixels)

    assert kept(herbarium, by_pixels) == {copied, reencoded}
    assert reasons(herbarium, by_pixels)[original] == f"same pixels as {copied[:12]}; kept the less compressed copy"
    with open_ledger(herbarium.workspace) as con:
        assert {(row.kind, row.distance, row.method) for row in duplicates(con)} == {("pixels", 0.0, "pixels")}


def test_the_order_of_criteria_is_the_recipe_s(herbarium, recipe, encoded, picture):
    large = herbarium.meet(picture(1, 800, 600), license=None)
    credited = herbarium.meet(picture(1, 400, 300))
    herbarium.crawl()
    by_provenance = recipe("dedupe: {keep: [provenance, resolution]}\nlayout: null")

    run(herbarium, by_provenance)

    assert kept(herbarium, by_provenance) == {credited}
    assert reasons(herbarium, by_provenance)[large].endswith("kept the better licensed copy")


def test_a_new_image_is_compared_alone_and_nothing_is_looked_at_twice(herbarium, recipe, encoded, picture):
    for number in range(4):
        herbarium.meet(picture(number, 400, 300))
        herbarium.meet(encoded(picture(number, 400, 300), quality=70))
    herbarium.crawl()
    first = run(herbarium, recipe(DEDUPE))
    herbarium.meet(picture(2, 800, 600))
    herbarium.crawl()

    second = run(herbarium, recipe(DEDUPE))
    narrower = run(herbarium, recipe("dedupe: {near: {max_distance: 5}}\nlayout: null"))
    by_date = run(herbarium, recipe("dedupe: {keep: earliest}\nlayout: null"))

    assert counts(first)["looked"] == 4
    assert second.detail["looked"] <= 2
    assert second.detail["compared"] <= 1
    assert second.detail["read"] <= 8
    assert counts(narrower) == {"read": 0, "looked": 0, "compared": 0}
    assert counts(by_date)["compared"] == 0
    assert (first.dropped, second.dropped) == (4, 5)
    assert narrower.dropped <= 5


def test_a_wider_radius_compares_again_and_keeps_what_was_looked_at(herbarium, recipe, encoded, picture):
    herbarium.meet(picture(1))
    herbarium.meet(encoded(picture(1), quality=70))
    herbarium.crawl()
    run(herbarium, recipe(DEDUPE))

    wider = run(herbarium, recipe("dedupe: {near: {max_distance: 12}}\nlayout: null"))

    assert (wider.detail["looked"], wider.dropped) == (0, 1)


def test_hashes_of_another_version_are_made_anew_beside_the_old(herbarium, recipe, encoded, picture):
    herbarium.meet(picture(1))
    herbarium.meet(encoded(picture(1), quality=70))
    herbarium.crawl()
    with open_ledger(herbarium.workspace, write=True) as con:
        con.execute("UPDATE images SET phash_version = 'older', phash = 0 WHERE format = 'JPEG'")

    report = run(herbarium, recipe(DEDUPE))

    assert report.dropped == 1
    with open_ledger(herbarium.workspace) as con:
        made = con.execute("SELECT count(*) FROM fingerprints WHERE version = ? AND method = 'phash'", [PHASH_VERSION])
        assert made.fetchone() == (2,)
        assert con.execute("SELECT DISTINCT phash_version FROM images").fetchall() == [("older",)]


TURNS = [
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_180,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
]


@pytest.mark.parametrize("turn", TURNS)
def test_one_transform_gives_the_hashes_of_all_turns(encoded, picture, turn):
    image = picture(3, 256, 256)
    hashes = dihedral_hashes(encoded(image, "PNG"))

    turned = fingerprint(encoded(image.transpose(turn), "PNG"), max_pixels=10**8).phash

    assert hashes[0] == fingerprint(encoded(image, "PNG"), max_pixels=10**8).phash
    assert min((other ^ turned).bit_count() for other in hashes[1:]) <= 2


@pytest.mark.parametrize(("dihedral", "left"), [("none", 3), ("flips", 2), ("all", 1)])
def test_flips_and_turns_are_copies_where_the_recipe_says_so(herbarium, recipe, picture, dihedral, left):
    image = picture(5, 600, 450)
    for copy in (image, ImageOps.mirror(image), image.transpose(Image.Transpose.ROTATE_90)):
        herbarium.meet(copy)
    herbarium.crawl()
    turning = recipe(f"dedupe: {{dihedral: {dihedral}}}\nlayout: null")

    run(herbarium, turning)

    assert len(kept(herbarium, turning)) == left


def test_structure_finds_the_crop_that_hashes_miss(herbarium, recipe, picture):
    image = picture(6, 800, 600)
    whole = herbarium.meet(image)
    part = herbarium.meet(image.crop((100, 90, 780, 560)))
    for other in range(10, 16):
        herbarium.meet(picture(other, 800, 600))
    herbarium.crawl()
    by_structure = recipe("dedupe: {embedding: {model: structure}}\nlayout: null")

    assert run(herbarium, recipe(DEDUPE)).dropped == 0
    first = run(herbarium, by_structure)
    herbarium.meet(picture(20, 800, 600))
    herbarium.crawl()
    again = run(herbarium, by_structure)

    assert (first.dropped, again.dropped) == (1, 1)
    assert part not in kept(herbarium, by_structure)
    assert reasons(herbarium, by_structure)[part].startswith(f"copy of {whole[:12]} at cosine ")
    assert again.detail["compared"] == 2, "its hash, and its vector"
    with open_ledger(herbarium.workspace) as con:
        assert [(row.kind, row.method) for row in duplicates(con)] == [("embedding", "structure/1")] * 2


def overrule(herbarium, verdict, *sha256s):
    one, other = sha256s[0], "".join(sha256s[1:])
    if other:
        one, other = sorted((one, other))
    row = ReviewRow(
        name="shells", stage="dedupe", sha256=one, other=other, verdict=verdict, reason="I looked", decided_by="Ada"
    )
    with open_ledger(herbarium.workspace, write=True) as con:
        write_reviews(con, [row])


@pytest.fixture
def trio(herbarium, encoded, picture):
    """Three copies of one picture, the best first, and another picture."""
    copies = [
        herbarium.meet(picture(1, 800, 600)),
        herbarium.meet(picture(1, 600, 450)),
        herbarium.meet(picture(1, 400, 300)),
    ]
    other = herbarium.meet(picture(2, 300, 225))
    herbarium.crawl()
    return copies, other


def test_a_person_chooses_another_copy(herbarium, recipe, trio):
    (large, _middle, small), other = trio
    run(herbarium, recipe(DEDUPE))
    overrule(herbarium, "keep", small)

    run(herbarium, recipe(DEDUPE))

    assert kept(herbarium, recipe(DEDUPE)) == {small, other}
    why = reasons(herbarium, recipe(DEDUPE))
    assert why[small] == "keep said Ada: I looked; one of 3 copies"
    assert why[large].endswith("kept the one that Ada chose")
    with open_ledger(herbarium.workspace) as con:
        assert [row.sha256 for row in duplicates(con) if row.keeper] == [small]


def test_a_person_drops_the_best_copy_and_takes_it_back(herbarium, recipe, trio):
    (large, middle, _small), other = trio
    overrule(herbarium, "drop", large)
    overrule(herbarium, "drop", other)

    run(herbarium, recipe(DEDUPE))
    assert kept(herbarium, recipe(DEDUPE)) == {middle}

    overrule(herbarium, "undo", large)
    overrule(herbarium, "undo", other)
    run(herbarium, recipe(DEDUPE))
    assert kept(herbarium, recipe(DEDUPE)) == {large, other}


def test_a_person_tells_copies_apart_and_puts_pictures_together(herbarium, recipe, trio):
    (large, middle, small), other = trio
    overrule(herbarium, "apart", middle, small)
    overrule(herbarium, "together", large, other)

    run(herbarium, recipe(DEDUPE))

    with open_ledger(herbarium.workspace) as con:
        groups = {row.sha256: row.group_id for row in duplicates(con)}
    assert groups[large] == groups[middle] == groups[other]
    assert small not in groups
    assert kept(herbarium, recipe(DEDUPE)) == {large, small}
    assert reasons(herbarium, recipe(DEDUPE))[other] == f"copy of {large[:12]}; kept the larger copy"


def test_a_picture_that_is_gone_is_a_copy_of_nothing(herbarium, recipe, encoded, picture):
    herbarium.meet(picture(1))
    lost = herbarium.meet(encoded(picture(1), quality=70))
    herbarium.crawl()
    next(herbarium.workspace.root.glob(f"originals/*/{lost}.jpg")).unlink()

    assert run(herbarium, recipe(DEDUPE)).dropped == 0


def test_where_all_are_to_be_copies_of_all_a_star_is_cut(herbarium, recipe, picture):
    # Both parts are copies of the whole; of each other they show too little.
    image = picture(9, 900, 600)
    whole = herbarium.meet(image.resize((1800, 1200)))
    parts = [herbarium.meet(image.crop((0, 0, 640, 600))), herbarium.meet(image.crop((260, 0, 900, 600)))]
    herbarium.crawl()
    yaml = "dedupe: {{near: {{max_distance: 16}}, embedding: {{model: structure}}, cut: {cut}}}\nlayout: null"

    run(herbarium, recipe(yaml.format(cut="keeper")))
    bound_to_the_keeper = kept(herbarium, recipe(yaml.format(cut="keeper")))
    run(herbarium, recipe(yaml.format(cut="complete")))

    assert bound_to_the_keeper == {whole}
    assert len(kept(herbarium, recipe(yaml.format(cut="complete"))) & {whole, *parts}) == 2
