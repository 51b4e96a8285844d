"""`--waypoint.residual auto`: the ridge's path where the ridge wins, none where it does not, chosen once and kept."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from drawn import DrawnDataset
from fitted import fit
from safetensors.torch import load_file

from roadcue.errors import BadInput
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.training.heads import residual_choice
from roadcue.training.heads.predictions import predict
from roadcue.training.heads.residual_choice import ResidualChoice

HEAD, TWIN = "waypoint", "waypoint without features"
AUTO = WaypointConfig(hidden=32)
NONE, EGO = replace(AUTO, residual="none"), replace(AUTO, residual="ego")


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


@pytest.fixture
def small(drawn):
    """Makes the config of a small head that sees nothing."""
    return lambda **options: drawn(**{"encoder": "none", "epochs": 1, "head_options": {HEAD: AUTO}, **options})


def waves(split, sequences=12, frames=20):
    """Cars that pull out to the side by as many metres as they were slow 3 s ago: a ridge knows it all."""
    data = DrawnDataset(split, sequences, frames)
    states, time = data.states, np.arange(1, 21) / 4
    states.past[:, 3, 2] = np.random.default_rng(0).uniform(-5, 5, len(data))
    states.future[:, :, 1] = 2 * states.past[:, 3, 2, None] * time + np.random.default_rng(1).normal(
        size=(len(data), 20)
    )
    return data


def jitter(split, sequences=6, frames=6):
    """Cars that keep their speed, and of whose past all but the last speed is noise.

    Few rows do not tell a ridge which of 96 numbers to go by, and a unicycle goes by that one untaught.
    """
    data = DrawnDataset(split, sequences, frames)
    velocity = data.states.past[:, -1, 2:4].copy()
    data.states.past[:] = np.random.default_rng(0).normal(0, 5, data.states.past.shape)
    data.states.past[:, -1, 2:4] = velocity
    data.states.future[:] = velocity[:, None] * np.arange(1, 21)[:, None] / 4
    return data


def chosen(folder):
    """Head -> residual, rank and correction, of what is saved of it."""
    configs = sorted(folder.model.glob("heads/waypoint*/config.json"))
    settings = {path.parent.name.replace("_", " "): json.loads(path.read_text())["config"] for path in configs}
    return {head: tuple(each[name] for name in ("residual", "rank", "correction")) for head, each in settings.items()}


def ade(folder, split):
    model = MultiHeadModel.from_pretrained(folder.model)
    paths = predict(model, residual_choice.StoredSplit.of(split, None)).paths
    return {name: np.linalg.norm(path - split.states.future, axis=2).mean() for name, path in paths.items()}


def test_where_the_ridge_wins_the_head_is_the_ridge(drawn, small, capsys):
    drawn.splits["train"] = waves("train")
    folder = fit(small(epochs=20))
    assert chosen(folder)[HEAD] == ("ego", 12, 0.0)
    said = capsys.readouterr().out
    assert "residual: ego (the ridge alone), " in said
    steps = re.search(r"trying what the head corrects: (\d+)/\1, ", said)
    assert steps, "progress ends where all steps are done"
    assert int(steps[1]) % 20 == 0, "every turn has 20 epochs"
    assert "on 12 held-out training sequences; none " in said
    facts = folder.read_facts()["residual"][HEAD]
    assert facts["held_out_ade_5s_m"]["ego"] < 0.95 * facts["held_out_ade_5s_m"]["none"]
    assert facts["held_out_sequences"] == 12
    errors = ade(folder, waves("val"))
    assert errors[HEAD] == errors["ridge"]


def test_where_none_wins_the_head_is_that_of_none_bit_by_bit(drawn, small, tmp_path, capsys):
    drawn.splits["train"] = jitter("train")
    folder = fit(small(epochs=20))
    assert chosen(folder) == {HEAD: ("none", 12, 1.0)}
    assert "residual: none, " in capsys.readouterr().out
    explicit = fit(small(epochs=20, run_dir=str(tmp_path / "none"), head_options={HEAD: NONE}))
    assert explicit.read_facts()["residual"] is None
    assert not explicit.residual.exists()
    names = [path.relative_to(folder.model) for path in folder.model.rglob("*.safetensors")]
    assert names
    for name in names:
        one, other = load_file(folder.model / name), load_file(explicit.model / name)
        assert all((one[key] == other[key]).all() for key in one), name


def test_what_is_chosen_for_the_twin_does_not_touch_the_head(drawn, tmp_path, monkeypatch):
    best = {HEAD: ResidualChoice(NONE, {"none": 1.0, "ego": 2.0}, 9), TWIN: ResidualChoice(EGO, {}, 9)}
    monkeypatch.setattr(residual_choice, "_chosen", lambda *_: best)
    folder = fit(drawn(epochs=1, head_options={HEAD: AUTO}))
    explicit = fit(drawn(epochs=1, run_dir=str(tmp_path / "none"), head_options={HEAD: NONE}))
    assert chosen(folder) == {HEAD: ("none", 12, 1.0), TWIN: ("ego", 12, 1.0)}
    one, other = (load_file(each.model / "heads" / HEAD / "model.safetensors") for each in (folder, explicit))
    assert all((one[key] == other[key]).all() for key in one)


def test_head_and_twin_choose_apart_and_each_once(drawn, capsys):
    folder = fit(drawn(epochs=1, head_options={HEAD: AUTO}))
    assert chosen(folder).keys() == json.loads(folder.residual.read_text()).keys() == {HEAD, TWIN}
    assert capsys.readouterr().out.count("residual") == 2


def test_a_resumed_run_does_not_choose_anew(small, monkeypatch, capsys):
    config = small()
    folder = fit(config)
    facts = folder.read_facts()
    folder.facts.unlink()  # as if stopped at the last step
    monkeypatch.setattr(residual_choice, "_chosen", lambda *_: pytest.fail("chosen anew"))
    capsys.readouterr()
    fit(replace(config, resume="auto"))
    assert "residual" not in capsys.readouterr().out
    assert folder.read_facts()["residual"] == facts["residual"]
    folder.facts.unlink()
    folder.residual.write_text("{")
    with pytest.raises(BadInput, match=r"residual\.json: cannot be read .* train anew"):
        fit(replace(config, resume="auto"))


def test_all_seeds_of_a_setting_choose_alike(small, tmp_path):
    folders = [fit(small(seed=seed, run_dir=str(tmp_path / f"{seed}"))) for seed in (0, 1)]
    one, other = (folder.read_facts()["residual"] for folder in folders)
    assert one == other


def test_one_sequence_leaves_none_to_try_on(drawn, small, capsys):
    drawn.splits["train"] = DrawnDataset("train", sequences=1)
    folder = fit(small())
    assert chosen(folder)[HEAD][0] == "none"
    assert "residual: none, untried" in capsys.readouterr().out


def test_a_rank_or_a_share_that_is_asked_for_is_kept(drawn, small):
    drawn.splits["train"] = waves("train")
    folder = fit(small(head_options={HEAD: replace(AUTO, rank=5, correction=0.5)}))
    assert chosen(folder)[HEAD] == ("ego", 5, 0.5)


@pytest.mark.parametrize(("ego", "residual"), [(0.94, "ego"), (0.96, "none"), (1.5, "none"), (1e6, "none")])
def test_the_ridges_path_has_to_be_clearly_better(ego, residual):
    errors = {(NONE, 1.0): 1.0, (EGO, 1.0): 2.0, (EGO, 0.25): ego}
    choice = ResidualChoice.of(errors, 2)
    assert (choice.options.residual, choice.options.correction) == (residual, 0.25 if residual == "ego" else 1.0)
    assert choice.error_m == {"none": 1.0, "ego": min(ego, 2.0)}
    assert choice.sequences == 2
    assert ResidualChoice.from_json(choice.to_json(), AUTO) == choice


@pytest.mark.parametrize(("error", "share"), [(1.8, 0.25), (1.95, 0.0), (2.2, 0.0)])
def test_a_correction_that_hardly_helps_is_left_out(error, share):
    errors = {(NONE, 1.0): 9.0, (EGO, 0.0): 2.0, (EGO, 0.25): error, (EGO, 1.0): 2.5}
    choice = ResidualChoice.of(errors, 7)
    assert choice.options == replace(EGO, correction=share)
    assert choice.error_m["ego"] == (error if share else 2.0)


@pytest.mark.parametrize(
    ("errors", "head", "sentence"),
    [
        ((3.02, 2.31), HEAD, "residual: ego (rank 12, 25% of the correction), 2.31 m at 5 s on 12 held-out training "
         "sequences; none 3.02 m"),
        ((1.3, 1.5), TWIN, "residual without features: none, 1.30 m at 5 s on 12 held-out training sequences; ego "
         "1.50 m"),
        ((1.3, 1.28), HEAD, "residual: none, 1.30 m at 5 s on 12 held-out training sequences; ego 1.28 m, and 5% "
         "less than none is asked of it"),
    ],
)  # fmt: skip
def test_it_is_said_in_one_line_with_both_figures(errors, head, sentence):
    none, ego = errors
    ridge = ResidualChoice.of({(NONE, 1.0): none, (EGO, 0.0): none / 2}, 12).said(HEAD)
    assert ridge.startswith("residual: ego (the ridge alone), ")
    assert ResidualChoice.of({(NONE, 1.0): none, (EGO, 0.25): ego}, 12).said(head) == sentence
