import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from fitted import fit

from roadcue.errors import BadCheckpoint, BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.frames import FRAMES, Frames
from roadcue.evaluation.paths import compare_rows
from roadcue.evaluation.run import evaluate_run
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders.dataset import Subset
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.comparison import SPEEDS
from roadcue.metrics.displacement import has_log
from roadcue.schema import Preference, SampleTargets
from roadcue.training.trained_rows import TRAINED_ROWS, trained_sequences
from roadcue.weights import write_safetensors


@pytest.fixture
def run(drawn):
    return fit(drawn(epochs=2))


def test_the_table_the_numbers_and_the_page_come_out(run, capsys):
    evaluate_run(EvalConfig(run=str(run.path), resamples=100))
    numbers = json.loads((run.path / "metrics.json").read_text())
    names = {method["name"] for method in numbers["methods"]}
    assert {"waypoint", "waypoint without features", "ridge", "constant velocity", "stand still"} <= names
    assert numbers["sees_image"] == ["waypoint"]
    assert numbers["samples"] == 48
    assert numbers["sequences"] == 4
    page = (run.path / "report.html").read_text()
    assert "val00" in page or "val01" in page or "val02" in page or "val03" in page
    assert "</span>ridge</li>" in page, "its path is drawn beside the head's"
    output = capsys.readouterr().out
    assert "waypoint without features" in output
    assert "for the path" in output
    assert "drawn data, val" in output


def overall(run):
    numbers = json.loads((run.path / "metrics.json").read_text())
    return {method["name"]: method["overall"]["ade_5s"]["value"] for method in numbers["methods"]}


def test_the_numbers_are_those_of_the_saved_heads_on_every_row(run, drawn, monkeypatch):
    predicted = []
    forward = MultiHeadModel.forward

    def recording(self, batch):
        predictions = forward(self, batch)
        predicted.append({name: each["waypoints"].numpy() for name, each in predictions.items()})
        return predictions

    monkeypatch.setattr(MultiHeadModel, "forward", recording)
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    before = overall(run)
    future = drawn.splits["val"].states.future
    for name, value in before.items():
        paths = np.concatenate([batch[name] for batch in predicted])
        assert value == pytest.approx(np.linalg.norm(paths - future, axis=2).mean(), rel=1e-5)

    model = MultiHeadModel.from_pretrained(run.model)
    with torch.no_grad():
        for parameter in model.heads["waypoint"].parameters():
            parameter.mul_(1.5)
    model.save_pretrained(run.model)
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    after = overall(run)
    assert {name for name in before if before[name] != after[name]} == {"waypoint"}


def test_the_bootstrap_is_the_one_that_was_asked_for(run):
    evaluate_run(EvalConfig(run=str(run.path), resamples=10, seed=5))
    numbers = json.loads((run.path / "metrics.json").read_text())
    assert (numbers["resamples"], numbers["seed"]) == (10, 5)


def test_another_encoder_than_the_run_s_is_refused(run):
    facts = run.read_facts()
    changed = next(name for name in facts["encoder_parts"] if "weight" in name)
    facts["encoder_parts"][changed] = "others"
    run.write_facts(facts)
    with pytest.raises(BadInput, match=changed):
        evaluate_run(EvalConfig(run=str(run.path)))


def test_a_folder_without_a_run_points_to_its_neighbours(run, tmp_path):
    with pytest.raises(BadInput, match=str(run.path)):
        evaluate_run(EvalConfig(run=str(tmp_path / "typo")))


def test_an_unfinished_run_is_said(run):
    run.facts.unlink()
    with pytest.raises(BadInput, match="finish"):
        evaluate_run(EvalConfig(run=str(run.path)))


def test_rows_without_a_log_are_not_scored(run, drawn):
    drawn.splits["val"].states.future[:10] = np.nan
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    assert json.loads((run.path / "metrics.json").read_text())["samples"] == 38


@pytest.fixture
def rated(run, drawn):
    """The run, and a validation split of which the last frame of each sequence is rated: the log is best."""
    val = drawn.splits["val"]
    clusters = dict(zip(np.unique(val.states.sequence), ("Cut_ins", "Cut_ins", "Others", "Others"), strict=True))

    def targets(row):
        log = val.states.future[row]
        scored = (Preference(log, 9.5), Preference(0.5 * log[:7], 3.0)) if row % 12 == 11 else ()
        return SampleTargets(future=log, preferences=scored, cluster=clusters.get(val.states.sequence[row]))

    val.targets, val.clusters = targets, clusters
    return run


def scores_of(run, **options):
    evaluate_run(EvalConfig(run=str(run.path), resamples=50, **options))
    return json.loads((run.path / "metrics.json").read_text())


def test_a_data_set_that_nobody_rated_has_no_such_part(run, capsys):
    numbers = scores_of(run)
    assert numbers["against_raters"] is None
    assert numbers["modes"] is None
    assert "raters" not in capsys.readouterr().out.lower()
    assert "Against raters" not in (run.path / "report.html").read_text()


def test_rated_frames_are_scored_beside_the_log(rated, capsys):
    numbers = scores_of(rated)
    raters = numbers["against_raters"]
    assert (raters["frames"], raters["sequences"], raters["headline"]) == (4, 4, "rfs_cluster_mean")
    assert raters["cluster_sizes"] == {"Cut_ins": 2, "Others": 2}
    methods = {method["name"]: method for method in raters["methods"]}
    assert methods.keys() == {"logged", *(method["name"] for method in numbers["methods"])}
    log = {key: figure["value"] for key, figure in methods["logged"]["overall"].items()}
    assert log.pop("rfs_cluster_mean") == log.pop("rfs_frame_mean") == pytest.approx(9.5)
    assert len(log) == 5
    assert list(log.values()) == pytest.approx([0] * 5)
    assert methods["waypoint"]["difference"] is None
    assert methods["logged"]["difference"]["rfs_cluster_mean"]["value"] >= 0
    assert numbers["group_sizes"]["cluster"] == {"Cut_ins": 24, "Others": 24}
    output, page = capsys.readouterr().out, (rated.path / "report.html").read_text()
    for words in ("Against raters", "4 rated frames of 4 sequences", "ADE 5 s (m) by cluster"):
        assert words in output
        assert words in page
    kept = Frames.read(rated.path / FRAMES).columns
    for name, scores in methods.items():
        if name != "logged":
            score = kept[f"{name}:rfs"]
            assert np.flatnonzero(~np.isnan(score)).tolist() == [11, 23, 35, 47], "the rated rows"
            assert np.nanmean(score) == pytest.approx(scores["overall"]["rfs_frame_mean"]["value"])
    assert "best by raters" in page
    assert ">9.5</text>" in page


def test_predictions_go_to_the_rows_that_were_rated(rated, drawn, monkeypatch):
    """Without the rows that have no log, row numbers of the data set and of the predictions differ."""
    val = drawn.splits["val"]
    val.states.future[:11] = np.nan
    forward = MultiHeadModel.forward

    def clairvoyant(self, batch):
        predictions = forward(self, batch)
        predictions["waypoint"]["waypoints"] = batch["targets"]["future"]
        return predictions

    monkeypatch.setattr(MultiHeadModel, "forward", clairvoyant)
    scores = {method["name"]: method["overall"] for method in scores_of(rated)["against_raters"]["methods"]}
    assert scores["waypoint"] == scores["logged"]


def test_a_frame_without_a_cluster_is_said_and_takes_the_mean_away(rated, drawn, capsys):
    drawn.splits["val"].clusters.popitem()
    raters = scores_of(rated)["against_raters"]
    assert (raters["headline"], raters["without_cluster"]) == ("rfs_frame_mean", 1)
    assert "No RFS over clusters: 1 of the rated frames" in " ".join(capsys.readouterr().out.split())


def test_a_head_with_modes_is_asked_for_them(rated, capsys, monkeypatch):
    forward = MultiHeadModel.forward

    def with_modes(self, batch):
        predictions = forward(self, batch)
        for prediction in predictions.values():
            path = prediction["waypoints"]
            prediction["modes"] = torch.stack([path, batch["targets"]["future"], path + 50], dim=1)
            prediction["mode_probabilities"] = torch.tensor([[0.6, 0.3, 0.1]]).expand(len(path), 3)
        return predictions

    monkeypatch.setattr(MultiHeadModel, "forward", with_modes)
    numbers = scores_of(rated)
    modes = {key: figure["value"] for key, figure in numbers["modes"]["scores"].items()}
    head = next(method for method in numbers["methods"] if method["name"] == "waypoint")
    assert (numbers["modes"]["name"], numbers["modes"]["k"]) == ("waypoint", 3)
    assert modes["picked"] == modes["regret"] == pytest.approx(head["overall"]["ade_5s"]["value"])
    assert (modes["oracle"], modes["picked_best"]) == (0, 0)
    assert modes["best_nll"] == pytest.approx(-np.log(0.3))
    assert modes["calibration_error"] == pytest.approx(0.6)
    output, page = capsys.readouterr().out, (rated.path / "report.html").read_text()
    assert "The 3 modes of waypoint" in output
    assert "The 3 modes of waypoint" in page
    assert ">60%</text>" in page


def test_rows_without_a_log_are_not_scored_where_another_head_knows_them(drawn):
    """They stay in the run's rows for their labels, and the paths are scored without them."""
    options = {"waypoint": WaypointConfig(hidden=16), "field": FieldConfig(hidden=16)}
    run = fit(drawn(head="waypoint,field", head_options=options, encoder="none", epochs=1))
    future = drawn.splits["val"].states.future
    before = scores_of(run)
    future[:10] = np.nan
    numbers = scores_of(run)
    assert (before["samples"], numbers["samples"]) == (48, 38)
    fields = ({table["title"]: table["samples"] for table in scores["answers"]} for scores in (before, numbers))
    assert next(fields) == next(fields)
    for method in numbers["methods"]:
        assert all(np.isfinite(figure["value"]) for figure in method["overall"].values()), method["name"]


def test_rows_are_grouped_by_the_whole_speed_and_not_by_its_forward_part():
    states = DrawnDataset("val").states
    states = states.take(np.flatnonzero(has_log(states.future)))
    past = states.past.copy()
    past[:, -1, 2:4] = (3, 4)
    comparison = compare_rows(
        {"a": states.future}, replace(states, past=past), reference="a", bootstrap=Bootstrap(resamples=10)
    )
    assert comparison.group_sizes["speed"] == {SPEEDS[2]: len(past)}


def test_sequences_that_a_run_was_trained_on_are_not_scored(drawn, capsys):
    whole = drawn.splits["train"]
    drawn.splits["train"] = Subset(whole, np.arange(48), "train")
    run = fit(drawn(epochs=1))
    drawn.splits["val"] = whole
    evaluate_run(EvalConfig(run=str(run.path), resamples=50))
    assert "left out: 4 of 8 sequences (48 of 96 rows), on which this run was trained" in capsys.readouterr().out
    numbers = json.loads((run.path / "metrics.json").read_text())
    assert (numbers["samples"], numbers["sequences"]) == (48, 4)
    assert numbers["run"]["left out, as it was trained on"] == "4 of 8 sequences (48 of 96 rows)"
    drawn.splits["val"] = drawn.splits["train"]
    with pytest.raises(BadInput, match="this run was trained on all of its 4 sequences, so none is left to score"):
        evaluate_run(EvalConfig(run=str(run.path), resamples=50))
    evaluate_run(EvalConfig(run=str(run.path), split="train", resamples=50))
    assert "not held out: 4 of 4 sequences (48 of 48 rows)" in capsys.readouterr().out


def test_another_data_set_may_have_the_same_names(run, drawn):
    """Own data often count from 1: rows with other past states are other rows."""
    other = DrawnDataset("train", seed=5)
    assert trained_sequences(run.path, other) == set()
    assert trained_sequences(run.path, drawn.splits["train"]) == set(np.unique(other.states.sequence))


def test_the_same_rows_under_another_name_and_with_fewer_digits_are_the_same(run, drawn):
    train = drawn.splits["train"]
    train.name = "another"
    train.states.past[:] = np.round(train.states.past, 3)
    assert trained_sequences(run.path, train) == set(np.unique(train.states.sequence))


def test_a_run_without_its_rows_is_scored_and_a_damaged_list_is_refused(run, drawn):
    train = drawn.splits["train"]
    write_safetensors(run.path / TRAINED_ROWS, {"weights": torch.zeros(3)})
    with pytest.raises(BadCheckpoint, match="does not hold the hashes of rows; train again"):
        trained_sequences(run.path, train)
    (run.path / TRAINED_ROWS).write_bytes(b"damaged")
    with pytest.raises(BadCheckpoint, match="not a whole safetensors file"):
        trained_sequences(run.path, train)
    (run.path / TRAINED_ROWS).unlink()
    assert trained_sequences(run.path, train) == set()


def test_the_worst_frames_and_the_tables_are_written(rated, capsys, tmp_path):
    files = {"csv": str(tmp_path / "a.csv"), "latex": str(tmp_path / "a.tex")}
    numbers = scores_of(rated, worst=3, **files)
    assert "The worst frames of the waypoint head" in capsys.readouterr().out
    worst = (rated.path / "worst.csv").read_text().splitlines()
    errors = [float(line.split(",")[4].removesuffix(" m")) for line in worst[1:]]
    assert len(errors) == 3
    assert errors == sorted(errors, reverse=True)
    with open(files["csv"]) as file:
        figures = {(line["table"], line["method"], line["figure"]): line for line in csv.DictReader(file)}
    for method in numbers["methods"]:
        line = figures["Displacement against the log", method["name"], "ADE 5 s (m)"]
        assert float(line["value"]) == method["overall"]["ade_5s"]["value"]
    raters = numbers["against_raters"]["methods"][0]
    line = figures["Against raters", raters["name"], "RFS over frames"]
    assert float(line["value"]) == raters["overall"]["rfs_frame_mean"]["value"]
    assert (tmp_path / "a.tex").read_text().count("begin{tabular}") == len({table for table, _, _ in figures})
