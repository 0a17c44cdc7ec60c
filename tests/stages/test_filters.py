from __future__ import annotations

import pytest

from harvest.errors import ConfigError
from harvest.items import Signal
from harvest.ledger.rows import ImageRow, SightingRow
from harvest.stages.filters import FILTERS, Candidate, build

IMAGE = ImageRow(
    sha256="a" * 64, path="originals/aa/a.jpg", bytes=1000, format="JPEG", width=640, height=480, mode="RGB", frames=1,
    phash=1, phash_version="test", sharpness=0.5, entropy=6.0, brightness=0.5, first_seen="2026-01-01T00:00:00Z",
)  # fmt: skip
ORIGIN = SightingRow(
    run_id="r", seq=0, source="shells", source_id="1", image_url="https://gallery.museum.test/1.jpg", outcome="stored",
    license="CC-BY-4.0", creator="Ada Moss", sha256="a" * 64,
)  # fmt: skip


def changed(row, **values):
    return type(row)(**{name: getattr(row, name) for name in row.__dataclass_fields__} | values)


@pytest.fixture
def judged(recipe):
    """The verdict of one filter, as the recipe writes it, on an image that differs from IMAGE in some columns."""

    def judge(filter_yaml, *, origin=ORIGIN, signals=(), **columns):
        (job,) = build(recipe(f"filter:\n  - {filter_yaml}\n"))
        return job.params.judge(Candidate(image=changed(IMAGE, **columns), origin=origin, signals=signals))

    return judge


@pytest.mark.parametrize(
    ("filter_yaml", "columns", "keep", "reason"),
    [
        ("size: {min_side: 256}", {"width": 180, "height": 90}, False, "too small: 180x90 < 256"),
        ("size: {min_side: 256}", {"width": 256, "height": 300}, True, "256x300"),
        ("size: {max_side: 500}", {}, False, "too large: 640x480 > 500"),
        ("size: {max_aspect: 3}", {"width": 900, "height": 200}, False, "too long: 900x200 is 4.50 to 1"),
        ("quality: {min_sharpness: 0.6}", {}, False, "blurred: sharpness 0.500"),
        ("quality: {min_entropy: 7}", {}, False, "empty: 6.00 bits of entropy"),
        ("quality: {min_brightness: 0.6}", {}, False, "too dark: brightness 0.500"),
        ("quality: {max_brightness: 0.4}", {}, False, "too bright: brightness 0.500"),
        ("quality: {}", {}, True, "sharpness 0.500, entropy 6.00"),
        ("licence: {allow: [CC-BY-4.0]}", {}, True, "CC-BY-4.0"),
        ("licence: {allow: [CC0-1.0]}", {}, False, "licence not allowed: CC-BY-4.0"),
        ("opt_out: {}", {}, True, "no refusal met"),
        ("opt_out: {}", {"data_mining": "DMI-ALLOWED"}, True, "no refusal met"),
        (
            "opt_out: {}",
            {"data_mining": "DMI-PROHIBITED-AIMLTRAINING"},
            False,
            "refused by iptc: DMI-PROHIBITED-AIMLTRAINING (xmp:plus:DataMining)",
        ),
        (
            "synthetic: {}",
            {"digital_source_type": "trainedAlgorithmicMedia"},
            False,
            "declared trainedAlgorithmicMedia",
        ),
        ("synthetic: {}", {"digital_source_type": "digitalCapture"}, True, "declared digitalCapture"),
        ("synthetic: {}", {}, True, "declares no source type"),
    ],
)
def test_a_verdict_gives_its_reason(judged, filter_yaml, columns, keep, reason):
    verdict = judged(filter_yaml, **columns)

    assert (verdict.keep, verdict.reason) == (keep, reason)


def test_numbers_are_held_against_the_bound_that_decided(judged):
    verdict = judged("size: {min_side: 256}", width=180, height=90)

    assert (verdict.value, verdict.threshold) == (90, 256)


def test_an_unknown_licence_is_not_free(judged):
    allow = "licence: {allow: [CC0-1.0]}"

    assert judged(allow, origin=None).reason == "licence unknown"
    unclear = changed(ORIGIN, license=None, license_raw="free for all")
    assert judged(allow, origin=unclear).reason == "licence unknown: the source says 'free for all'"


def test_a_refusal_counts_where_its_kind_is_honoured(judged):
    said = Signal(kind="tdmrep", value="tdm-reservation: 1", where="https://gallery.museum.test/1")

    assert not judged("opt_out: {honour: [robots, tdmrep]}", signals=(said,)).keep
    ignored = judged("opt_out: {honour: [robots]}", signals=(said,))
    assert (ignored.keep, ignored.reason) == (True, "1 refusals not honoured here")


@pytest.mark.parametrize("kind", ["tdmrep-granted", "c2pa-unread"])
def test_a_statement_that_refuses_nothing_keeps_an_image(judged, kind):
    said = Signal(kind=kind, value="tdm-reservation: 0", where="https://gallery.museum.test/1")

    verdict = judged("opt_out: {}", signals=(said,))

    assert (verdict.keep, verdict.reason) == (True, "no refusal met")


def test_a_refusal_inside_a_c2pa_manifest_drops_an_image(judged):
    said = Signal(kind="c2pa", value="cawg.training-mining: cawg.ai_training notAllowed", where="c2pa:urn:c2pa:1")

    verdict = judged("opt_out: {}", signals=(said,))

    assert (verdict.keep, verdict.reason) == (
        False,
        "refused by c2pa: cawg.training-mining: cawg.ai_training notAllowed (c2pa:urn:c2pa:1)",
    )


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("- szie: {min_side: 3}", "filter[0].szie: unknown filter; did you mean 'size'?"),
        ("- size: {min_side: 0}", "filter[0].size.min_side: expected a whole number >= 1, got 0"),
        ("- size: {}\n  - quality: {sharp: 1}", "filter[1].quality.sharp: unknown key; did you mean 'min_sharpness'?"),
        (
            "- licence: {allow: [CC-BY-4.0, CC BY 4.0]}",
            (
                "filter[0].licence.allow[1]: expected an SPDX licence id or a LicenseRef-* of ours, got 'CC BY 4.0'; "
                "did you mean 'CC-BY-4.0'?"
            ),
        ),
        ("- licence: {}", "filter[0].licence.allow: missing; expected a list, each entry a text"),
        (
            "- opt_out: {honour: [robot]}",
            (
                "filter[0].opt_out.honour[0]: expected one of robots, x-robots-tag, meta-robots, tdmrep, "
                "content-usage, content-signal, iptc, c2pa, got 'robot'"
            ),
        ),
    ],
)
def test_errors_say_where_and_what(recipe, yaml, message):
    broken = recipe(f"filter:\n  {yaml}\n")

    with pytest.raises(ConfigError) as error:
        build(broken)
    assert str(error.value) == f"{broken.file}: {message}"


def test_the_same_filter_twice_has_two_names_and_digests(recipe):
    jobs = build(recipe("filter:\n  - size: {min_side: 9}\n  - quality: {}\n  - size: {min_side: 9}\n"))

    assert [job.stage for job in jobs] == ["filter.size", "filter.quality", "filter.size.2"]
    assert jobs[0].digest() != jobs[2].digest()


def test_a_digest_changes_with_parameters_and_weights_and_nothing_else(recipe):
    def digest(yaml, model_id=None):
        return build(recipe(f"filter:\n  - {yaml}\n"))[0].digest(model_id)

    assert digest("size: {min_side: 9}") == digest("size: {min_side: 9, max_side: null}")
    assert digest("size: {min_side: 9}") != digest("size: {min_side: 8}")
    clip = "clip: {model: m, keep: [a], reject: [b]}"
    assert digest(clip, "m@1") != digest(clip, "m@2")


def test_files_of_a_filter_lie_beside_the_recipe_and_count_by_their_contents(recipe, tmp_path):
    words = "filter:\n  - labels: {{model: m, vocabulary: {}}}\n"
    with pytest.raises(ConfigError) as error:
        build(recipe(words.format("birds.yaml")))
    assert (
        str(error.value) == f"{tmp_path}/shells.yaml: filter[0].labels.vocabulary: no such file: {tmp_path}/birds.yaml"
    )

    (tmp_path / "birds.yaml").write_text("[crane, owl, rail]")
    first = build(recipe(words.format("birds.yaml")))[0].digest("m@1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "birds.yaml").rename(tmp_path / "elsewhere" / "birds.yaml")
    (moved,) = build(recipe(words.format("elsewhere/birds.yaml")))
    assert moved.digest("m@1") == first
    (tmp_path / "elsewhere" / "birds.yaml").write_text("[crane, owl, coot]")
    assert moved.digest("m@1") != first


def test_a_model_counts_by_its_weights_wherever_they_lie(recipe):
    words = "filter:\n  - clip: {{model: 'local-dir:{}', keep: [a], top: 3}}\n"

    here, there = (build(recipe(words.format(place)))[0].digest("local-dir:m@1") for place in ("here/m", "there/m"))

    assert here == there


def test_every_filter_of_the_registry_explains_itself():
    for name, kind in FILTERS.items():
        assert kind.name == name
        assert kind.params.__doc__
        assert kind.params.version >= 1
