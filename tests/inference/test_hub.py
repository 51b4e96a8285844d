"""Runs on the model hub: what goes up, and that a run comes back as it went. The hub is a folder here."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from fake_hub import fake_hub, offline, snapshot_of
from fitted import fit
from main_job import exit_code

import roadcue
from roadcue import eval, predict
from roadcue.errors import BadInput
from roadcue.inference.public_run import public_sentence
from roadcue.models.mini import SMOL
from roadcue.training.config import TrainConfig


@pytest.fixture
def run(path_and_cue_run, tmp_path):
    return Path(shutil.copytree(path_and_cue_run, tmp_path / "run"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    offline(monkeypatch, tmp_path / "hub")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hub"


@pytest.fixture
def hub(cache, monkeypatch):
    return fake_hub(monkeypatch, cache)


@pytest.fixture
def snapshot(cache):
    """Where org/name lies when it has been pushed."""
    return snapshot_of(cache, "org/name")


def test_line_1_a_run_comes_back_from_the_hub_as_it_went(run, drawn, hub, tmp_path, capsys, snapshot):
    assert exit_code(eval.main, "--run", run) == 0
    here = roadcue.load(run)
    assert here.push_to_hub("org/name", private=True, license="mit") == "https://huggingface.co/org/name"
    assert hub.private is True
    there = roadcue.load("org/name")
    dataset = drawn.splits["val"]
    given = {"images": dataset.image(0, "FRONT"), "past": dataset.states.past[0], "intent": 1}
    before, after = (
        {name: one.to_json() for name, one in predictor.predict(**given).items()} for predictor in (here, there)
    )
    assert before == after
    assert roadcue.load("org/name", revision="main").folder.path == snapshot
    (tmp_path / "a.jpg").write_bytes(dataset.image(0, "FRONT"))
    capsys.readouterr()
    assert exit_code(predict.main, "--run", "org/name", tmp_path / "a.jpg") == 0
    assert json.loads(capsys.readouterr().out).keys() == {"id", "waypoint", "cue"}
    downloaded = Path(shutil.copytree(snapshot, tmp_path / "downloaded"))
    assert exit_code(eval.main, "--run", downloaded) == 0, "and is scored"


def test_nothing_of_the_machine_goes_up(run, hub, tmp_path, snapshot):
    predictor = roadcue.load(run)
    facts = json.loads((run / "run.json").read_text())
    facts["data"]["train"] += f", in {tmp_path}/Jane Doe/drives; {tmp_path}"
    facts["clip_filter"] = {"kept": 5, "left_out": 3, "texts_cut": 8}
    (run / "run.json").write_text(json.dumps(facts))
    (run / "model" / "weights.pkl").write_bytes(b"no safetensors")
    predictor.push_to_hub("org/name")
    files = {file.relative_to(snapshot).as_posix(): file for file in snapshot.rglob("*") if file.is_file()}
    assert {"README.md", "config.json", "run.json", "trained_rows.safetensors", "model/model.json"} <= set(files)
    assert {file.suffix for file in files.values()} == {".md", ".json", ".safetensors"}
    assert not {name for name in files if name.startswith(("checkpoint", "logs"))}
    for name, file in files.items():
        for private in (str(tmp_path.parent), "Jane", "Doe"):
            assert private.encode() not in file.read_bytes(), name
    assert json.loads(files["run.json"].read_text())["clip_filter"] == facts["clip_filter"]
    options = json.loads(files["config.json"].read_text())
    assert not {"run_dir", "data_dir", "image_root", "store_dir"} & set(options)


def test_the_card_says_what_it_is_worth_and_not_for(run, hub, snapshot):
    roadcue.load(run).push_to_hub("org/name")
    card = (snapshot / "README.md").read_text()
    assert yaml.safe_load(card.split("---")[1]) == {
        "library_name": "roadcue",
        "tags": ["roadcue", "waypoint", "cue", "smol-encoder", "data-roadworld"],
    }
    assert "## Scores" not in card, "eval.py has not been run"
    for said in ('roadcue.load("org/name")', "No vehicle may be steered by it", "None is stated here yet"):
        assert said in card


def test_the_card_has_the_scores_with_their_intervals(run, drawn, hub, snapshot):
    assert exit_code(eval.main, "--run", run) == 0
    roadcue.load(run).push_to_hub("org/name", license="mit")
    card = (snapshot / "README.md").read_text()
    ade = json.loads((run / "metrics.json").read_text())["methods"][0]["overall"]["ade_5s"]
    assert yaml.safe_load(card.split("---")[1])["license"] == "mit"
    (line,) = (line for line in card.splitlines() if line.startswith("| ade 5s |"))
    assert all(f"{ade[key]:.2f}"[:4] in line for key in ("value", "low", "high"))
    assert "● waypoint | ○ waypoint without features" in card


def test_what_the_hub_or_the_run_does_not_give_is_a_sentence(run, hub, snapshot):
    predictor = roadcue.load(run)
    with pytest.raises(BadInput, match="'name': is no name on the model hub; write it as 'org/name'"):
        predictor.push_to_hub("name")
    hub.fault = ConnectionError("no route to the hub\nand more")
    with pytest.raises(BadInput, match="did not take it: no route to the hub; it needs a network, and a token"):
        predictor.push_to_hub("org/name")
    hub.fault, hub.is_private = None, False
    with pytest.raises(BadInput, match="org/name: is there and public; make it private"):
        predictor.push_to_hub("org/name", private=True)
    predictor.folder = None
    with pytest.raises(BadInput, match=r"of no run folder; push what roadcue\.load returns"):
        predictor.push_to_hub("org/name")


def test_an_encoder_out_of_a_folder_is_named_as_others_find_it(drawn, hub, tmp_path, snapshot):
    weights = Path(shutil.copytree(SMOL, tmp_path / "weights"))
    predictor = roadcue.load(fit(drawn(epochs=1, checkpoint=str(weights))).path)
    with pytest.raises(BadInput, match="which others do not have; say where they find the same ones"):
        predictor.push_to_hub("org/name")
    with pytest.raises(BadInput, match="is a folder of this machine, too"):
        predictor.push_to_hub("org/name", checkpoint=str(weights))
    predictor.push_to_hub("org/name", checkpoint="mini")
    assert str(weights) not in (snapshot / "run.json").read_text() + (snapshot / "README.md").read_text()
    assert roadcue.load("org/name").config.checkpoint == "mini"


def test_a_name_that_leads_nowhere_is_a_sentence(cache, tmp_path):
    with pytest.raises(BadInput, match=r"run org/name: no such folder here, and the model hub did not give it: "):
        roadcue.load("org/name")
    with pytest.raises(BadInput, match="did not give it at the revision 'v2'"):
        roadcue.load("org/name", revision="v2")
    other = snapshot_of(cache, "org/other")
    other.mkdir(parents=True)
    (other / "config.json").write_text('{"model_type": "smolvlm"}')
    with pytest.raises(BadInput, match="org/other: is no run of RoadCue"):
        roadcue.load("org/other")
    (tmp_path / "org").mkdir()
    with pytest.raises(BadInput, match=r"org/name: no run here .* give its revision, too: main"):
        roadcue.load("org/name")


def test_a_folder_goes_before_the_hub(run, hub, tmp_path, capsys, snapshot):
    roadcue.load(run).push_to_hub("org/name")
    picture = tmp_path / "x.jpg"
    picture.write_bytes(b"")
    assert exit_code(predict.main, "--run", "org/name", "--recalibrate", picture) == 2
    assert "hf download org/name --local-dir FOLDER" in capsys.readouterr().err
    shutil.copytree(run, tmp_path / "org" / "name")
    assert roadcue.load("org/name").folder.path == Path("org/name")
    with pytest.raises(BadInput, match="is a folder here, which has no revision 'main'"):
        roadcue.load("org/name", revision="main")


@pytest.mark.parametrize(
    ("said", "public"),
    [
        ("drawn; train: 8 walks in /home/me/a b; 8 of them", "drawn; train: 8 walks; 8 of them"),
        ("own data: 3 samples, from my/drives.jsonl", "own data: 3 samples"),
        ("own data: 3 samples, from ~/drives.jsonl", "own data: 3 samples"),
        (
            "tower: checkpoint in /models/x, 1.6 M, fp32",
            "tower: checkpoint in a folder, 1.6 M, fp32",
        ),
        ("speeds above 3 m/s", "speeds above 3 m/s"),
    ],
)
def test_a_sentence_loses_its_folders(said, public):
    config = TrainConfig(data="manifest", data_dir="my/drives.jsonl", checkpoint="/models/x")
    assert public_sentence(said, config) == public
