"""Runs that differ in their seed alone are one row, over seeds and sequences."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fitted import fit
from test_run_comparison import run_of

from roadcue import eval as scoring
from roadcue.errors import BadInput
from roadcue.evaluation.frame_pairs import pair_frames
from roadcue.evaluation.run_comparison import run_tables
from roadcue.evaluation.seed_groups import by_setting, run_names, run_paths, setting_of
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.resampling import difference_between, sequence_bootstrap
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

FEW = Bootstrap(resamples=50)
IDS = ["0", "1", "2", "3"]
SEQUENCE = np.array(["s0", "s0", "s1", "s1"])


def trained(setting, seed, ade, name=""):
    run = run_of(name or f"{setting}-seed{seed}", IDS, ade)
    return replace(run, setting=setting, options=TrainConfig(seed=seed))


def two_settings():
    a = [trained("a", seed, np.arange(4.0) + seed) for seed in range(3)]
    b = [trained("b", seed, np.arange(4.0)[::-1] + 2 * seed) for seed in range(2)]
    return a, b


def test_seeds_of_a_setting_are_one_row_with_an_interval_over_seeds_and_sequences():
    a, b = two_settings()
    runs = by_setting([a[0], b[0], a[1], a[2], b[1]])
    assert [run.name for run in runs] == ["a (3 seeds)", "b (2 seeds)"]
    (table,) = run_tables(runs, pair_frames(runs), FEW)
    assert table.training_seeds == {"a (3 seeds)": 3, "b (2 seeds)": 2}
    assert table.samples == 4
    ours, theirs = (np.stack([run.frames.columns["waypoint:ade_5s"] for run in each]) for each in (a, b))
    (expected,) = sequence_bootstrap(ours.reshape(-1, 1), np.tile(SEQUENCE, 3), replace(FEW, training_seeds=3))
    assert table.methods["a (3 seeds)"]["ade_5s"] == expected
    gap = table.methods["b (2 seeds)"]["difference"]
    assert gap == difference_between(theirs, ours, SEQUENCE, FEW)
    assert gap.value == theirs.mean() - ours.mean()


def test_what_a_run_has_trained_beside_its_head_is_paired_with_it_seed_by_seed():
    a, _ = two_settings()
    for run in a:
        run.frames.about["methods"]["waypoint"] = ["waypoint", "ridge"]
        columns = {f"ridge:{metric}": run.frames.columns[f"waypoint:{metric}"] + 1 for metric in ("ade_3s", "ade_5s")}
        run.frames.columns.update(columns | {"ridge:fde_5s": np.ones(4)})
    (run,) = runs = by_setting(a)
    (table,) = run_tables(runs, pair_frames(runs), FEW)
    assert table.title == f"Displacement against the log, {run.name}"
    gap = table.methods["ridge"]["difference"]
    assert (gap.value, gap.low, gap.high) == (1, 1, 1), "whatever the seed"


@pytest.mark.parametrize("other", ["its seed", "its setting", "its frames"])
def test_runs_that_are_not_of_one_setting_stay_apart(other):
    (a, b, _), _ = two_settings()
    if other == "its seed":
        b = replace(b, options=a.options)
    elif other == "its setting":
        b = replace(b, setting="")
        a = replace(a, setting="")
    else:
        b.frames.columns["id"] = np.array(["0", "1", "2", "4"])
    assert by_setting([a, b]) == [a, b]


def test_runs_are_named_as_their_sweep_has_named_them(tmp_path):
    paths = [str(tmp_path / "heads" / name) for name in ("seed0", "lr=1-seed0", "mine")]
    assert run_names(paths) == ["heads/seed0", "lr=1-seed0", "mine"]
    twice = [str(tmp_path / folder / "mine") for folder in ("a", "b")]
    assert run_names(twice) == twice
    assert (
        by_setting([trained("a", seed, [0] * 4, f"heads/seed{seed}") for seed in (0, 1)])[0].name == "heads (2 seeds)"
    )


def test_the_folder_of_a_sweep_stands_for_its_runs(tmp_path):
    assert run_paths(str(tmp_path)) == [str(tmp_path)]
    (tmp_path / "sweep.json").write_text(json.dumps({"runs": [{"name": "seed0"}, {"name": "seed1"}]}))
    assert run_paths(str(tmp_path)) == [str(tmp_path / "seed0"), str(tmp_path / "seed1")]
    for content, sentence in (("{", "cannot be read"), ('{"runs": []}', "none of the sweep's runs is finished")):
        (tmp_path / "sweep.json").write_text(content)
        with pytest.raises(BadInput, match=sentence):
            run_paths(str(tmp_path))


def test_seeds_are_grouped_by_what_their_runs_were_trained_with(drawn, tmp_path, capsys):
    """From run folders to tables, in which a run of another setting is one seed and says so."""
    sweep = tmp_path / "heads"
    given = {"head": "waypoint,cue", "epochs": 1, "encoder": "none"}
    runs = [fit(drawn(**given, seed=seed, run_dir=str(sweep / f"seed{seed}"))) for seed in (0, 1)]
    other = {**given, "head_options": {"waypoint": WaypointConfig(hidden=16)}, "run_dir": str(tmp_path / "small")}
    runs.append(fit(drawn(**other)))
    settings = [setting_of(folder, drawn(**given)) for folder in map(RunFolder, [run.path for run in runs[:2]])]
    assert settings[0] == settings[1]
    (sweep / "sweep.json").write_text(json.dumps({"runs": [{"name": "seed0"}, {"name": "seed1"}]}))
    capsys.readouterr()
    files = ["--csv", str(tmp_path / "t.csv"), "--latex", str(tmp_path / "t.tex"), "--resamples", "20"]
    assert scoring.main(["--run", str(sweep), "--run", str(tmp_path / "small"), *files]) == 0
    output = " ".join(capsys.readouterr().out.split())
    for sentence in (
        "heads/seed0: has no frames.parquet of what is asked for, so it is scored first",
        "small: 48 of its 48 frames are paired by id with the 48 of heads (2 seeds)",
        "95 % intervals over seeds and sequences",
        "Means of 2 training seeds, but for 'small'. One training seed: whether another gives the same",
    ):
        assert sentence in output, sentence
    assert "epoch 1/1" not in output
    assert "small,ADE 5 s (m)" in (tmp_path / "t.csv").read_text()
    assert "One training seed" in (tmp_path / "t.tex").read_text()
    alone = json.loads((sweep / "seed0" / "metrics.json").read_text())
    assert alone["training_seeds"] == 1
    assert alone["answers"][0]["training_seeds"]["cue"] == 1
    assert (sweep / "seed0" / "report.html").read_text().count("One training seed") >= 2
    assert "Displacement against the log" in (sweep / "seed0" / "output.txt").read_text()
