"""The form of texts: whether each is what was asked for, and whether it ended before the limit."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from roadcue.evaluation.claimed_answers import annotation_in
from roadcue.evaluation.written_texts import WrittenText
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.prompts import path_text
from roadcue.prompts.bvpi_grammar import is_valid_bvpi

VALID: Mapping[str, Callable[[str], bool]] = {
    "bvpi": is_valid_bvpi,
    "json": lambda text: annotation_in(text) is not None,
    "path": lambda text: path_text.parse(text) is not None,
}
"""Kind of text -> whether a text is one; of other kinds every text is."""
_COLUMNS = {"valid": "valid", "cut_off": "cut off at the limit", "empty": "empty"}
_MEANING = "Valid: in the form that was asked for, and ended before the limit."


def form_table(
    written: Mapping[str, Sequence[WrittenText]], target: str, sequence: np.ndarray, bootstrap: Bootstrap
) -> ScoreTable:
    """Method -> its n texts, of the sequences (n,), as a table of shares."""
    columns = {key: title for key, title in _COLUMNS.items() if key != "valid" or target in VALID}
    methods = {}
    for method, texts in written.items():
        shares = np.array([[_of(text, target)[key] for key in columns] for text in texts], np.float64)
        methods[method] = dict(zip(columns, sequence_bootstrap(shares, sequence, bootstrap), strict=True))
    meaning = _MEANING if target in VALID else ""
    sequences = len(np.unique(sequence))
    return ScoreTable(f"Form of the {target} texts", columns, methods, len(sequence), sequences, meaning)


def _of(text: WrittenText, target: str) -> dict[str, bool]:
    said = text.prediction
    valid = target not in VALID or VALID[target](said)
    return {"valid": valid and text.ended, "cut_off": not text.ended, "empty": not said.strip()}
