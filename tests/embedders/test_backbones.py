"""Networks that know pictures only: features before the classifier, from weights that fit or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from harvest import embedders
from harvest.errors import UsageError, WeightsMissing

from .conftest import save


def made(name: str, *, seed: int = 1) -> torch.nn.Module:
    """A network of random weights, with its classifier, as its makers publish it."""
    torch.manual_seed(seed)
    return timm.create_model(name, pretrained=False).eval()


def normalised(embedder, framed: np.ndarray) -> torch.Tensor:
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in (embedder.mean, embedder.std))
    return (torch.from_numpy(framed).permute(0, 3, 1, 2) / 255 - mean) / std


@pytest.mark.parametrize(
    ("name", "width", "side"),
    [
        ("resnet18", 512, 224),
        ("test_vit", 64, 160),
        ("test_efficientnet", 256, 160),
        pytest.param("vgg11", 4096, 224, marks=pytest.mark.slow),
        pytest.param("legacy_xception", 2048, 299, marks=pytest.mark.slow),
        pytest.param("inception_v3", 2048, 299, marks=pytest.mark.slow),
        pytest.param("vit_small_patch14_dinov2", 384, 518, marks=pytest.mark.slow),
    ],
)
def test_vectors_are_the_features_before_the_classifier(name, width, side, tmp_path, scene):
    network = made(name)
    file = save(tmp_path / "weights.safetensors", network)

    embedder = embedders.load(f"timm:{name}@{file}")

    framed = np.stack([embedder.framing(scene(seed, 400, 300)) for seed in range(2)])
    with torch.inference_mode():
        features = network.forward_head(network.forward_features(normalised(embedder, framed)), pre_logits=True)
    expected = torch.nn.functional.normalize(features, dim=-1).numpy()
    assert framed.shape == (2, side, side, 3)
    assert expected.shape == (2, width)
    assert np.abs(embedder.images(framed) - expected).max() < 1e-5
    assert embedder.model_id.startswith(f"timm:{name}@")
    assert not isinstance(embedder, embedders.Speaking)


def test_squeezenet_comes_from_torchvision(tmp_path, scene):
    torch.manual_seed(2)
    network = torchvision.models.squeezenet1_1(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "squeezenet.pth")

    embedder = embedders.load(f"torchvision:squeezenet1_1@{tmp_path / 'squeezenet.pth'}")

    picture = scene(1, 500, 375)
    preset = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    with torch.inference_mode():
        expected = network.features(preset(picture)[None]).mean(dim=(2, 3))
    expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
    assert expected.shape == (1, 512)
    assert np.abs(embedder.images(embedder.framing(picture)[None]) - expected).max() < 1e-5


def test_the_makers_own_naming_is_translated_as_timm_does(tmp_path):
    network = made("test_vit")
    state = {**network.state_dict(), "mask_token": torch.zeros(1, 64)}  # as DINOv2's makers publish it
    torch.save({"model": state}, tmp_path / "dino.pth")

    embedder = embedders.load(f"timm:test_vit@{tmp_path / 'dino.pth'}")

    ours = embedders.load(f"timm:test_vit@{save(tmp_path / 'same.safetensors', network)}")
    framed = np.full((1, 160, 160, 3), 90, np.uint8)
    assert np.array_equal(embedder.images(framed), ours.images(framed))


@pytest.mark.parametrize(
    ("of", "into"), [("test_vit2", "test_vit"), ("test_vit", "test_vit2"), ("test_resnet", "test_vit")]
)
def test_weights_of_another_architecture_are_refused_and_not_half_used(of, into, tmp_path):
    file = save(tmp_path / "weights.safetensors", made(of))

    with pytest.raises(UsageError, match=rf"timm:{into}@.*: .* holds weights of another architecture: .* and \d+ more"):
        embedders.load(f"timm:{into}@{file}")


def test_counters_of_training_steps_may_be_missing(tmp_path):
    state = {name: value for name, value in made("test_resnet").state_dict().items() if "num_batches" not in name}
    save_file(state, tmp_path / "old.safetensors")

    assert embedders.load(f"timm:test_resnet@{tmp_path / 'old.safetensors'}").framing.side == 160


def test_a_classifier_of_ones_own_may_have_any_number_of_classes(tmp_path):
    torch.manual_seed(4)
    file = save(tmp_path / "five.safetensors", timm.create_model("test_resnet", pretrained=False, num_classes=5))

    assert embedders.load(f"timm:test_resnet@{file}").images(np.zeros((1, 160, 160, 3), np.uint8)).shape == (1, 96)


def test_published_weights_come_from_the_local_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "torch"))
    with pytest.raises(WeightsMissing, match=r"`hf download timm/test_vit\.r160_in1k`"):
        embedders.find_weights("timm:test_vit.r160_in1k")
    snapshot = tmp_path / "models--timm--test_vit.r160_in1k" / "snapshots" / ("1" * 40)
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("1" * 40)
    save(snapshot / "model.safetensors", made("test_vit"))

    embedder = embedders.load("timm:test_vit.r160_in1k")

    assert embedder.model_id.startswith("timm:test_vit.r160_in1k@")
    assert embedder.framing.side == 160
    with pytest.raises(WeightsMissing, match=r"torchvision\.models\.get_model\('squeezenet1_0', weights='DEFAULT'\)"):
        embedders.find_weights("torchvision:squeezenet1_0")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:resnet5", "no model of that name; near: resnet5"),
        ("torchvision:squeezenet", "no model of that name; near: squeezenet"),
        ("timm:vgg16@/nowhere/vgg16.safetensors", "no such file: /nowhere/vgg16.safetensors; put the weights there"),
    ],
)
def test_names_that_lead_nowhere_say_what_is_near(name, words):
    with pytest.raises(WeightsMissing) as error:
        embedders.find_weights(name)

    assert words in str(error.value)


def test_bytes_that_are_no_weights_are_named(tmp_path: Path):
    (tmp_path / "broken.safetensors").write_bytes(b"eaten by moths")

    with pytest.raises(UsageError, match=r"broken\.safetensors cannot be read as weights"):
        embedders.load(f"timm:test_resnet@{tmp_path / 'broken.safetensors'}")
