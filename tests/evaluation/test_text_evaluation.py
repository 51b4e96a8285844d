"""`eval.py --predictions` on a folder of a few labelled pictures that do not exist."""

import json
from dataclasses import replace

import pytest

from roadcue import eval as scoring
from roadcue.evaluation.constant_texts import majority_claims
from roadcue.evaluation.text_scores import label_arrays
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.captions import Caption, write_captions
from roadcue.loaders.sensation.files import ANNOTATIONS, BVPI, CAPTIONS, JSON_LINES
from roadcue.prompts.annotation import OBJECT_KINDS, Annotation
from roadcue.prompts.annotation_json import to_json
from roadcue.prompts.bvpi import compose

NONE = dict.fromkeys(OBJECT_KINDS, ())
PLACES = [("Left", "Right"), ("Center", "Left"), ("Right", "Front"), ("Center", "Right")]
LABELS = [
    Annotation(f"{100 * i:04d}.jpg", *PLACES[i % 4], {**NONE, "person": ("Left",) if i % 2 else ()}, NONE)
    for i in range(16)
]


@pytest.fixture
def data(tmp_path):
    write_annotations(tmp_path / ANNOTATIONS, LABELS)
    splits = ["train"] * 8 + ["val"] * 8
    write_captions(
        tmp_path / CAPTIONS, [Caption(f"x/{one.image}", "", split) for one, split in zip(LABELS, splits, strict=True)]
    )
    return tmp_path


def scored(data, records, *words, name="sidewalk"):
    (data / "said.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return scoring.main(
        [
            "--predictions",
            str(data / "said.jsonl"),
            "--data",
            name,
            "--data_dir",
            str(data),
            "--resamples",
            "20",
            *words,
        ]
    )


def gold(labels):
    return [{"image": f"elsewhere/{one.image}", "text": compose(one, "")} for one in labels]


@pytest.mark.parametrize("name", ["sidewalk", "sensation"])
def test_the_truth_scores_one_beside_the_file(data, capsys, name):
    assert scored(data, gold(LABELS[8:]), name=name) == 0
    metrics = json.loads((data / "said.metrics.json").read_text())
    assert (metrics["protocol"], metrics["split"], metrics["pictures"]) == ("roadcue", "val", 8)
    assert {each["value"] for each in metrics["rows"]["prediction"]["figures"].values()} == {1.0}
    assert "list everything" in capsys.readouterr().out


def test_a_missing_prediction_is_wrong_and_both_kinds_of_stranger_are_counted(data, capsys):
    assert scored(data, gold([*LABELS[8:12], *LABELS[:3]])) == 0
    metrics = json.loads((data / "said.metrics.json").read_text())
    assert (metrics["pictures_without_prediction"], metrics["predictions_without_picture"]) == (4, 3)
    assert metrics["rows"]["prediction"]["figures"]["sidewalk_accuracy"]["value"] == 0.5
    out = " ".join(capsys.readouterr().out.split())
    assert "4 (first: 1200) of them have no prediction" in out
    assert "3 (first: 0000) of the predictions are of no such picture" in out


def figures(data, row):
    metrics = json.loads((data / "said.metrics.json").read_text())
    return {key: each["value"] for key, each in metrics["rows"][row]["figures"].items()}


def test_the_constant_text_is_the_commonest_one_to_train_on(data):
    texts = [{"image": f"x/{one.image}", "response": f"Sidewalk: left. Context: {one.image}"} for one in LABELS[:8]]
    (data / BVPI.format(split="train")).write_text("".join(json.dumps(text) + "\n" for text in texts))
    assert scored(data, gold(LABELS[8:])) == 0
    assert figures(data, "constant text")["sidewalk_accuracy"] == 0.25
    assert figures(data, "constant text")["road_accuracy"] == 0


def test_the_gold_text_is_what_its_file_says(data):
    """A text that contradicts its labels is no truth, and the row shows it."""
    texts = [{"image": f"x/{one.image}", "response": compose(one.mirrored, "")} for one in LABELS[8:]]
    (data / BVPI.format(split="val")).write_text("".join(json.dumps(text) + "\n" for text in texts))
    assert scored(data, gold(LABELS[8:])) == 0
    assert figures(data, "gold text")["sidewalk_accuracy"] == 0.5
    assert figures(data, "prediction")["sidewalk_accuracy"] == 1


def test_no_constant_has_more_than_its_share(data):
    assert scored(data, gold(LABELS[8:])) == 0
    for row in ("majority", "list everything", "constant text"):
        scores = figures(data, row)
        assert scores["sidewalk_balanced_accuracy"] == pytest.approx(1 / 3)
        assert scores["relation_balanced_accuracy"] <= 0.5
        assert scores["near_placed_f1"] < 0.5
    majority = json.loads((data / "said.metrics.json").read_text())["rows"]["majority"]
    assert majority["recalls"]["sidewalk"] == {"center": 1.0, "left": 0.0, "right": 0.0}
    assert figures(data, "list everything")["near_presence_f1"] > figures(data, "majority")["near_presence_f1"]


def test_a_picture_without_labels_is_left_out_and_named(data, capsys):
    file = data / ANNOTATIONS
    file.write_text(file.read_text().replace(f"\n{LABELS[9].image},done,Center", f"\n{LABELS[9].image},done,Nowhere"))
    assert scored(data, gold(LABELS[8:])) == 0
    assert "1 (first: 0900.jpg) pictures have no usable labels" in " ".join(capsys.readouterr().out.split())
    assert json.loads((data / "said.metrics.json").read_text())["pictures"] == 7


def test_labels_may_be_json_lines(data):
    (data / JSON_LINES).write_text("".join(json.dumps(to_json(one)) + "\n" for one in LABELS))
    (data / ANNOTATIONS).unlink()
    assert scored(data, gold(LABELS[8:])) == 0
    assert figures(data, "prediction")["near_placed_f1"] == 1


def test_published_rules_are_shown_on_the_gold_text_too(data, capsys):
    far = [replace(one, far={**NONE, "car": ("Left",)}) for one in LABELS]
    write_annotations(data / ANNOTATIONS, far)
    assert scored(data, gold(LABELS[8:]), "--protocol", "published") == 0
    metrics = json.loads((data / "said.metrics.json").read_text())
    assert metrics["objects"]["car"] == {"tp": 0, "fn": 0, "fp": 0}
    assert metrics["gold text"]["objects"]["car"] == {"tp": 0, "fn": 0, "fp": 8}
    out = capsys.readouterr().out.split()
    assert out[out.index("car") :][:5] == ["car", "0/0/0", "0.00", "0.00", "0.00"]


def test_published_goes_where_out_says(data):
    assert scored(data, gold(LABELS[8:]), "--protocol", "published", "--out", str(data / "there")) == 0
    metrics = json.loads((data / "there" / "said.metrics.json").read_text())
    assert metrics["correct"]["sidewalk_pos"] == metrics["rows"] == 8


def test_predictions_of_another_split_are_refused(data, capsys):
    assert scored(data, gold(LABELS[:8])) == 2
    assert "none of its 8 pictures is one of split val" in capsys.readouterr().err
    assert scored(data, gold(LABELS[:8]), "--split", "test") == 2
    assert "it has train, val" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name what is to be scored"),
        (["--run", "a", "--predictions", "b", "--submission", "s.tar.gz"], "do not go together"),
        (["--predictions", "b", "--submission", "s.tar.gz", "--data", "sensation"], "do not go together"),
        (["--run", "a", "--protocol", "published"], "--protocol belongs to --predictions"),
        (["--run", "a", "--split", "test"], "--split test belongs to --predictions"),
        (["--predictions", "b", "--data", "sensation", "--image_root", "c"], "--image_root does not belong to"),
        (["--predictions", "b", "--data", "sensation", "--split_by", "sequence"], "--split_by does not belong to"),
        (["--predictions", "b"], "needs --data sensation or --data sidewalk"),
        (["--predictions", "b", "--data", "roadworld"], "needs --data sensation or --data sidewalk"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        scoring.main(words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_sensation_has_no_default_folder(capsys):
    assert scoring.main(["--predictions", "b", "--data", "sensation"]) == 2
    assert "needs --data_dir" in capsys.readouterr().err


def parted(data, *splits):
    write_captions(
        data / CAPTIONS, [Caption(f"x/{one.image}", "", split) for one, split in zip(LABELS, splits, strict=True)]
    )


def test_the_test_split_is_scored_where_there_is_one(data):
    parted(data, *["train"] * 8, *["val"] * 4, *["test"] * 4)
    assert scored(data, gold(LABELS[12:])) == 0
    metrics = json.loads((data / "said.metrics.json").read_text())
    assert (metrics["split"], metrics["pictures"]) == ("test", 4)


def test_the_majority_is_that_of_the_training_labels_alone(data):
    """Left in the three pictures to train on, Center in more than half of all."""
    labels = [replace(one, sidewalk="Left" if i < 3 else "Center") for i, one in enumerate(LABELS)]
    labels[15] = replace(labels[15], sidewalk="Left")
    write_annotations(data / ANNOTATIONS, labels)
    parted(data, *["train"] * 3, *["val"] * 13)
    assert scored(data, gold(labels[3:])) == 0
    majority = json.loads((data / "said.metrics.json").read_text())["rows"]["majority"]
    assert majority["recalls"]["sidewalk"] == {"center": 0.0, "left": 1.0}


def test_intervals_are_over_stretches_of_a_film_and_not_over_pictures(data, capsys):
    labels = [replace(one, image=f"{i:04d}.jpg") for i, one in enumerate(LABELS)]
    write_annotations(data / ANNOTATIONS, labels)
    write_captions(data / CAPTIONS, [Caption(f"x/{one.image}", "", "val") for one in labels])
    assert scored(data, gold(labels)) == 0
    assert "16 samples of 1 sequence" in " ".join(capsys.readouterr().out.split())


def test_the_seed_of_the_bootstrap_counts(data):
    def interval(*words):
        assert scored(data, gold(LABELS[8:12]), *words) == 0
        metrics = json.loads((data / "said.metrics.json").read_text())
        return metrics["rows"]["prediction"]["figures"]["sidewalk_accuracy"]

    one, same, other = interval("--seed", "1"), interval("--seed", "1"), interval("--seed", "2")
    assert one == same != other


def test_a_kind_that_a_label_does_not_name_is_unknown_and_one_without_places_is_not_there():
    labels = label_arrays([Annotation("0.jpg", "Left", "Right", {"car": ("Left",), "person": ()}, {})])
    assert dict(zip(labels.kinds, labels.known[0].tolist(), strict=True))["bicycle"] is False
    assert dict(zip(labels.kinds, labels.known[0].tolist(), strict=True))["person"] is True
    assert dict(zip(labels.kinds, labels.present[0].tolist(), strict=True))["person"] is False


def test_a_place_is_claimed_by_the_majority_of_the_labels_that_name_its_kind():
    near = [{"car": ("Left",)}, {"person": ()}, {"person": ()}]
    claims = majority_claims([Annotation(f"{i}.jpg", "Left", "Right", each, {}) for i, each in enumerate(near)])
    assert claims.near == {"car": ("Left",)}


def test_a_labelled_picture_without_a_line_in_the_text_file_has_the_composed_text(data):
    texts = [{"image": f"x/{one.image}", "response": compose(one, "")} for one in LABELS[8:15]]
    (data / BVPI.format(split="val")).write_text("".join(json.dumps(text) + "\n" for text in texts))
    assert scored(data, gold(LABELS[8:])) == 0
    assert figures(data, "gold text")["sidewalk_accuracy"] == 1


def test_texts_are_scored_on_the_walks_that_are_drawn_by_default(tmp_path, monkeypatch):
    from roadcue.evaluation.config import EvalConfig
    from roadcue.evaluation.texts import _folder
    from roadcue.roadworld.dataset import open_sidewalk
    from roadcue.roadworld.sidewalk.spec import SidewalkSpec

    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))
    small = SidewalkSpec(4, 4, width=80, height=60)
    monkeypatch.setattr("roadcue.roadworld.dataset.DEFAULT_SIDEWALK", small)
    open_sidewalk(None, "val")
    assert _folder(EvalConfig(predictions="texts.jsonl", data="sidewalk")) == tmp_path / "sidewalk" / small.key


@pytest.mark.parametrize("protocol", ["roadcue", "published"])
def test_a_name_is_no_command_for_the_terminal(data, capsys, protocol):
    strange = [
        {"image": f"x/{name}", "text": "a car"} for name in ("[/]", "[red]y", "\x1b[31mz", "\u202eq", "\ud800.jpg")
    ]
    for name in range(len(strange)):  # each is the first that is said
        assert scored(data, [*gold(LABELS[8:]), strange[name]], "--protocol", protocol) == 0
    printed = capsys.readouterr().out
    assert "1 (first: ]) of the predictions" in printed  # by its file name
    assert "(first: [red]y)" in printed
    assert "(first: \\x1b[31mz)" in printed
    assert "(first: \\u202eq)" in printed
    assert "\x1b" not in printed
    assert scored(data, [{"image": "\x1b[31mz", "text": text} for text in "ab"]) == 2
    assert "line 2: \\x1b[31mz has another" in capsys.readouterr().err
