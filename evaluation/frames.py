"""What a run says of each frame and how far it is wrong: frames.parquet, a row a frame, kept beside metrics.json.

id, sequence                     of the frame
unlike                           its pictures are unlike the training pictures; not there where nothing tells
<method>:ade_3s ... fde_5s       metres against the log, ego frame; null without a log
<method>:miss_rate               1 for a path that ends further away than a miss allows, else 0; null without a log
<method>:rfs                     rater feedback score, 0 to 10; null of frames that raters have not scored
<head>:path                      (40) metres: x and y at t = 0.25 ... 5 s, ego frame; logged:path is the driven one
<method>:points                  (10) metres: x and y at 1, 2, 3, 4 and 5 s, of a text that is a path, null of another
                                 text; and of the methods of paths beside a head, but for standing still
<method>:<question>:answer       in words, such as `slow down`; true:<question> is what is true, "" where unknown
labelled:<question>              of objects, the kinds with a label, with commas
<method>:<question>:right        1 or 0, of objects the share of the kinds that are right; null where unknown
<method>:<question>:probability  of the answer
<method>:<question>:set_size     how many answers cannot be ruled out, of questions with sets

The schema's metadata `roadcue` is JSON: what was scored, of which run.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from roadcue.errors import BadInput
from roadcue.files import atomic_file, check_file, read_bytes
from roadcue.heads.baselines.waypoint import StandStill
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.registry import WAYPOINT
from roadcue.heads.row_answers import RowAnswers
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.prompts.path_text import STEPS
from roadcue.reports.colours import LOG
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.predictions import Predictions
from roadcue.training.run_folder import RunFolder

FRAMES = "frames.parquet"
"""Its name in the folder of a run's numbers."""
ERRORS = ("ade_3s", "ade_5s", "fde_3s", "fde_5s", "miss_rate")
"""The metrics of `metrics.displacement` that are kept of each frame."""
RFS = "rfs"
"""The rater feedback score of a frame."""
_ABOUT = b"roadcue"


@dataclass(frozen=True)
class Frames:
    """The rows of a run that were scored, n of them."""

    about: Mapping[str, Any]
    """What was scored, as JSON; "methods": head -> its rows of the table, itself first; "questions": head -> those
    that it answers, none where it gives paths; "classes": question -> its possible answers, none where it has too
    many."""
    columns: Mapping[str, np.ndarray]
    """Name -> (n,), of paths (n, 40) float32."""

    def __len__(self) -> int:
        return len(self.columns["id"])

    def with_feedback_scores(self, ids: np.ndarray, scores: Mapping[str, np.ndarray]) -> "Frames":
        """Those with the column `RFS` of each method of paths: method -> (m,) scores of the frames called (m,) `ids`.

        The driven path, which no method has made, gets none.
        """
        row_of = {name: row for row, name in enumerate(self.columns["id"].tolist())}
        rows = [row_of[name] for name in ids.tolist()]
        columns = {}
        for method in self.about["methods"][WAYPOINT]:
            columns[f"{method}:{RFS}"] = column = np.full(len(self), np.nan)
            column[rows] = scores[method]
        return Frames(self.about, {**self.columns, **columns})

    def write(self, path: Path) -> None:
        """Whole or not at all; OSErrors name the file."""
        table = pyarrow.table({name: _as_arrow(column) for name, column in self.columns.items()})
        with atomic_file(path) as partial:
            metadata = {_ABOUT: json.dumps(self.about).encode()}
            pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), partial)

    @classmethod
    def read(cls, path: Path) -> "Frames":
        """What `write` wrote; BadInput when it cannot be read."""
        try:
            check_file(path)
            table = pyarrow.parquet.read_table(path)
            about = dict(json.loads(table.schema.metadata[_ABOUT]))
            return cls(about, {name: _as_numpy(table.column(name)) for name in table.column_names})
        except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}: cannot be read ({error}); delete it, and score the run again") from error


def frames_of(
    model: MultiHeadModel,
    predictions: Predictions,
    split: StoredSplit,
    heads: Sequence[str],
    about: Mapping[str, Any],
) -> Frames:
    """What every method of the `heads` says of the rows of a split; `about` is what is known of the run."""
    states = split.dataset.states.take(split.rows)
    columns: dict[str, np.ndarray] = {"id": states.id, "sequence": states.sequence}
    if predictions.unlike is not None:
        columns["unlike"] = predictions.unlike
    methods = {head: model.methods(head) for head in heads}
    questions: dict[str, list[str]] = {head: [] for head in heads}
    classes: dict[str, list[str]] = {}
    for head in heads:
        if head == WAYPOINT:
            logged = model.heads[head].known(split.targets).numpy()
            paths = {method: predictions.paths[method] for method in methods[head]}
            columns |= _of_paths(paths, states.future, logged)
            for name, path in ((head, paths[head]), (LOG, states.future)):
                columns[f"{name}:path"] = path.reshape(len(path), -1)
            for name in paths.keys() - {head, StandStill.name}:
                columns[f"{name}:points"] = paths[name][:, list(STEPS)].reshape(len(split.rows), -1)
            continue
        for method in methods[head]:
            found = model.heads[head].row_answers(predictions.answers[method], split.targets)
            questions[head] = [*found]
            classes |= {question: [*rows.classes] for question, rows in found.items()}
            columns |= columns_of(method, found)
    return Frames({**about, "methods": methods, "questions": questions, "classes": classes}, columns)


def columns_of(method: str, answers: Mapping[str, RowAnswers]) -> dict[str, np.ndarray]:
    """The columns of what a method answers to each question, and of what is true."""
    columns = {}
    for question, rows in answers.items():
        columns[f"true:{question}"] = rows.truth
        columns |= {f"{method}:{question}:{key}": getattr(rows, key) for key in ("answer", "right", "probability")}
        if rows.set_size is not None:
            columns[f"{method}:{question}:set_size"] = rows.set_size
        if rows.labelled is not None:
            columns[f"labelled:{question}"] = rows.labelled
    return columns


def scored_as(folder: RunFolder, options: TrainConfig, split: str) -> dict[str, Any]:
    """What decides the frames of a run: the rows that are asked for, and the trained heads by their content."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.model.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(folder.model)}\0".encode() + hashlib.sha256(read_bytes(file)).digest())
    asked = {name: getattr(options, name) for name in ("data", "data_dir", "image_root", "split_by", "frame_stride")}
    return {"asked": {**asked, "split": split}, "model": digest.hexdigest()}


def _of_paths(paths: Mapping[str, np.ndarray], future: np.ndarray, logged: np.ndarray) -> dict[str, np.ndarray]:
    """`ERRORS` of each method's paths (n, 20, 2) metres, ego frame; NaN where the rows (n,) bool are not `logged`."""
    columns = {}
    for method, path in paths.items():
        errors = per_frame(displacement(path[logged], future[logged]))
        for metric in ERRORS:
            columns[f"{method}:{metric}"] = error = np.full(len(logged), np.nan)
            error[logged] = errors[metric]
    return columns


def _as_arrow(column: np.ndarray) -> pyarrow.Array:
    """NaN becomes null."""
    flat = pyarrow.array(column.ravel(), from_pandas=True)
    return flat if column.ndim == 1 else pyarrow.FixedSizeListArray.from_arrays(flat, column.shape[1])


def _as_numpy(column: pyarrow.ChunkedArray) -> np.ndarray:
    """Null becomes NaN."""
    if pyarrow.types.is_fixed_size_list(column.type):
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, np.float32).reshape(len(column), -1)
    values = column.to_numpy(zero_copy_only=False)
    return values.astype(str) if pyarrow.types.is_string(column.type) else values
