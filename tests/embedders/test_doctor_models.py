"""What the doctor says of models, of whichever kind."""

from __future__ import annotations

import pytest

from harvest.doctor import Finding, examine


def about(model: str) -> dict[str, Finding]:
    return {finding.part: finding for finding in examine(model) if finding.part.endswith(model)}


@pytest.mark.parametrize(
    ("model", "found"),
    [("harvest-demo", "pictures and words"), ("colours", "pictures only"), ("pixels", "pictures only")],
)
def test_models_that_come_along_are_here(model, found):
    weights, words = about(model).values()

    assert weights.ok
    assert (words.ok, words.found) == (True, found)


def test_a_network_is_found_by_its_file(tmp_path):
    (tmp_path / "vgg16.safetensors").write_bytes(b"weights")
    model = f"timm:vgg16@{tmp_path / 'vgg16.safetensors'}"

    assert about(model)[f"weights {model}"].found == str(tmp_path / "vgg16.safetensors")


def test_a_configuration_that_leaves_the_preprocessing_open_is_not_as_it_should_be(tiny_clip):
    model = f"local-dir:{tiny_clip(None)}"

    (weights,) = about(model).values()

    assert (weights.ok, weights.optional, weights.found) == (False, False, "not as it should be")
    assert "preprocess_cfg.mean: expected three numbers" in weights.advice


def test_a_tokenizer_that_is_missing_is_said_before_anything_runs(tiny_clip):
    folder = tiny_clip({"mean": [0.5] * 3, "std": [0.5] * 3}, hf_tokenizer_name="timm/ViT-B-16-SigLIP")

    words = about(f"local-dir:{folder}")[f"words local-dir:{folder}"]

    assert (words.ok, words.found) == (False, "tokenizer not on this machine")
    assert "put tokenizer.json and tokenizer_config.json of timm/ViT-B-16-SigLIP beside the weights" in words.advice
