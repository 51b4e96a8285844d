"""Score a file of BVPI texts against a data set's labels: `eval.py --predictions FILE`. No picture is opened."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from roadcue.errors import BadInput, printable
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.constant_texts import constant_claims
from roadcue.evaluation.text_scores import FIELDS, TextScores, claim_arrays, label_arrays, score_claims
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.loaders.sensation.files import read_files
from roadcue.loaders.sensation.film import place_in_film
from roadcue.loaders.sensation.predictions import picture_name, read_predictions
from roadcue.metrics.classification import LABELS
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.published_evaluator import WORDS, score_published
from roadcue.metrics.score_table import ScoreTable
from roadcue.prompts.annotation import Annotation
from roadcue.prompts.bvpi import position_word, road_vs_sidewalk
from roadcue.prompts.claims import Claims, parse_claims
from roadcue.reports.score_table import score_table
from roadcue.reports.table import print_tables
from roadcue.reports.text_tables import object_table, published_field_table, published_object_table
from roadcue.sentences import counted, show
from roadcue.terminal_table import print_table

PREDICTION, GOLD = "prediction", "gold text"
TITLES = {"sidewalk": "Sidewalk position", "road": "Road position", "relation": "Road as seen from the sidewalk"}
OBJECT_SCORES = {"near_presence_f1": "near presence", "near_placed_f1": "near place"}
OF_OBJECTS = (
    "Mean F1 of the kinds that occur: of whether one is there, and of the sides on which it is, as `Nearby:` says."
)


@dataclass(frozen=True)
class Texts:
    """The labelled pictures of a split, and the predicted text of each: "" where there is none."""

    split: str
    labels: list[Annotation]
    gold: list[str]
    predicted: list[str]
    training: list[Annotation]
    training_texts: list[str]
    """The labels and texts of the train split, or those of this split where there is no other."""
    without_picture: list[str]
    without_prediction: list[str]
    without_labels: list[str]


def evaluate_predictions(config: EvalConfig) -> None:
    """Print the table of `--protocol`; write its numbers to `<stem>.metrics.json` beside the file, or in `--out`."""
    file = user_path(config.predictions or "")
    _, content = score_predictions(config, file)
    out = user_path(config.out) if config.out else file.parent
    target = out / f"{file.stem}.metrics.json"
    with writing_into(out, "free space there, or name another folder with --out"):
        write_atomic(target, json.dumps(nan_to_none(content), indent=1) + "\n")
    show(f"wrote {target}")


def score_predictions(config: EvalConfig, file: Path) -> tuple[list[ScoreTable], dict[str, Any]]:
    """Print the scores of a file of texts by the `--protocol`; its tables, and its numbers as JSON."""
    texts = _texts(config, file)
    Console().print(Text(printable(_extent(texts))))
    published = config.protocol == "published"
    tables, numbers = ([], _published(texts)) if published else _roadcue(texts, config)
    content = {
        "predictions": str(file),
        "data": config.data,
        "data_dir": str(_folder(config)),
        "protocol": config.protocol or "roadcue",
        "split": texts.split,
        "pictures": len(texts.predicted),
        "predictions_without_picture": len(texts.without_picture),
        "pictures_without_prediction": len(texts.without_prediction),
        "pictures_without_labels": len(texts.without_labels),
        **numbers,
    }
    return tables, content


def _texts(config: EvalConfig, file: Path) -> Texts:
    """Match the predictions to the labelled pictures by the pictures' names."""
    folder = _folder(config)
    predicted = read_predictions(file)
    files = read_files(folder, "all", config.on_bad_record or "raise")
    splits = {caption.split for caption in files.captions}
    split = config.split or ("test" if "test" in splits else "val")
    captioned = [caption for caption in files.captions if caption.split == split]
    chosen = [caption for caption in captioned if caption.image in files.annotations]
    if not chosen:
        raise BadInput(f"{folder}: has no labelled picture of split {split}; it has {', '.join(sorted(splits))}")
    names = [picture_name(caption.image) for caption in chosen]
    if not predicted.keys() & set(names):
        raise BadInput(
            f"{file}: none of its {len(predicted)} pictures is one of split {split} of {folder}, try another --split"
        )
    training = [one for one in files.captions if one.split == "train" and one.image in files.annotations] or chosen
    return Texts(
        split=split,
        labels=[files.annotations[caption.image] for caption in chosen],
        gold=[files.text(caption) for caption in chosen],
        predicted=[predicted.get(name, "") for name in names],
        training=[files.annotations[caption.image] for caption in training],
        training_texts=[files.text(caption) for caption in training],
        without_picture=sorted(predicted.keys() - set(names)),
        without_prediction=[name for name in names if name not in predicted],
        without_labels=[caption.image for caption in captioned if caption.image not in files.annotations],
    )


def _folder(config: EvalConfig) -> Path:
    if config.data_dir:
        return user_path(config.data_dir)
    if config.data == "sensation":
        raise BadInput("--data sensation needs --data_dir, the folder with its CSV files")
    from roadcue.roadworld import dataset
    from roadcue.roadworld.drawing import drawn_once
    from roadcue.roadworld.sidewalk.write import write_sidewalk

    return drawn_once("sidewalk", dataset.DEFAULT_SIDEWALK, write_sidewalk)


def _extent(texts: Texts) -> str:
    """What was matched with what."""
    sentences = [
        f"{counted(len(texts.predicted), 'labelled picture')} of split {texts.split}",
        f"{_some(texts.without_prediction)} of them have no prediction, which counts as wrong",
        f"{_some(texts.without_picture)} of the predictions are of no such picture",
    ]
    if texts.without_labels:
        sentences.append(f"{_some(texts.without_labels)} pictures have no usable labels and are left out")
    return "; ".join(sentences)


def _some(names: list[str]) -> str:
    """How many, and which is the first."""
    return f"{len(names):,} (first: {names[0]})" if names else "0"


def _roadcue(texts: Texts, config: EvalConfig) -> tuple[list[ScoreTable], dict[str, Any]]:
    """The protocol that no constant wins: its tables, and its numbers."""
    target = label_arrays(texts.labels)
    sequence = np.array([place_in_film(label.image)[0] for label in texts.labels])
    scores = {
        name: score_claims(claim_arrays(claims), target, sequence, config.bootstrap)
        for name, claims in _rows(texts).items()
    }
    tables = _tables(scores, sequence)
    print_tables(score_table(table, {PREDICTION}) for table in tables)
    predicted = scores[PREDICTION]
    print_table(object_table("Near objects of the prediction", predicted.presence, predicted.placed))
    return tables, {"sees_image": [PREDICTION], "rows": {name: asdict(row) for name, row in scores.items()}}


def _tables(scores: Mapping[str, TextScores], sequence: np.ndarray) -> list[ScoreTable]:
    """A table for each field and one for near objects."""
    figures = {name: row.figures for name, row in scores.items()}
    extent = len(sequence), len(set(sequence.tolist()))
    fields = [
        ScoreTable(
            TITLES[field],
            {f"{field}_{key}": head[0].lower() + head[1:] for key, head in LABELS.items()},
            figures,
            *extent,
            gold=GOLD,
        )
        for field in FIELDS
    ]
    return [*fields, ScoreTable("Near objects, macro F1", OBJECT_SCORES, figures, *extent, OF_OBJECTS, gold=GOLD)]


def _rows(texts: Texts) -> dict[str, list[Claims]]:
    """Method -> what it claims of each picture."""
    constant = constant_claims(texts.training, texts.training_texts)
    return {
        PREDICTION: [parse_claims(text) for text in texts.predicted],
        **{name: [claims] * len(texts.predicted) for name, claims in constant.items()},
        GOLD: [parse_claims(text) for text in texts.gold],
    }


def _published(texts: Texts) -> dict[str, Any]:
    """The published evaluator's figures."""
    fields = {
        "sidewalk_pos": [position_word(label.sidewalk) for label in texts.labels],
        "road_pos": [position_word(label.road) for label in texts.labels],
        "road_vs_sidewalk": [road_vs_sidewalk(label.sidewalk, label.road) for label in texts.labels],
    }
    near = {kind: [bool(label.near.get(kind)) for label in texts.labels] for kind in WORDS}
    scores, gold = (score_published(each, fields, near) for each in (texts.predicted, texts.gold))
    print_table(published_field_table(scores))
    print_table(published_object_table(scores, gold))
    return {**asdict(scores), GOLD: asdict(gold)}
