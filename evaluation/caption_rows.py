"""Score a file of captions against the targets in it: `eval.py --predictions FILE --head caption`."""

import json
from collections import Counter
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from roadcue.errors import BadInput, printable
from roadcue.evaluation.caption_pictures import CaptionPictures
from roadcue.evaluation.config import EvalConfig
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.loaders.sensation.caption_rows import CaptionRows, read_caption_rows
from roadcue.metrics.captions.clip_score import score_similarities
from roadcue.metrics.captions.meteor import LONGEST_TEXT, Meteor
from roadcue.metrics.captions.meteor_tables import INSTALL, meteor_folder, read_meteor_tables
from roadcue.metrics.captions.scores import score_captions
from roadcue.metrics.captions.spice import spice
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.models.clip import Clip
from roadcue.reports.page import write_report
from roadcue.reports.score_table import score_table
from roadcue.reports.table import print_tables
from roadcue.sentences import counted, show
from roadcue.training.build import device

PREDICTION, CONSTANT = "prediction", "constant text"
N_GRAMS = {f"bleu_{k}": f"BLEU-{k}" for k in range(1, 5)}
OTHERS = {"rouge_l": "ROUGE-L", "meteor": "METEOR", "cider": "CIDEr-D"}
SIMILARITIES = {"clip_score": "CLIPScore", "ref_clip_score": "RefCLIPScore", "hundred_cos": "100 cos"}
LENGTHS = {"words_said": "words said", "words_wanted": "words wanted"}


def evaluate_caption_rows(config: EvalConfig) -> None:
    """Print the figures; write them to `<stem>.metrics.json` and `<stem>.html` beside the file, or in `--out`."""
    file = user_path(config.predictions or "")
    rows = read_caption_rows(file)
    pictures = _pictures(rows, file, config)
    heading = {label: printable(said) for label, said in {"captions": str(file), **_extent(rows, pictures)}.items()}
    show(*(f"{label}: {said}" for label, said in heading.items()))
    tables = _tables(rows, config)
    counts: dict[str, Any] = {}
    if config.spice is not None:
        table, counts["rows_without_spice"] = _spice_table(rows, config.spice, config)
        tables.append(table)
    if pictures is not None:
        table, counts["clip"] = _clip_table(rows, pictures, config)
        tables.append(table)
    print_tables(score_table(table, {PREDICTION}) for table in tables)
    content = _content(file, rows, tables) | counts
    out = user_path(config.out) if config.out else file.parent
    numbers, page = (out / f"{file.stem}{ending}" for ending in (".metrics.json", ".html"))
    if file.resolve() in (numbers.resolve(), page.resolve()):
        raise BadInput(f"{file}: would be written over by its own page; name another folder with --out")
    with writing_into(out, "free space there, or name another folder with --out"):
        write_atomic(numbers, json.dumps(nan_to_none(content), indent=1) + "\n")
        write_report(
            page,
            comparison=None,
            sees_image={PREDICTION},
            heading=heading,
            frames=[],
            answers=tables,
        )
    show(numbers, page)


def _pictures(rows: CaptionRows, file: Path, config: EvalConfig) -> CaptionPictures | None:
    """The pictures, where a CLIP is named: below `--image_root`, or beside the file."""
    if config.clip is None:
        return None
    root = user_path(config.image_root) if config.image_root else file.parent
    return CaptionPictures.of(rows, root, Clip.from_pretrained(config.clip).to(device(config.device)))


def _extent(rows: CaptionRows, pictures: CaptionPictures | None) -> dict[str, str]:
    """What is scored, and what is left out."""
    said = {"scored": counted(len(rows.said), "row")}
    if rows.sequence is None:
        said["intervals"] = "over rows, as not every row names a `sequence` or an `image`: they may be too narrow"
    if rows.without_target:
        number = counted(len(rows.without_target), "row")
        said["left out"] = f"{number} without a target, the first: {rows.without_target[0]}"
    if empty := sum(not text.strip() for text in rows.said):
        said["empty"] = f"{counted(empty, 'prediction')}, scored as what they are"
    if meteor_folder() is None:
        said["METEOR"] = f"left out, as it needs the tables of pycocoevalcap; to have them: {INSTALL}"
    elif long := sum(len(text.split()) > LONGEST_TEXT for text in rows.said):
        said["METEOR"] = f"{counted(long, 'prediction')} cut at {LONGEST_TEXT} words for it alone"
    if pictures is not None:
        said["pictures"] = f"{counted(len(pictures.rows), 'row')} compared with theirs by {pictures.clip.description}"
        if pictures.faults:
            said["without picture"] = f"{counted(len(pictures.faults), 'row')}, the first: {pictures.faults[0]}"
    return said


def _tables(rows: CaptionRows, config: EvalConfig) -> list[ScoreTable]:
    """The prediction, and beside it the commonest target, which sees no picture."""
    n, sequence = len(rows.said), _sequences(rows)
    meteor = None if meteor_folder() is None else Meteor(read_meteor_tables())
    methods = {
        name: score_captions(said, rows.wanted, sequence, config.bootstrap, meteor)
        for name, said in _said(rows).items()
    }
    others = {key: title for key, title in OTHERS.items() if key in methods[PREDICTION]} | LENGTHS
    meaning = (
        f"CIDEr-D weighs words by how many of the {n:,} targets of this file hold them: with other rows it is "
        f"another figure. {CONSTANT}: the commonest target."
    )
    if rows.sequence is None:
        meaning += " Each row counts as a sequence of its own here, as not every one names its own or a picture."
    plain = {*N_GRAMS, *others}
    extent = n, len(np.unique(sequence))
    return [
        ScoreTable("Captions against targets, runs of words", N_GRAMS, methods, *extent, plain=plain),
        ScoreTable("Captions against targets", others, methods, *extent, meaning, plain),
    ]


def _spice_table(rows: CaptionRows, corenlp: str, config: EvalConfig) -> tuple[ScoreTable, int]:
    """The same methods by SPICE, on the rows of which all have a score; and the number of the others.

    In one call, since the program loads its models for minutes.
    """
    n, texts = len(rows.said), _said(rows)
    show("SPICE: its program runs, which takes minutes")
    scores = spice([*chain(*texts.values())], rows.wanted * len(texts), user_path(corenlp)).reshape(-1, n)
    scored = ~np.isnan(scores).any(axis=0)
    without = n - int(scored.sum())
    if without == n:
        raise BadInput("SPICE has found nothing in any of the texts; leave out --spice")
    sequence = _sequences(rows)[scored]
    methods = {
        name: {"spice": sequence_bootstrap(each[scored, None], sequence, config.bootstrap)[0]}
        for name, each in zip(texts, scores, strict=True)
    }
    meaning = f"Without {counted(without, 'row')} in which it finds nothing." if without else ""
    extent = n - without, len(np.unique(sequence))
    title = "Captions against targets, what they tell of"
    return ScoreTable(title, {"spice": "SPICE"}, methods, *extent, meaning, {"spice"}), without


def _clip_table(
    rows: CaptionRows, pictures: CaptionPictures, config: EvalConfig
) -> tuple[ScoreTable, dict[str, Any]]:
    """The same methods against the pictures; and what is counted of them."""
    sequence = _sequences(rows)[pictures.rows]
    methods, cut = {}, {}
    for name, said in _said(rows).items():
        cosines, cut[name] = pictures.cosines(said, rows.wanted)
        methods[name] = score_similarities(cosines, sequence, config.bootstrap)
    meaning = (
        "CLIPScore is published with openai/clip-vit-base-patch32; 100 cos, of squashed pictures, is what document "
        "000 calls CLIPScore, with openai/clip-vit-base-patch16. By another CLIP they are other figures."
    )
    if cut[PREDICTION]:
        number = counted(cut[PREDICTION], "prediction")
        meaning += f" {number} cut at {pictures.clip.longest_text} tokens, all that the CLIP reads."
    extent = len(sequence), len(np.unique(sequence))
    plain = {*SIMILARITIES}
    counts = {
        "checkpoint": config.clip,
        "rows": len(pictures.rows),
        "sequences": extent[1],
        "rows_without_picture": len(pictures.faults),
        "predictions_cut": cut[PREDICTION],
    }
    return ScoreTable("Captions against pictures", SIMILARITIES, methods, *extent, meaning, plain), counts


def _said(rows: CaptionRows) -> dict[str, list[str]]:
    """Method -> what it says of each row."""
    (commonest, _), *_ = Counter(text for each in rows.wanted for text in each).most_common(1)
    return {PREDICTION: rows.said, CONSTANT: [commonest] * len(rows.said)}


def _sequences(rows: CaptionRows) -> np.ndarray:
    return np.arange(len(rows.said)) if rows.sequence is None else np.array(rows.sequence)


def _content(file: Path, rows: CaptionRows, tables: list[ScoreTable]) -> dict[str, Any]:
    return {
        "predictions": str(file),
        "head": "caption",
        "rows": len(rows.said),
        "rows_without_target": len(rows.without_target),
        "empty_predictions": sum(not text.strip() for text in rows.said),
        "intervals_over": "rows" if rows.sequence is None else "sequences",
        "sequences": tables[0].sequences,
        "sees_image": [PREDICTION],
        "methods": {
            name: {key: asdict(interval) for table in tables for key, interval in table.methods[name].items()}
            for name in tables[0].methods
        },
    }
