"""Questions about images and answers to them, as VQA writes them: https://visualqa.org/vqa_v2_teaser.html"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harvest.crawl.files.readymade.base import Dataset, split_of
from harvest.crawl.files.readymade.coco import Pictures, load_json
from harvest.items import ImageItem

__all__ = ["read"]


def read(dataset: Dataset) -> Iterator[ImageItem]:
    """Every image that is asked about, with its questions and how often each answer was given in `raw.questions`.

    The licence that these files state is that of the questions: it is kept as `raw.annotations_license`, and says
    nothing of the images.
    """
    files = list(dataset.annotations) or dataset.files("*.json", "annotations/*.json", "questions/*.json")
    asked = [file for file in files if "question" in file.name.lower()]
    if not asked:
        raise dataset.error("annotations", f"no *questions.json in {dataset.path}")
    for file in asked:
        said = load_json(dataset, file, "questions")
        subset = str(said.get("data_subtype") or _subset(file))
        split = split_of(subset)
        if dataset.wants(split):
            yield from _images(dataset, said, _answers(dataset, files, file), subset, split)


def _images(
    dataset: Dataset, said: dict[str, Any], answers: dict[Any, dict[str, Any]], subset: str, split: str | None
) -> Iterator[ImageItem]:
    questions: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in said["questions"]:
        answer = answers.get(entry["question_id"], {})
        given = Counter(str(each["answer"]) for each in answer.get("answers", []))
        told = {
            "question_id": entry["question_id"],
            "question": entry["question"],
            "answer": answer.get("multiple_choice_answer"),
            "answers": dict(given.most_common()),
            "question_type": answer.get("question_type"),
            "answer_type": answer.get("answer_type"),
        }
        questions[entry["image_id"]].append({key: value for key, value in told.items() if value})
    dataset.announce(len(questions))
    pictures, terms = Pictures(dataset, subset), said.get("license")
    for number, told_of in questions.items():
        try:
            name = dataset.image_name.format(split=subset, image_id=number)
        except (ValueError, KeyError, IndexError, AttributeError) as error:
            raise dataset.error("image_name", f"expected a pattern of {{split}} and {{image_id}}: {error}") from None
        raw = {"split": split, "questions": told_of, "annotations_license": terms}
        raw = {key: value for key, value in raw.items() if value}
        yield dataset.item(pictures.find(name), f"{subset}/{number}", raw=raw)


def _answers(dataset: Dataset, files: list[Path], questions: Path) -> dict[Any, dict[str, Any]]:
    """By question, the entry of the annotation file that belongs to a file of questions."""
    subset = _subset(questions)
    for file in files:
        if "annotation" in file.name.lower() and _subset(file) == subset:
            return {entry["question_id"]: entry for entry in load_json(dataset, file, "annotations")["annotations"]}
    return {}


def _subset(file: Path) -> str:
    """`train2014` in `v2_OpenEnded_mscoco_train2014_questions.json`."""
    found = re.search(r"(train|test(?:-dev)?|val(?:idation)?)[0-9]*", file.stem)
    return found[0] if found else ""
