"""CLIP models of every form: what comes out is what open_clip gives with the model's own preprocessing."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from harvest import embedders
from harvest.embedders.openclip import ClipEmbedder
from harvest.errors import ConfigError, UsageError, WeightsMissing

OPENAI = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
FAMILIES = {
    "openai": {**OPENAI, "interpolation": "bicubic", "resize_mode": "shortest"},
    "laion-l14": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "shortest"},
    "mobileclip": {"mean": [0.0] * 3, "std": [1.0] * 3, "interpolation": "bilinear", "resize_mode": "shortest"},
    "siglip": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"},
    "clipa": {
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "interpolation": "bilinear",
        "resize_mode": "squash",
    },
    "longest": {**OPENAI, "interpolation": "bicubic", "resize_mode": "longest", "fill_color": 128},
}


def plain(folder: Path, pictures) -> np.ndarray:
    """Vectors by a plain loop of open_clip."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    with torch.inference_mode():
        return model.eval().encode_image(torch.stack([preprocess(p) for p in pictures]), normalize=True).numpy()


def embedded(embedder, pictures) -> np.ndarray:
    return embedder.images(np.stack([embedder.framing(picture) for picture in pictures]))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_fed_as_it_was_trained(family, tiny_clip, scene):
    folder = tiny_clip(FAMILIES[family], name=family)
    pictures = [scene(seed, width, height) for seed, (width, height) in enumerate([(90, 60), (60, 90), (32, 32)])]

    embedder = embedders.load(f"local-dir:{folder}")

    assert np.abs(embedded(embedder, pictures) - plain(folder, pictures)).max() < 1e-6
    assert embedder.mean == tuple(FAMILIES[family]["mean"])
    if family not in {"openai", "longest"}:
        as_openai = plain(tiny_clip(FAMILIES["openai"]), pictures)
        assert np.abs(embedded(embedder, pictures) - as_openai).max() > 1e-3  # the same weights, fed as another family


def test_texts_and_pictures_lie_in_one_space(scene):
    embedder = embedders.load("harvest-demo")

    texts = embedder.texts(["a shell", "a chart"])

    assert isinstance(embedder, embedders.Speaking)
    assert texts.shape == (2, 128)
    assert np.linalg.norm(texts, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert embedder.logit_scale > 1
    assert embedder.logit_bias is None


@pytest.mark.parametrize("beside", ["weights.json", "open_clip_config.json"])
def test_a_file_with_its_configuration_beside_it_is_the_same_model(beside, tmp_path, tiny_clip, scene):
    folder = tiny_clip(FAMILIES["siglip"])
    (tmp_path / beside).write_bytes((folder / "open_clip_config.json").read_bytes())
    (tmp_path / "weights.safetensors").write_bytes((folder / "open_clip_model.safetensors").read_bytes())

    embedder = embedders.load(f"file:{tmp_path / 'weights.safetensors'}")

    pictures = [scene(1, 70, 40)]
    assert np.abs(embedded(embedder, pictures) - plain(folder, pictures)).max() < 1e-6
    digest = embedders.model_id_of(f"local-dir:{folder}").partition("@")[2]
    assert embedder.model_id == f"file:weights.safetensors@{digest}"
    assert embedder.texts(["a shell"]).shape == (1, 16)


def test_other_weights_and_another_framing_are_other_models(tiny_clip):
    folder = tiny_clip(FAMILIES["openai"])
    first = embedders.load(f"local-dir:{folder}")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["resize_mode"] = "squash"
    (folder / "open_clip_config.json").write_text(json.dumps(config))

    second = embedders.load(f"local-dir:{folder}")
    state = load_file(folder / "open_clip_model.safetensors")
    save_file({name: value + 1 for name, value in state.items()}, folder / "open_clip_model.safetensors")

    assert len({first.model_id, second.model_id, embedders.model_id_of(f"local-dir:{folder}")}) == 3
    assert (first.framing.fit, second.framing.fit) == ("shortest", "squash")


def test_identities_of_earlier_versions_hold():
    assert embedders.model_id_of("harvest-demo") == "harvest-demo@e8e53619e1f4443e"


def test_identities_are_known_without_torch(tiny_clip, tmp_path):
    folder = tiny_clip(FAMILIES["openai"])
    weights = tmp_path / "net.safetensors"
    weights.write_bytes(b"any bytes have a digest")
    names = ["harvest-demo", f"local-dir:{folder}", f"timm:vgg16@{weights}", "pixels", "colours"]
    program = (
        "import sys; from harvest.embedders import model_id_of; print([model_id_of(name) for name in sys.argv[1:]]); "
        "print({'torch', 'timm', 'open_clip'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=True)

    assert done.stdout == f"{[embedders.model_id_of(name) for name in names]}\nset()\n"


@pytest.mark.parametrize(
    ("preprocess", "words"),
    [
        (None, "preprocess_cfg.mean: expected three numbers, those of the model's training, got None"),
        ({"mean": [0.5, 0.5, 0.5]}, "preprocess_cfg.std: expected three numbers, those of the model's training"),
        ({"mean": 0.5, "std": [1, 1, 1]}, "preprocess_cfg.mean: expected three numbers, those of the model's"),
    ],
)
def test_a_model_that_does_not_say_how_it_is_fed_is_refused(preprocess, words, tiny_clip):
    folder = tiny_clip(preprocess)

    with pytest.raises(ConfigError) as error:
        embedders.find_weights(f"local-dir:{folder}")

    assert str(error.value).startswith(f"{folder / 'open_clip_config.json'}: {words}")


def test_older_configurations_mean_bicubic_and_shortest(tiny_clip):
    embedder = embedders.load(f"local-dir:{tiny_clip(OPENAI)}")

    assert (embedder.framing.fit, embedder.framing.interpolation) == ("shortest", "bicubic")


def test_weights_that_do_not_fit_their_configuration_are_named(tiny_clip):
    folder = tiny_clip(OPENAI)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["width"] = 64
    (folder / "open_clip_config.json").write_text(json.dumps(config))

    with pytest.raises(UsageError, match=r"open_clip_model\.safetensors cannot be loaded by its configuration: .*size"):
        embedders.load(f"local-dir:{folder}")


def test_a_file_without_a_configuration_says_what_belongs_beside_it(tmp_path):
    (tmp_path / "lonely.safetensors").write_bytes(b"")

    with pytest.raises(WeightsMissing, match=r"beside them lonely\.json or open_clip_config\.json, which says"):
        embedders.find_weights(f"file:{tmp_path / 'lonely.safetensors'}")


def test_pictures_are_known_though_the_tokenizer_is_missing(tiny_clip, scene):
    folder = tiny_clip(FAMILIES["siglip"], hf_tokenizer_name="timm/ViT-B-16-SigLIP2")
    embedder = embedders.load(f"local-dir:{folder}")

    assert embedded(embedder, [scene(1, 50, 50)]).shape == (1, 16)
    with pytest.raises(WeightsMissing) as error:
        embedder.texts(["a shell"])
    assert "put tokenizer.json and tokenizer_config.json of timm/ViT-B-16-SigLIP2 beside the weights" in str(
        error.value
    )
    assert error.value.exit_code == 4


def in_hub_cache(cache: Path, repository: str, file: str) -> Path:
    """Where the hub's cache would hold a file of a repository."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    return folder / "snapshots" / ("0" * 40) / file


def test_a_tag_from_the_cache_is_fed_as_open_clips_table_says(monkeypatch, tmp_path, scene):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with torch.device("meta"):
        shapes = open_clip.create_model("MobileCLIP2-S0", device="meta").state_dict()
    state = {name: torch.full(value.shape, 0.01, dtype=torch.half) for name, value in shapes.items()}
    save_file(state, in_hub_cache(tmp_path, "timm/MobileCLIP2-S0-OpenCLIP", "open_clip_model.safetensors"))

    embedder = embedders.load("MobileCLIP2-S0/dfndr2b")

    assert isinstance(embedder, ClipEmbedder)
    assert embedder.model_id.startswith("MobileCLIP2-S0/dfndr2b@")
    assert (embedder.mean, embedder.std) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert (embedder.framing.side, embedder.framing.fit, embedder.framing.interpolation) == (
        256,
        "shortest",
        "bilinear",
    )
    assert embedded(embedder, [scene(2, 300, 400)]).shape == (1, 512)
    assert embedder.logit_scale == pytest.approx(np.exp(0.01), abs=1e-4)  # the file's own
    del embedder
    embedders.registry._loaded.cache_clear()
    gc.collect()


def test_tags_trained_with_the_quick_gelu_get_it_whatever_the_architecture_is_called(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for repository in ("timm/vit_base_patch32_clip_224.openai", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"):
        in_hub_cache(tmp_path, repository, "open_clip_model.safetensors").write_bytes(b"weights")

    found = {name: embedders.find_weights(name).code for name in ("ViT-B-32/openai", "ViT-B-32-quickgelu/openai")}

    assert found == {"ViT-B-32/openai": "quick-gelu", "ViT-B-32-quickgelu/openai": ""}
    assert embedders.find_weights("ViT-B-32/laion2b_s34b_b79k").code == ""
