"""Several runs on the frames that they have in common."""

import numpy as np
import pytest
from drawn import DrawnDataset
from fitted import fit

from roadcue import eval as scoring
from roadcue.command_line import parse
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.frame_pairs import ScoredRun, pair_frames, same_rows
from roadcue.evaluation.frames import Frames
from roadcue.evaluation.run_comparison import run_tables
from roadcue.evaluation.worst_frames import most_different, worst
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.training.config import TrainConfig

FEW = Bootstrap(resamples=50)


def run_of(name, ids, ade, *, head="waypoint", fingerprint="f", **columns):
    """A run whose frames have those errors, two to a sequence."""
    n = len(ids)
    ade = np.asarray(ade, float)
    frames = {"id": np.array(ids), "sequence": np.array([f"s{row // 2}" for row in range(n)])}
    frames |= {f"waypoint:{metric}": ade for metric in ("ade_3s", "ade_5s", "fde_3s", "fde_5s")}
    frames |= {"logged:path": np.zeros((n, 40), np.float32), **columns}
    about = {
        "asked": {"split": "val"},
        "data": f"data of {name}",
        "fingerprint": fingerprint,
        "sees_image": [head],
        "methods": {head: [head]},
        "questions": {head: []},
    }
    return ScoredRun(name, TrainConfig(), Frames(about, frames))


def test_differences_are_those_of_the_same_frames_whatever_their_order():
    a = run_of("a", ["0", "1", "2", "3"], [1, 2, 3, 4])
    b = run_of("b", ["0", "1", "2", "3"], [5, 5, 5, 5])
    b.frames.columns.update({name: column[::-1].copy() for name, column in b.frames.columns.items()})
    b.frames.columns["waypoint:ade_5s"][:2] = [4, 9]  # of 3 and 2
    pairs = pair_frames([a, b])
    (table,) = run_tables([a, b], pairs, FEW)
    sequence, gap = np.array(["s0", "s0", "s1", "s1"]), np.array([4.0, 3, 6, 0])
    (expected,) = sequence_bootstrap(gap[:, None], sequence, FEW)
    assert table.methods["b"]["difference"] == expected
    assert "difference" not in table.methods["a"]
    assert table.samples == 4
    assert table.training_seeds == {"a": 1, "b": 1}
    assert "paired by id" in pairs.said[0]


def test_only_common_frames_with_a_known_truth_count():
    a = run_of("a", ["0", "1", "2", "3"], [1, np.nan, 3, 4])
    b = run_of("b", ["0", "1", "5", "3"], [2, 2, 2, 2])
    pairs = pair_frames([a, b])
    (table,) = run_tables([a, b], pairs, FEW)
    assert table.samples == 2
    assert table.methods["a"]["ade_5s"].value == 2.5
    assert table.methods["b"]["difference"].value == -0.5


def test_rated_frames_have_a_table_of_their_own_in_which_more_is_better():
    ids = ["0", "1", "2", "3"]
    rated = {"waypoint:rfs": np.array([np.nan, 6, np.nan, 8])}, {"waypoint:rfs": np.array([np.nan, 9, 5, 7])}
    a, b = (run_of(name, ids, [1, 2, 3, 4], **rfs) for name, rfs in zip("ab", rated, strict=True))
    _, table = run_tables([a, b], pair_frames([a, b]), FEW)
    assert table.title == "Against raters: feedback score, 0 to 10"
    assert (table.samples, table.sequences) == (2, 2)
    assert [table.methods[name]["rfs"].value for name in "ab"] == [7, 8]
    assert table.methods["b"]["difference"].value == 1
    assert table.columns["difference"] == "Δ RFS over frames"
    lone = run_of("b", ids, [1, 2, 3, 4])
    assert len(run_tables([a, lone], pair_frames([a, lone]), FEW)) == 1, "frames of before have no such score"


def test_without_common_ids_pictures_pair_and_without_those_each_is_alone(monkeypatch):
    data = {"a": DrawnDataset("val", sequences=2, frames=2), "b": DrawnDataset("val", sequences=2, frames=2)}
    data["b"].states.id[:] = ["x0", "x1", "x2", "x3"]
    runs = [run_of(name, each.states.id.tolist(), [1, 2, 3, 4], fingerprint=name) for name, each in data.items()]
    opened = iter(data.values())
    monkeypatch.setattr("roadcue.evaluation.frame_pairs.open_split", lambda options, split: next(opened))
    pairs = pair_frames(runs)
    np.testing.assert_array_equal(pairs.rows[1], np.arange(4))
    assert "paired by picture" in pairs.said[0]
    assert "the data are not the same" in pairs.said[0]

    opened = iter((data["a"], DrawnDataset("train", sequences=2, frames=2)))
    runs[1].frames.columns["id"] = np.array(["y0", "y1", "y2", "y3"])
    pairs = pair_frames(runs)
    assert pairs.rows == {}
    assert "no frame in common" in pairs.said[0]
    tables = run_tables(runs, pairs, FEW)
    assert [table.title for table in tables] == [f"Displacement against the log, {name} alone" for name in ("a", "b")]


def test_a_key_that_is_there_twice_is_nobody_s_pair():
    np.testing.assert_array_equal(same_rows(["a", "b", "c", None], ["c", "b", "b", None]), [-1, -1, 0, -1])


def test_changed_labels_are_counted():
    a, b = run_of("a", ["0", "1"], [1, 2]), run_of("b", ["0", "1"], [1, 2], fingerprint="g")
    b.frames.columns["logged:path"][1, 7] = 3
    assert "1 of these frames have other labels" in pair_frames([a, b]).said[0]


def cue_columns(answer, right, probability, true):
    return {
        "cue:cue:answer": np.array(answer),
        "cue:cue:right": np.array(right, float),
        "cue:cue:probability": np.array(probability),
        "true:cue": np.array(true),
    }


def test_the_worst_answer_is_the_surest_wrong_one():
    run = run_of(
        "a",
        ["0", "1", "2"],
        [0] * 3,
        head="cue",
        **cue_columns(["left", "right", "left"], [0, 0, 1], [0.6, 0.9, 0.99], ["right", "left", "left"]),
    )
    run.frames.about["questions"]["cue"] = ["cue"]
    lines = worst(run.frames, "cue", 20)
    assert [line.id for line in lines] == ["1", "0"], "a right one is not among them"
    assert (lines[0].answers, lines[0].truth) == (("right (90%)",), "left")


def test_runs_disagree_most_where_their_errors_are_most_apart():
    a, b = run_of("a", ["0", "1", "2"], [1, 2, 9]), run_of("b", ["0", "1", "2"], [1, 5, 8])
    rows = np.arange(3)
    lines = most_different(a.frames, rows, b.frames, rows, "waypoint", 2)
    assert [(line.id, line.answers) for line in lines] == [("1", ("2.00 m", "5.00 m")), ("2", ("9.00 m", "8.00 m"))]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "a", "--run", "a"], "named twice"),
        (["--run", "a", "--run", "b", "--generate", "c"], "--generate writes the texts of one run"),
        (["--run", "a", "--predictions", "p", "--protocol", "published"], "--protocol belongs to --predictions"),
        (["--predictions", "p", "--data", "sidewalk", "--conditions", "grey"], "--conditions belongs to the --run"),
        (["--predictions", "p", "--data", "sidewalk", "--against", "b"], "several runs are compared"),
        (["--run", "a", "--worst", "0"], "--worst 0"),
        (["--predictions", "p", "--data", "sidewalk", "--csv", "c"], "--csv belongs to a --run"),
    ],
)
def test_what_cannot_be_compared_is_said(words, message, capsys):
    with pytest.raises(SystemExit):
        parse(EvalConfig, words)
    assert message in capsys.readouterr().err


def test_runs_are_scored_once_and_compared(drawn, tmp_path, capsys):
    runs = [
        fit(drawn(epochs=1, head=head, run_dir=str(tmp_path / name)))
        for name, head in (("first", "waypoint,cue"), ("second", "waypoint"), ("third", "cue"))
    ]
    words = [word for run in runs for word in ("--run", str(run.path))]
    capsys.readouterr()
    assert scoring.main([*words, "--resamples", "20"]) == 0
    output = capsys.readouterr().out
    assert output.count("is scored first") == 3
    files = ["--csv", str(tmp_path / "table.csv"), "--latex", str(tmp_path / "table.tex")]
    assert scoring.main([*words, "--resamples", "20", *files]) == 0
    again = capsys.readouterr().out
    assert "is scored first" not in again
    for sentence in (
        "second: 48 of its 48 frames are paired by id with the 48 of first",
        "second has the heads waypoint, and first waypoint, cue: compared is what both have",
        "Displacement against the log, 48 samples of 4 sequences",
        "ridge of first",
        "Where the waypoint heads of first and second disagree most",
        "Where the cue heads of first and third disagree most",
    ):
        assert sentence in " ".join(again.split()), sentence
    assert "Δ ADE 5 s (m)" in (tmp_path / "table.csv").read_text()
    assert scoring.main(["--run", str(runs[1].path), "--run", str(runs[2].path)]) == 2
    assert "no head in common" in capsys.readouterr().err
