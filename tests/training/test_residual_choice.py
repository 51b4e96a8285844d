"""`--waypoint.residual auto`: the ridge's path where the ridge wins, none where it does not, chosen once and kept."""

import json
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
NONE, EGO = WaypointConfig(residual="none"), WaypointConfig(residual="ego")


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


def waves(split, sequences=12, frames=40):
    """Cars that pull out to the side by as many metres as they were slow 3 s ago: a ridge knows it all."""
    data = DrawnDataset(split, sequences, frames)
    states, time = data.states, np.arange(1, 21) / 4
    states.past[:, 3, 2] = np.random.default_rng(0).uniform(-5, 5, len(data))
    states.future[:, :, 1] = 2 * states.past[:, 3, 2, None] * time + np.random.default_rng(1).normal(
        size=(len(data), 20)
    )
    return data


def steady(split, sequences=6, frames=3):
    """A few cars that keep their speed: a ridge of 99 numbers has too few of them, and a unicycle cannot but."""
    data = DrawnDataset(split, sequences, frames)
    data.states.future[:] = data.states.past[:, -1, None, 2:4] * np.arange(1, 21)[:, None] / 4
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


def test_where_the_ridge_wins_the_head_is_on_its_path_and_no_worse(drawn, capsys):
    drawn.splits["train"] = waves("train")
    folder = fit(drawn(encoder="none", epochs=20))
    assert chosen(folder)[HEAD][0] == "ego"
    said = capsys.readouterr().out
    assert "residual: ego (rank 12, " in said
    assert "on 12 held-out training sequences; none " in said
    facts = folder.read_facts()["residual"][HEAD]
    assert facts["held_out_ade_5s_m"]["ego"] < 0.95 * facts["held_out_ade_5s_m"]["none"]
    assert facts["held_out_sequences"] == 12
    errors = ade(folder, waves("val"))
    assert errors[HEAD] <= 1.01 * errors["ridge"]


def test_where_none_wins_the_head_is_that_of_none_bit_by_bit(drawn, tmp_path, capsys):
    drawn.splits["train"] = steady("train")
    folder = fit(drawn(encoder="none", epochs=20))
    assert chosen(folder) == {HEAD: ("none", 12, 1.0)}
    assert "residual: none, " in capsys.readouterr().out
    explicit = fit(drawn(encoder="none", epochs=20, run_dir=str(tmp_path / "none"), head_options={HEAD: NONE}))
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
    folder = fit(drawn(epochs=1))
    explicit = fit(drawn(epochs=1, run_dir=str(tmp_path / "none"), head_options={HEAD: NONE}))
    assert chosen(folder) == {HEAD: ("none", 12, 1.0), TWIN: ("ego", 12, 1.0)}
    one, other = (load_file(each.model / "heads" / HEAD / "model.safetensors") for each in (folder, explicit))
    assert all((one[key] == other[key]).all() for key in one)


def test_head_and_twin_choose_apart_and_each_once(drawn, capsys):
    folder = fit(drawn(epochs=1))
    assert chosen(folder).keys() == json.loads(folder.residual.read_text()).keys() == {HEAD, TWIN}
    assert capsys.readouterr().out.count("residual") == 2


def test_a_resumed_run_does_not_choose_anew(drawn, monkeypatch, capsys):
    config = drawn(encoder="none", epochs=1)
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


def test_all_seeds_of_a_setting_choose_alike(drawn, tmp_path):
    folders = [fit(drawn(encoder="none", epochs=1, seed=seed, run_dir=str(tmp_path / f"{seed}"))) for seed in (0, 1)]
    one, other = (folder.read_facts()["residual"] for folder in folders)
    assert one == other


def test_one_sequence_leaves_none_to_try_on(drawn, capsys):
    drawn.splits["train"] = DrawnDataset("train", sequences=1)
    folder = fit(drawn(encoder="none", epochs=1))
    assert chosen(folder)[HEAD][0] == "none"
    assert "residual: none, untried" in capsys.readouterr().out


def test_a_rank_or_a_share_that_is_asked_for_is_kept(drawn):
    asked = WaypointConfig(rank=5, correction=0.5)
    best = residual_choice._chosen
    drawn.splits["train"] = waves("train")
    folder = fit(drawn(encoder="none", epochs=20, head_options={HEAD: asked}))
    assert best is residual_choice._chosen
    assert chosen(folder)[HEAD] == ("ego", 5, 0.5)


@pytest.mark.parametrize(("ego", "residual"), [(0.94, "ego"), (0.96, "none"), (1.5, "none"), (float("inf"), "none")])
def test_the_ridges_path_has_to_be_clearly_better(ego, residual):
    errors = {(NONE, 1.0): 1.0, (EGO, 1.0): 2.0, (EGO, 0.25): ego}
    choice = ResidualChoice.of(errors, 9)
    assert (choice.options.residual, choice.options.correction) == (residual, 0.25 if residual == "ego" else 1.0)
    assert choice.error_m == {"none": 1.0, "ego": min(ego, 2.0)}
    assert ResidualChoice.from_json(choice.to_json(), WaypointConfig()) == choice


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
    assert ResidualChoice.of({(NONE, 1.0): none, (EGO, 0.25): ego}, 12).said(head) == sentence
