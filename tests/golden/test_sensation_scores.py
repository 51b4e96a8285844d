"""The published figures of the published predictions, and the gold texts themselves."""

import json

import pytest

from roadcue import eval as scoring
from roadcue.metrics.objects import Counts

PREDICTIONS = "flamingo_bvpi_predictions.jsonl"


@pytest.fixture(scope="module")
def scored(golden_dir, tmp_path_factory):
    def scored(file, *words):
        folder, out = golden_dir / "sensation", tmp_path_factory.mktemp("out")
        data = ("--data", "sensation", "--data_dir", str(folder), "--resamples", "20", "--out", str(out))
        assert scoring.main(["--predictions", str(folder / file), *data, *words]) == 0
        (written,) = out.iterdir()
        assert written.name == f"{file.partition('.')[0]}.metrics.json"
        return json.loads(written.read_text())

    return scored


def test_sensation_published_figures_come_out(scored):
    metrics = scored(PREDICTIONS, "--protocol", "published")
    assert metrics["rows"] == metrics["pictures"] == 333
    assert list(metrics["present"].values()) == [333, 333, 333]
    assert metrics["correct"] == {"sidewalk_pos": 167, "road_pos": 145, "road_vs_sidewalk": 136}
    assert {kind: Counts(**counts) for kind, counts in metrics["objects"].items()} == {
        "person": Counts(24, 18, 35),
        "car": Counts(5, 4, 324),
        "bicycle": Counts(7, 7, 15),
        "obstacle": Counts(50, 31, 188),
        "traffic_sign": Counts(16, 25, 55),
        "traffic_light": Counts(1, 9, 1),
    }


def test_sensation_no_constant_wins_and_the_gold_text_scores_one(scored):
    metrics = scored(PREDICTIONS)
    rows = {
        name: {key: each["value"] for key, each in row["figures"].items()} for name, row in metrics["rows"].items()
    }
    assert list(rows) == ["prediction", "majority", "list everything", "constant text", "gold text"]
    assert set(rows["gold text"].values()) == {1.0}
    for name in ("majority", "list everything", "constant text"):
        assert rows[name]["sidewalk_balanced_accuracy"] == rows[name]["road_balanced_accuracy"] == 0.25
        assert rows[name]["near_placed_f1"] < 0.1
    # The document's own figures, and the balanced ones that they hide.
    scores = rows["prediction"]
    assert [round(scores[f"sidewalk_{key}"], 3) for key in ("accuracy", "balanced_accuracy", "macro_f1")] == [
        *(0.502, 0.527, 0.437)
    ]
    assert [round(scores[f"road_{key}"], 3) for key in ("accuracy", "balanced_accuracy", "macro_f1")] == [
        *(0.435, 0.438, 0.451)
    ]


@pytest.mark.parametrize("split", ["val", "test"])
def test_sensation_gold_file_scores_one_in_every_column(scored, split):
    metrics = scored(f"bvpi_sft_{split}.jsonl", "--split", split)
    assert {each["value"] for each in metrics["rows"]["prediction"]["figures"].values()} == {1.0}
    assert metrics["pictures_without_prediction"] == metrics["predictions_without_picture"] == 0


def test_sensation_published_rules_find_false_mentions_in_the_gold_texts(scored):
    """Why there is another protocol: what is far counts as near."""
    gold = scored(PREDICTIONS, "--protocol", "published")["gold text"]
    assert set(gold["correct"].values()) == {333}
    counts = {kind: Counts(**counts) for kind, counts in gold["objects"].items()}
    assert {one.fn for one in counts.values()} == {0}
    precision = {kind: round(one.tp / (one.tp + one.fp), 2) for kind, one in counts.items()}
    assert precision == {
        "person": 0.41,
        "car": 0.07,
        "bicycle": 0.24,
        "obstacle": 0.55,
        "traffic_sign": 0.48,
        "traffic_light": 0.36,
    }


def test_sensation_files_of_captions_are_scored_as_what_they_are(scored, golden_dir):
    """Captions have none of the sections: they claim nothing, and are no error."""
    files = sorted((golden_dir / "sensation").glob("*caption_predictions.json"))
    assert files
    for file in files:
        split = "test" if "testing/" in file.read_text(encoding="utf-8") else "val"
        metrics = scored(file.name, "--split", split)
        assert metrics["pictures_without_prediction"] == metrics["predictions_without_picture"] == 0
        assert {each["value"] for each in metrics["rows"]["prediction"]["figures"].values()} == {0}
