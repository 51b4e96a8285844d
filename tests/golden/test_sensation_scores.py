"""The published figures of the published predictions, and the gold texts themselves."""

import json

import pytest

import eval as scoring
from metrics.objects import Counts

PREDICTIONS = "flamingo_bvpi_predictions.jsonl"


@pytest.fixture(scope="module")
def scored(golden_dir, tmp_path_factory):
    def scored(file, *words):
        folder, out = golden_dir / "sensation", tmp_path_factory.mktemp("out")
        data = ("--data", "sensation", "--data_dir", str(folder), "--resamples", "20", "--out", str(out))
        assert scoring.main(["--predictions", str(folder / file), *data, *words]) == 0
        (written,) = out.iterdir()
        assert written.name == f"{file.removesuffix('.jsonl')}.metrics.json"
        return json.loads(written.read_text())

    return scored


def test_sensation_published_figures_come_out(scored):
    found = scored(PREDICTIONS, "--protocol", "published")
    assert found["rows"] == found["pictures"] == 333
    assert list(found["present"].values()) == [333, 333, 333]
    assert found["correct"] == {"sidewalk_pos": 167, "road_pos": 145, "road_vs_sidewalk": 136}
    assert {kind: Counts(**counts) for kind, counts in found["objects"].items()} == {
        "person": Counts(24, 18, 35),
        "car": Counts(5, 4, 324),
        "bicycle": Counts(7, 7, 15),
        "obstacle": Counts(50, 31, 188),
        "traffic_sign": Counts(16, 25, 55),
        "traffic_light": Counts(1, 9, 1),
    }


def test_sensation_no_constant_wins_and_the_gold_text_scores_one(scored):
    found = scored(PREDICTIONS)
    rows = {name: {key: each["value"] for key, each in row["columns"].items()} for name, row in found["rows"].items()}
    assert list(rows) == ["prediction", "majority", "list everything", "constant text", "gold text"]
    assert set(rows["gold text"].values()) == {1.0}
    for name in ("majority", "list everything", "constant text"):
        assert rows[name]["sidewalk_balanced_accuracy"] == rows[name]["road_balanced_accuracy"] == 0.25
        assert rows[name]["near_placed_f1"] < 0.1
    # The document's own figures, and the balanced ones that they hide.
    told = rows["prediction"]
    assert [round(told[f"sidewalk_{key}"], 3) for key in ("accuracy", "balanced_accuracy", "macro_f1")] == [
        *(0.502, 0.527, 0.437)
    ]
    assert [round(told[f"road_{key}"], 3) for key in ("accuracy", "balanced_accuracy", "macro_f1")] == [
        *(0.435, 0.438, 0.451)
    ]


@pytest.mark.parametrize("split", ["val", "test"])
def test_sensation_gold_file_scores_one_in_every_column(scored, split):
    found = scored(f"bvpi_sft_{split}.jsonl", "--split", split)
    assert {each["value"] for each in found["rows"]["prediction"]["columns"].values()} == {1.0}
    assert found["pictures_without_prediction"] == found["predictions_without_picture"] == 0
