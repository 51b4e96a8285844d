"""Heads and texts by the same figures."""

from dataclasses import replace

import numpy as np
import pytest
from sensation_annotations import annotation

from roadcue.evaluation.answer_lines import text_line
from roadcue.evaluation.answer_tables import GAP, AnswerLine, Truth, answer_tables
from roadcue.evaluation.claimed_answers import NEAR, OF_TARGET, answer_words, answers_of
from roadcue.evaluation.cost import Cost, cost_of
from roadcue.evaluation.text_scores import claim_arrays, label_arrays, score_claims
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.prompts.bvpi import compose
from roadcue.prompts.claims import parse_claims
from roadcue.reports.score_table import score_table_rows

FEW = Bootstrap(resamples=50)
LABELS = [
    annotation("Left", "Right", {"car": ("Left",)}),
    annotation("Center", "Left", {"person": ("Center",), "car": ("Right",)}),
    annotation("Right", "Front", {"obstacle": ("Center", "Right")}),
    annotation("Center", "Left", {}),
]
SAID = [
    "Sidewalk: left. Road: right. RoadVsSidewalk: right_of. Nearby: a car on the left.",
    "Sidewalk: center. Road: front. RoadVsSidewalk: left_of. Nearby: a person on the left; a car on the right.",
    "Sidewalk: right. Road: front. Nearby: an obstacle.",
    "Nothing at all.",
]
SEQUENCE = np.array(["a", "a", "b", "b"])


def words(texts):
    return answer_words([answers_of(text) for text in texts], OF_TARGET["bvpi"])


def truth(labelled=None):
    return Truth(words([compose(one, "") for one in LABELS]), SEQUENCE, labelled)


def tables(lines, about=None):
    return {table.title: table for table in answer_tables(lines, about or truth(), FEW)}


def same(one, other):
    for bound in ("value", "low", "high"):
        assert getattr(one, bound) == pytest.approx(getattr(other, bound), nan_ok=True)


def test_the_figures_are_those_of_the_texts_against_the_labels():
    found = tables({"said": AnswerLine(words(SAID))})
    scores = score_claims(
        claim_arrays([parse_claims(text) for text in SAID]), label_arrays(LABELS), SEQUENCE, FEW
    ).figures
    positions, near = (
        found[title].methods["said"] for title in ("Positions, balanced accuracy", "Near objects, macro F1")
    )
    for field in ("sidewalk", "road", "relation"):
        same(positions[field], scores[f"{field}_balanced_accuracy"])
    same(near["presence"], scores["near_presence_f1"])
    same(near["place"], scores["near_placed_f1"])
    assert near["presence"].value == 1 > near["place"].value


def test_differences_are_in_pairs_minus_the_first():
    gold = truth().answers
    found = tables({"head": AnswerLine(gold), "text": AnswerLine(words(SAID))})
    for table in found.values():
        assert all(figure.value == 1 for key, figure in table.methods["head"].items() if key != "opposite")
        assert not any(key.endswith(GAP) for key in table.methods["head"])
        for key, figure in table.methods["text"].items():
            if key.endswith(GAP):
                own = table.methods["text"][key.removesuffix(GAP)]
                assert figure.value == pytest.approx(100 * (own.value - 1)), key
                assert figure.low == pytest.approx(100 * (own.low - 1), nan_ok=True)
    cells = [str(cell) for row in score_table_rows(found["Cues, accuracy"], {"head"}) for cell in row.cells]
    assert cells.count("reference\n") == 2


def test_a_line_is_compared_with_the_first_of_its_table_and_only_in_what_that_answers():
    gold = truth().answers
    cue_head = AnswerLine({name: gold[name] for name in ("cue", "pace")})
    text = AnswerLine({name: gold[name] for name in ("sidewalk", "road", "relation", "cue")})
    found = tables({"cue": cue_head, "text": text})
    assert list(found["Positions, balanced accuracy"].methods) == ["text"]
    assert "pace" not in found["Cues, accuracy"].methods["text"]
    assert found["Cues, accuracy"].methods["text"]["cue" + GAP].value == 0
    assert "Near objects, macro F1" not in found
    (row,) = [row for row in score_table_rows(found["Cues, accuracy"], ()) if row.name == "text"]
    assert row.cells[-1].value == "–"


def test_kinds_without_a_label_do_not_count():
    said = words(["Nearby: a person on the left."] * 4)
    only_cars = np.array(["car"] * 4)
    missed = tables({"said": AnswerLine(said)})["Near objects, macro F1"].methods["said"]["presence"]
    assert missed.value == pytest.approx((0 + 2 / 5 + 0) / 3)
    of_cars = tables({"said": AnswerLine(said)}, truth(only_cars))
    assert of_cars["Near objects, macro F1"].methods["said"]["presence"].value == 0
    gold = tables({"gold": AnswerLine(truth().answers)}, truth(only_cars))
    assert gold["Near objects, macro F1"].methods["gold"]["presence"].value == 1


def test_left_for_right_is_counted_and_silence_is_wrong_and_no_opposite_way():
    true = np.array(["deviate left", "deviate right", "deviate right", ""])
    said = np.array(["deviate right", "deviate right", "", "deviate left"])
    (table,) = answer_tables({"x": AnswerLine({"cue": said})}, Truth({"cue": true}, SEQUENCE), FEW)
    assert table.methods["x"]["cue"].value == pytest.approx(1 / 3)
    assert table.methods["x"]["opposite"].value == pytest.approx(1 / 3)


def test_probabilities_are_judged_where_there_are_any():
    gold = truth().answers
    sure = {name: np.ones(4) for name in ("sidewalk", "road")}
    lines = {"head": AnswerLine(gold, sure), "text": AnswerLine(gold, {"sidewalk": np.full(4, np.nan)})}
    table = tables(lines)["Calibration and cost"]
    assert list(table.methods) == ["head"]
    assert table.methods["head"]["ece sidewalk"].value == 0
    lines["text"] = replace(lines["text"], cost=Cost(0.5, 100.0, 1.5))
    figures = tables(lines)["Calibration and cost"].methods["text"]
    assert {key: figure.value for key, figure in figures.items()} == {"seconds": 0.5, "memory": 100.0, "learnt": 1.5}


def test_a_cost_is_of_the_pictures_after_the_first():
    asked = []
    cost = cost_of(asked.append, 3, 2_000_000, "cpu")
    assert asked == [0, 0, 1, 2]
    assert cost.learnt == 2
    assert cost.seconds < 1
    assert cost.memory is None or cost.memory > 50


def test_nothing_known_makes_no_table():
    nothing = {name: np.full(4, "") for name in ("sidewalk", "cue", NEAR)}
    assert answer_tables({"x": AnswerLine(words(SAID))}, Truth(nothing, SEQUENCE), FEW) == []


def test_a_text_that_is_no_path_stands_still_and_is_counted():
    true = np.cumsum(np.ones((4, 5, 2)) * [3.0, 4.0], axis=1)  # 5 m a second
    true[3] = np.nan
    told = true.copy()
    told[0] += [0.0, 2.0]
    told[2] = np.nan
    told[3] = 0
    lines = {"waypoint": AnswerLine({}, points=np.nan_to_num(true)), "text": AnswerLine({}, points=told)}
    (table,) = answer_tables(lines, Truth({}, SEQUENCE, points=true), FEW)
    ade = {name: figures["ade"].value for name, figures in table.methods.items()}
    assert ade == {"waypoint": 0, "text": pytest.approx((2 + 0 + 15) / 3), "stand still": pytest.approx(15)}
    assert table.methods["text"]["no path"].value == pytest.approx(1 / 3)
    assert table.methods["text"]["ade" + GAP].value == pytest.approx(17 / 3)


def test_texts_are_paired_by_id_before_image(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"id": "a", "image": "b.jpg", "prediction": "Sidewalk: left."}\n')
    line, said = text_line(tmp_path / "x.jsonl", ["a", "b"])
    assert line.answers["sidewalk"].tolist() == ["Left", ""]
    assert said == "x.jsonl: 1 of the 2 frames have a text, paired by id; the others count as wrong"
