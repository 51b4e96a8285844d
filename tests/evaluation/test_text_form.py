"""The form of texts."""

import json

import numpy as np
import pytest
from sensation_annotations import annotation

from roadcue.evaluation.text_form import form_table
from roadcue.evaluation.written_texts import WrittenText
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.prompts.annotation_json import to_closed_json
from roadcue.prompts.bvpi import compose

GOOD = {
    "bvpi": compose(annotation(near={"car": ("Left",)}), "Told."),
    "json": json.dumps(to_closed_json(annotation(near={"car": ("Left",)}))),
    "path": "[[1, 0], [2, 0], [3, 0], [4.5, 0], [5, 0.1]]",
}


@pytest.mark.parametrize("target", GOOD)
def test_valid_is_what_was_asked_for_and_has_ended(target):
    texts = [(GOOD[target], True), (GOOD[target], False), ("A nice day.", True), (" ", True)]
    written = [WrittenText(str(i), "", "", text, "", ended) for i, (text, ended) in enumerate(texts)]
    table = form_table({"caption": written}, target, np.array(["a", "b", "c", "d"]), Bootstrap(resamples=10))
    shares = {key: figure.value for key, figure in table.methods["caption"].items()}
    assert shares == {"valid": 0.25, "cut_off": 0.25, "empty": 0.25}


def test_free_words_have_no_form_to_be_valid():
    written = [WrittenText("0", "", "", "A nice day.", "", ended=True)]
    table = form_table({"caption": written}, "caption", np.array(["a"]), Bootstrap(resamples=10))
    assert [*table.columns] == ["cut_off", "empty"]
