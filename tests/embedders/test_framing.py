"""Pictures are framed as each family of models frames them: held to the bit against their own libraries."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
from hypothesis import given
from hypothesis import strategies as st
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict
from PIL import Image
from timm.data import create_transform
from timm.data.config import resolve_data_config

from harvest.embedders.framing import Preprocess, of_open_clip, of_timm
from harvest.errors import UsageError
from harvest.images.decode import decode_rgb

SIZES = [(500, 375), (375, 500), (224, 224), (96, 1000), (1001, 333), (61, 47), (1, 9), (640, 224)]
CLIPS = [
    "ViT-B-32/openai",
    "ViT-B-32/laion2b_s34b_b79k",
    "ViT-L-14/laion2b_s32b_b82k",
    "RN50/openai",
    "MobileCLIP-S1/datacompdr",
    "MobileCLIP2-S0/dfndr2b",
    "MobileCLIP2-S4/dfndr2b",
    "ViT-B-16-SigLIP/webli",
    "ViT-B-16-SigLIP2-384/webli",
    "convnext_base_w_320/laion_aesthetic_s13b_b82k",
    "EVA02-L-14-336/merged2b_s6b_b61k",
    "PE-Core-T-16-384/meta",
    "ViT-L-14-CLIPA/datacomp1b",
    "ViT-H-14-378-quickgelu/dfn5b",
]
BACKBONES = [
    "vgg16.tv_in1k",
    "resnet50.a1_in1k",
    "legacy_xception.tf_in1k",
    "xception41.tf_in1k",
    "inception_v3.tv_in1k",
    "vit_small_patch14_dinov2.lvd142m",
    "mobilenetv3_large_100.ra_in1k",
    "convnext_base.fb_in22k_ft_in1k_384",  # squashed
    "deepseek_vit_412m.deepseek_v4_flash_vision_exp",  # with borders
    "csatv2.r512_in1k",
]


def clip_config(name: str) -> dict:
    architecture, _, tag = name.rpartition("/")
    config = merge_preprocess_dict(PreprocessCfg(), open_clip.get_pretrained_cfg(architecture, tag))
    return {**config, "size": open_clip.get_model_config(architecture)["vision_cfg"]["image_size"]}


def timm_config(name: str) -> dict:
    return resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())


def before_tensors(transform, picture: Image.Image) -> np.ndarray:
    """What a family's transform makes of a picture, up to the step at which pixels become floats."""
    for step in transform.transforms:
        if "ToTensor" in type(step).__name__:
            return np.asarray(picture)
        picture = step(picture)
    raise AssertionError("no step makes tensors")


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_sees_what_open_clip_would_show_it(name, scene):
    config = clip_config(name)
    framing, expected = of_open_clip(config), image_transform_v2(PreprocessCfg(**config), is_train=False)

    for seed, (width, height) in enumerate(SIZES):
        picture = scene(seed, width, height)
        assert np.array_equal(framing(picture), before_tensors(expected, picture)), (name, picture.size)


@pytest.mark.parametrize("fit", ["shortest", "longest", "squash"])
@given(width=st.integers(1, 900), height=st.integers(1, 900), side=st.integers(8, 64))
def test_any_size_is_framed_as_open_clip_frames_it(fit, width, height, side):
    config = {**clip_config("ViT-B-32/openai"), "size": side, "resize_mode": fit, "fill_color": 77}
    if max(width, height) > 16 * min(width, height):
        width, height = max(width, 57), max(height, 57)  # ribbons have a test of their own
    gradient = np.add.outer(np.arange(height) * 3, np.arange(width) * 5)
    picture = Image.fromarray(np.stack([gradient, gradient * 7, 255 - gradient], axis=-1).astype(np.uint8))

    expected = image_transform_v2(PreprocessCfg(**config), is_train=False)

    assert np.array_equal(of_open_clip(config)(picture), before_tensors(expected, picture))


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_sees_what_timm_would_show_it(name, scene):
    config = timm_config(name)
    framing, expected = of_timm(config), create_transform(**config, is_training=False)

    for seed, (width, height) in enumerate(SIZES):
        picture = scene(seed, width, height)
        assert np.array_equal(framing(picture), before_tensors(expected, picture)), (name, picture.size)


def test_sides_and_crops_are_the_models_own():
    framed = {name: of_timm(timm_config(name)) for name in BACKBONES}

    assert (framed["legacy_xception.tf_in1k"].side, framed["inception_v3.tv_in1k"].scaled) == (299, 341)
    assert (framed["resnet50.a1_in1k"].side, framed["resnet50.a1_in1k"].scaled) == (224, 235)
    assert framed["vit_small_patch14_dinov2.lvd142m"].least == 518
    assert of_open_clip(clip_config("ViT-B-16-SigLIP/webli")).fit == "squash"


@pytest.mark.parametrize("size", [(40_000, 20), (20, 40_000), (9_000, 1)])
def test_the_middle_of_a_ribbon_is_framed_without_gigabytes(size):
    width, height = size
    wave = (np.add.outer(np.arange(height), np.arange(width)) // 3 % 256).astype(np.uint8)
    picture = Image.fromarray(np.stack([wave] * 3, axis=-1))
    framing = Preprocess(side=16, scaled=16)

    framed = framing(picture)

    expected = before_tensors(image_transform_v2(PreprocessCfg(size=16), is_train=False), picture)
    assert np.abs(framed.astype(int) - expected.astype(int)).max() <= 1


def test_decoding_at_a_fraction_leaves_enough_pixels_and_moves_colours_by_less_than_one_level(tmp_path: Path, scene):
    file = tmp_path / "large.jpg"
    scene(3, 1600, 1200).save(file, quality=92)
    framing = of_open_clip(clip_config("ViT-B-32/openai"))

    quick = decode_rgb(file, longest=framing.least)

    assert min(quick.size) >= framing.least
    assert quick.size == (400, 300)
    drift = np.abs(framing(quick).astype(int) - framing(decode_rgb(file)).astype(int))
    assert drift.mean() < 1


def test_a_framing_travels_to_worker_processes(scene):
    framing = of_timm(timm_config("resnet50.a1_in1k"))

    again = pickle.loads(pickle.dumps(framing))

    assert again == framing
    assert np.array_equal(again(scene(1, 90, 60)), framing(scene(1, 90, 60)))


def test_models_that_do_not_look_at_squares_are_refused():
    with pytest.raises(UsageError, match="the model looks at 1024 x 768 pixels, and only squares are supported"):
        of_timm(timm_config("vit_base_patch16_sapiens2.fb"))
