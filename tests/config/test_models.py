"""Models in recipes are found from the recipe's folder, wherever a command is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvest.config.models import located_name
from harvest.config.recipe import load_recipe
from harvest.errors import ConfigError

RECIPE = """
name: fins
embed: [colours, 'file:nets/x.safetensors', ViT-B-32/openai]
dedupe: {embedding: {model: 'local-dir:nets/copies'}}
filter:
  - clip: {model: 'local-dir:../clip', keep: [a fin], min_score: 0.2}
  - like: {model: 'timm:vgg16@/nets/vgg16.pth', these: [a.jpg]}
layout: {features: vectors, model: 'torchvision:squeezenet1_1@~/squeeze.pth'}
"""


def test_every_model_of_a_recipe_is_found_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    file = tmp_path / "fins.yaml"
    file.write_text(RECIPE)

    recipe = load_recipe(file)

    assert recipe.embed == ("colours", f"file:{tmp_path}/nets/x.safetensors", "ViT-B-32/openai")
    assert recipe.dedupe.embedding is not None
    assert recipe.dedupe.embedding.model == f"local-dir:{tmp_path}/nets/copies"
    assert recipe.layout is not None
    assert recipe.layout.model == "torchvision:squeezenet1_1@/home/ada/squeeze.pth"
    named = [entry.section(next(iter(entry.values))).values["model"] for entry in recipe.filter]
    assert named == [f"local-dir:{tmp_path}/../clip", "timm:vgg16@/nets/vgg16.pth"]


@pytest.mark.parametrize(
    "name", ["harvest-demo", "pixels", "timm:vgg16", "structure", "file:/nets/x.pth", "local-dir:"]
)
def test_names_without_a_relative_path_stay_as_they_are(name: str) -> None:
    assert located_name(name, Path("/recipes")) == name


def test_a_layout_of_vectors_names_its_model(tmp_path: Path) -> None:
    file = tmp_path / "fins.yaml"
    file.write_text("name: fins\nlayout: {features: vectors}\n")

    with pytest.raises(ConfigError) as error:
        load_recipe(file)

    assert str(error.value) == (
        f"{file}: layout.model: missing; expected the model whose vectors are laid out, like colours"
    )
