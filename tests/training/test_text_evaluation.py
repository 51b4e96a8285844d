"""`eval.py --predictions` on a folder of a few labelled pictures that do not exist."""

import json

import pytest

import eval as scoring
from loaders.sensation.annotation import OBJECTS, Annotation, write_annotations
from loaders.sensation.bvpi import compose
from loaders.sensation.captions import Caption, write_captions
from loaders.sensation.dataset import ANNOTATIONS, CAPTIONS

NONE = dict.fromkeys(OBJECTS, ())
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
    found = json.loads((data / "said.metrics.json").read_text())
    assert (found["protocol"], found["split"], found["pictures"]) == ("roadcue", "val", 8)
    assert {each["value"] for each in found["rows"]["prediction"]["columns"].values()} == {1.0}
    assert "list everything" in capsys.readouterr().out


def test_a_missing_prediction_is_wrong_and_both_kinds_of_stranger_are_counted(data, capsys):
    assert scored(data, gold([*LABELS[8:12], *LABELS[:3]])) == 0
    found = json.loads((data / "said.metrics.json").read_text())
    assert (found["pictures_without_prediction"], found["predictions_without_picture"]) == (4, 3)
    assert found["rows"]["prediction"]["columns"]["sidewalk_accuracy"]["value"] == 0.5
    out = " ".join(capsys.readouterr().out.split())
    assert "4 of them have no prediction" in out
    assert "3 predictions of no such picture" in out


def test_published_goes_where_out_says(data):
    assert scored(data, gold(LABELS[8:]), "--protocol", "published", "--out", str(data / "there")) == 0
    found = json.loads((data / "there" / "said.metrics.json").read_text())
    assert found["correct"]["sidewalk_pos"] == found["rows"] == 8


def test_predictions_of_another_split_are_refused(data, capsys):
    assert scored(data, gold(LABELS[:8])) == 2
    assert "none of its 8 pictures is one of split val" in capsys.readouterr().err
    assert scored(data, gold(LABELS[:8]), "--split", "test") == 2
    assert "it has train, val" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name what is to be scored"),
        (["--run", "a", "--predictions", "b", "--data", "sensation"], "do not go together"),
        (["--predictions", "b", "--submission", "s.tar.gz", "--data", "sensation"], "do not go together"),
        (["--run", "a", "--protocol", "published"], "--protocol belongs to --predictions"),
        (["--run", "a", "--split", "test"], "--split test belongs to --predictions"),
        (["--predictions", "b"], "needs --data sensation or --data sidewalk"),
        (["--predictions", "b", "--data", "roadworld"], "needs --data sensation or --data sidewalk"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        scoring.main(words)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_sensation_has_no_default_folder(capsys):
    assert scoring.main(["--predictions", "b", "--data", "sensation"]) == 2
    assert "needs --data_dir" in capsys.readouterr().err
