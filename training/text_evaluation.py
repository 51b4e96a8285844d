"""Score a file of BVPI texts against a data set's labels: `eval.py --predictions FILE`. No picture is opened."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from loaders.errors import BadInput
from loaders.sensation.annotation import POSITIONS, Annotation, read_annotations
from loaders.sensation.bvpi import compose, position_word, road_vs_sidewalk
from loaders.sensation.captions import read_captions
from loaders.sensation.claims import KINDS, Claims, parse_claims
from loaders.sensation.dataset import ANNOTATIONS, CAPTIONS
from loaders.sensation.film import place_in_film
from loaders.sensation.predictions import picture_name, read_predictions
from metrics.comparison import nan_to_none
from metrics.fields import majority
from metrics.published_fields import WORDS, PublishedScores, score_published
from reports.fields_table import counts_text, fields_tables, kinds_table
from reports.table import Row, count, table_of
from training.config import EvalConfig
from training.field_scores import FIELDS, AnswerScores, answers_of, labels_of, score_answers
from training.run_folder import write_whole, writing_into

PREDICTION, GOLD = "prediction", "gold text"


@dataclass(frozen=True)
class Texts:
    """The labelled pictures of a split, and what was said of each: "" where nothing was."""

    split: str
    labels: list[Annotation]
    training: list[Annotation]
    """The labels of the train split, or those of this split where there is no other."""
    captions: list[str]
    said: list[str]
    without_picture: int
    without_prediction: int


def evaluate_predictions(config: EvalConfig) -> None:
    """Print the table of `--protocol`; write its numbers to `<stem>.metrics.json` beside the file, or in `--out`."""
    file = Path(config.predictions or "")
    texts = _texts(config, file)
    console = Console()
    console.print(_extent(texts), highlight=False)
    content = _published(texts, console) if config.protocol == "published" else _roadcue(texts, config, console)
    out = Path(config.out) if config.out else file.parent
    target = out / f"{file.stem}.metrics.json"
    with writing_into(out, "free space there, or name another folder with --out"):
        counted = {
            "pictures": len(texts.said),
            "predictions_without_picture": texts.without_picture,
            "pictures_without_prediction": texts.without_prediction,
        }
        found = {"protocol": config.protocol or "roadcue", "split": texts.split, **counted, **content}
        write_whole(target, json.dumps(nan_to_none(found), indent=1) + "\n")
    print(f"wrote {target}")


def _texts(config: EvalConfig, file: Path) -> Texts:
    """Match the predictions to the labelled pictures by the pictures' names."""
    folder = _folder(config)
    said = read_predictions(file)
    annotations, _ = read_annotations(folder / ANNOTATIONS)
    captions = [one for one in read_captions(folder / CAPTIONS) if one.image in annotations]
    splits = {caption.split for caption in captions}
    split = config.split or ("test" if "test" in splits else "val")
    chosen = [caption for caption in captions if caption.split == split]
    if not chosen:
        raise BadInput(f"{folder}: has no labelled picture of split {split}; it has {', '.join(sorted(splits))}")
    names = [picture_name(caption.image) for caption in chosen]
    if not said.keys() & set(names):
        raise BadInput(
            f"{file}: none of its {len(said)} pictures is one of split {split} of {folder}, try another --split"
        )
    training = [annotations[caption.image] for caption in captions if caption.split == "train"]
    labels = [annotations[caption.image] for caption in chosen]
    return Texts(
        split=split,
        labels=labels,
        training=training or labels,
        captions=[caption.target for caption in chosen],
        said=[said.get(name, "") for name in names],
        without_picture=len(said.keys() - set(names)),
        without_prediction=sum(name not in said for name in names),
    )


def _folder(config: EvalConfig) -> Path:
    if config.data_dir:
        return Path(config.data_dir).expanduser()
    if config.data == "sensation":
        raise BadInput("--data sensation needs --data_dir, the folder with its CSV files")
    from loaders.roadworld.drawing import drawn_once
    from loaders.roadworld.sidewalk.spec import SidewalkSpec
    from loaders.roadworld.sidewalk.write import write_sidewalk

    return drawn_once("sidewalk", SidewalkSpec(), write_sidewalk)


def _extent(texts: Texts) -> str:
    """What was matched with what."""
    return (
        f"{count(len(texts.said), 'labelled picture')} of split {texts.split}; {texts.without_prediction:,} of them "
        f"have no prediction, which counts as wrong; {count(texts.without_picture, 'prediction')} of no such picture"
    )


def _roadcue(texts: Texts, config: EvalConfig, console: Console) -> dict[str, Any]:
    """The protocol that no constant wins."""
    truth = labels_of(texts.labels)
    sequence = np.array([place_in_film(label.image)[0] for label in texts.labels])
    scores: dict[str, AnswerScores] = {
        name: score_answers(answers_of(claims), truth, sequence, resamples=config.resamples, seed=config.seed)
        for name, claims in _rows(texts).items()
    }
    how = (
        f"95 % intervals from {config.resamples:,} bootstrap resamples over sequences (seed {config.seed}). Objects "
        "are read in Nearby:, and only kinds that occur are averaged."
    )
    rows = {name: found.columns for name, found in scores.items()}
    extent = f"{count(len(sequence), 'picture')} of {count(len(set(sequence.tolist())), 'sequence')}"
    for table in fields_tables(rows, {PREDICTION}, extent=extent, how_made=how, truth=GOLD):
        console.print(table)
    said = scores[PREDICTION]
    console.print(
        kinds_table("Near objects of the prediction", said.presence.counts, said.placed.counts, said.placed.by_kind)
    )
    return {"sees_image": [PREDICTION], "rows": {name: asdict(found) for name, found in scores.items()}}


def _rows(texts: Texts) -> dict[str, list[Claims]]:
    """Method -> what it claims of each picture."""
    n = len(texts.said)
    commonest, _ = Counter(text.partition("Context:")[0].strip() for text in texts.said).most_common(1)[0]
    blind = _majority(texts.training)
    everything = dict.fromkeys(KINDS, POSITIONS)
    return {
        PREDICTION: [parse_claims(text) for text in texts.said],
        "majority": [blind] * n,
        "list everything": [Claims(blind.sidewalk, blind.road, blind.relation, everything, everything)] * n,
        "constant text": [parse_claims(commonest)] * n,
        GOLD: [
            parse_claims(compose(label, caption)) for label, caption in zip(texts.labels, texts.captions, strict=True)
        ],
    }


def _majority(labels: list[Annotation]) -> Claims:
    """What is most often true: each field's commonest word, and each place of a kind that is mostly taken."""
    truth = labels_of(labels)
    sidewalk, road, relation = (majority(truth.fields[name]) for name in FIELDS)
    taken = 2 * truth.places.sum(axis=0) > truth.known.sum(axis=0)[:, None]
    near = {
        kind: tuple(place for place, often in zip(POSITIONS, row, strict=True) if often)
        for kind, row in zip(truth.kinds, taken, strict=True)
        if row.any()
    }
    return Claims(sidewalk, road, relation, near)


def _published(texts: Texts, console: Console) -> dict[str, Any]:
    """The published evaluator's figures."""
    fields = {
        "sidewalk_pos": [position_word(label.sidewalk) for label in texts.labels],
        "road_pos": [position_word(label.road) for label in texts.labels],
        "road_vs_sidewalk": [road_vs_sidewalk(label.sidewalk, label.road) for label in texts.labels],
    }
    found = score_published(
        texts.said, fields, {kind: [bool(label.near.get(kind)) for label in texts.labels] for kind in WORDS}
    )
    _print_published(found, console)
    return asdict(found)


def _print_published(found: PublishedScores, console: Console) -> None:
    n = found.rows
    console.print(
        table_of(
            f"Published evaluator: fields, N = {n}",
            ["presence", "accuracy", "right"],
            {
                Row(name, None, ()): [
                    f"{found.present[name] / n:.3f}",
                    f"{found.correct[name] / n:.3f}",
                    f"{found.correct[name]}/{n}",
                ]
                for name in found.present
            },
        )
    )
    console.print(
        table_of(
            "Published evaluator: objects mentioned anywhere in the text",
            ["tp/fn/fp", "recall", "precision"],
            {
                Row(kind, None, ()): [
                    counts_text(counts),
                    f"{counts.tp / max(1, counts.tp + counts.fn):.2f}",
                    f"{counts.tp / max(1, counts.tp + counts.fp):.2f}",
                ]
                for kind, counts in found.objects.items()
            },
        )
    )
