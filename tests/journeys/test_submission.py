"""From a trained run to a submission that the validator takes, and what is said where there can be none."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from main_job import exit_code
from refusal import QUICK, refused
from waymo_shards import drawn_jpeg, frame_bytes, write_shard

import roadcue
from roadcue import eval as scoring
from roadcue import train
from roadcue.loaders.waymo_e2e import WaymoE2E, open_waymo_e2e
from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.submission.__main__ import main as validator
from roadcue.loaders.waymo_e2e.submission.archive import unpack
from roadcue.loaders.waymo_e2e.submission.frames import FRAMES_FILE
from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.training.heads.predictions import Predictions

SEQUENCES = [f"{number:032x}" for number in range(7)]
LISTED = {SEQUENCES[4]: 3, SEQUENCES[5]: 1, SEQUENCES[6]: 0}
NAMES = [f"{sequence}-{frame:03d}" for sequence, frame in LISTED.items()]
TEST_SHARD = "test_x.tfrecord-{:05d}-of-00002"


def frame(name, seed, **changes):
    images = {camera: drawn_jpeg(100 * seed + place) for place, camera in enumerate(("FRONT_LEFT", "FRONT"))}
    return frame_bytes(name, seed, **{"images": images, **changes})


def hidden(name, seed, **changes):
    """As in the test split: no future, no preferences."""
    return frame(name, seed, future=None, preferences=(), **changes)


def write_data(folder):
    """Four frames of each sequence: 0 to 2 to train on, 3 to validate on, 4 to 6 in two test shards; and the list."""
    folder.mkdir()
    frames = [(f"{sequence}-{n:03d}", 4 * i + n) for i, sequence in enumerate(SEQUENCES) for n in range(4)]
    write_shard(folder / "training_x.tfrecord", [frame(*one) for one in frames[:12]])
    write_shard(folder / "val_x.tfrecord", [frame(*one) for one in frames[12:16]])
    for number in range(2):
        write_shard(folder / TEST_SHARD.format(number), [hidden(*one) for one in frames[16:][number::2]])
    (folder / FRAMES_FILE).write_text(json.dumps(LISTED))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data/, and run/, which was trained on it."""
    folder = tmp_path_factory.mktemp("entrant")
    write_data(folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROADCUE_CACHE", str(folder / "cache"))
        words = ("--data", "waymo_e2e", "--data_dir", folder / "data", "--frame_stride", 2)
        assert exit_code(train.main, *QUICK, *words, "--run_dir", folder / "run") == 0
    return folder


@pytest.fixture
def data(place, tmp_path):
    """A copy of the data, to be damaged."""
    return shutil.copytree(place / "data", tmp_path / "data")


def entry(run, out, *words):
    return ("--run", run, "--submission", out, "--account", "me@example.org", "--method", "straight on", *words)


def submitted(out):
    """The one message in a submission."""
    (content,) = unpack(out.read_bytes())[0].values()
    return schema.E2EDChallengeSubmission.FromString(content)


def paths(submission):
    """Frame name -> (20, 2)."""
    return {
        one.frame_name: np.stack([one.trajectory.pos_x, one.trajectory.pos_y], axis=1)
        for one in submission.predictions
    }


def predicted(run, data, row):
    """Frame name -> (20, 2) by the library, from each frame's own picture."""
    test, road = open_waymo_e2e(data, "test"), roadcue.load(run)
    rows = [test.states.id.tolist().index(name) for name in NAMES]
    return {
        name: road.predict(
            images=test.image(at, "FRONT"),
            past=test.states.past[at],
            intent=int(test.states.intent[at]),
            baselines=True,
        )[row].waypoints_m
        for name, at in zip(NAMES, rows, strict=True)
    }


def test_an_entrants_way(place, cache, tmp_path, capsys, encoded):
    """Write and check; the paths are those of the library, and no frame was encoded but the listed ones."""
    out = tmp_path / "new" / "entry.tar.gz"
    assert exit_code(scoring.main, *entry(place / "run", out, "--authors", "A. One, B. Two")) == 0
    assert sum(encoded) == 3
    assert [path.name for path in (cache / "features").iterdir()] == ["waymo_e2e-submission"]
    output = capsys.readouterr().out
    assert f"test: 12 frames of 3 sequences in 2 of 2 shards of {place / 'data'}; submission: 3 rows of it" in output
    assert re.search(
        "submitting the row waypoint: [0-9]{4}K parameters; public .* RoadCue's miniature SmolVLM2", output
    )
    assert f"{out}: 3 frames in 1 shard; nothing that the server is known to refuse" in output
    assert [path.name for path in out.parent.iterdir()] == [out.name]

    frames = str(place / "data" / FRAMES_FILE)
    assert validator(["check", str(out), "--frames", frames]) == 0
    submission = submitted(out)
    assert submission.account_name == "me@example.org"
    assert submission.unique_method_name == "straight on"
    assert list(submission.authors) == ["A. One", "B. Two"]
    assert submission.uses_public_model_pretraining
    assert not submission.HasField("affiliation")
    written, expected = paths(submission), predicted(place / "run", place / "data", "waypoint")
    assert list(written) == NAMES
    for name in NAMES:
        np.testing.assert_allclose(written[name], expected[name], atol=1e-3)
    assert np.ptp([written[name] for name in NAMES], axis=0).max() > 0.1, "each frame has its own path"

    before = out.read_bytes()
    encoded.clear()
    assert exit_code(scoring.main, *entry(place / "run", out, "--authors", "A. One, B. Two")) == 0
    assert out.read_bytes() == before
    assert not encoded, "features are kept"


def test_earlier_frames_of_the_listed_ones_are_encoded_too(place, tmp_path, capsys, encoded):
    """Frame 3 of the first listed sequence has frame 1 before it; those of the others have none."""
    run, out = tmp_path / "run", tmp_path / "entry.tar.gz"
    words = ("--data", "waymo_e2e", "--data_dir", place / "data", "--past_frames", 2, "--missing_camera", "learned")
    assert exit_code(train.main, *QUICK, *words, "--run_dir", run) == 0
    encoded.clear()
    capsys.readouterr()
    assert exit_code(scoring.main, *entry(run, out)) == 0
    assert sum(encoded) == 4
    assert "rows that have their earlier frames: 2 frames back 33 %" in capsys.readouterr().out
    test, road, written = open_waymo_e2e(place / "data", "test"), roadcue.load(run), paths(submitted(out))
    assert list(written) == NAMES
    row_of = {name: row for row, name in enumerate(test.states.id.tolist())}
    for name in NAMES:
        row, earlier = row_of[name], row_of[f"{SEQUENCES[4]}-001"]
        path = road.predict(
            images=test.image(row, "FRONT"),
            past=test.states.past[row],
            intent=int(test.states.intent[row]),
            past_images={2: test.image(earlier, "FRONT") if name == NAMES[0] else None},
        )["waypoint"].waypoints_m
        np.testing.assert_allclose(written[name], path, atol=1e-3)

    encoded.clear()
    (tmp_path / "first.txt").write_text(f"{SEQUENCES[4]}-000")
    first = ("--frames", tmp_path / "first.txt")
    error = refused(capsys, scoring.main, *entry(run, out, *first))
    assert "--past_frames 2: no row of waymo_e2e submission has a frame 2 frames before it" in error
    assert not encoded
    assert exit_code(scoring.main, *entry(run, out, *first, "--row", "ridge")) == 0


def test_a_row_that_sees_no_image_reads_none(place, tmp_path, monkeypatch):
    def unread(self, row, camera):
        raise AssertionError("no picture is needed")

    expected = predicted(place / "run", place / "data", "ridge")
    monkeypatch.setattr(WaymoE2E, "image", unread)
    out = tmp_path / "entry.tar.gz"
    assert exit_code(scoring.main, *entry(place / "run", out, "--row", "ridge")) == 0
    submission = submitted(out)
    assert not submission.uses_public_model_pretraining
    assert submission.HasField("uses_public_model_pretraining")
    assert submission.num_model_parameters == "5K"
    assert list(submission.public_model_names) == []
    for name, path in paths(submission).items():
        np.testing.assert_allclose(path, expected[name], atol=1e-4)


def test_everything_can_be_said(place, tmp_path):
    words = ("--affiliation", "home", "--description", "it drives: [on]", "--method_link", "https://example.org/a#b")
    words = (*words, "--public_models", "CLIP ViT-L/14,another")
    out = tmp_path / "entry.tar.gz"
    assert exit_code(scoring.main, *entry(place / "run", out, *words)) == 0
    submission = submitted(out)
    assert submission.affiliation == "home"
    assert submission.description == "it drives: [on]"
    assert submission.method_link == "https://example.org/a#b"
    assert list(submission.public_model_names) == ["CLIP ViT-L/14", "another"]
    assert exit_code(scoring.main, *entry(place / "run", out, "--public_models", "none")) == 0
    assert (submitted(out).uses_public_model_pretraining, list(submitted(out).public_model_names)) == (False, [])


def test_the_list_can_lie_elsewhere_and_name_several_frames(place, tmp_path):
    names = [f"{SEQUENCES[4]}-{number:03d}" for number in (0, 2)]
    (tmp_path / "own.txt").write_text("\n".join(reversed(names)))
    out = tmp_path / "entry.tar.gz"
    assert (
        exit_code(scoring.main, *entry(place / "run", out, "--frames", tmp_path / "own.txt", "--row", "ridge")) == 0
    )
    assert list(paths(submitted(out))) == names


def test_a_run_on_roadworld_submits_drawn_test_shards(tmp_path, capsys):
    """A run without an encoder; the test split is another RoadWorld's validation shards under another name."""
    for seed, name in enumerate(("world", "other")):
        spec = RoadWorldSpec(2, 2, seconds=0.4, stride=2, seed=seed, width=160, height=178, cameras=("FRONT",))
        write_roadworld(spec, tmp_path / name, workers=1)
    (tmp_path / "test").mkdir()
    for shard in (tmp_path / "other").glob("val_*"):
        shutil.copy(shard, tmp_path / "test" / shard.name.replace("val_", "test_"))
    states = open_waymo_e2e(tmp_path / "test", "test").states
    last = dict(zip(states.sequence.tolist(), states.frame.tolist(), strict=True))
    (tmp_path / "test" / FRAMES_FILE).write_text(json.dumps(last))
    run, out = tmp_path / "run", tmp_path / "entry.tar.gz"
    assert exit_code(train.main, *QUICK, "--encoder", "none", "--data_dir", tmp_path / "world", "--run_dir", run) == 0
    error = refused(capsys, scoring.main, *entry(run, out))
    assert "the challenge is about Waymo's test split, and this run is about roadworld" in error
    assert "--data waymo_e2e --data_dir DIR" in error
    words = ("--data", "waymo_e2e", "--data_dir", tmp_path / "test")
    assert exit_code(scoring.main, *entry(run, out, *words)) == 0
    assert list(paths(submitted(out))) == [states.id[1], states.id[3]]
    assert not submitted(out).uses_public_model_pretraining


GIVEN = entry("", "entry.tar.gz")[2:]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--account", "me@example.org"), "--account belongs to --submission FILE.tar.gz, which is not given"),
        (("--submission", "entry.zip"), "--submission entry.zip: the challenge takes a .tar.gz; let its name end so"),
        (GIVEN[:4], "--submission needs --account, your address at waymo.com/open, and --method, its name"),
        ((*GIVEN, "--row", "rigde"), "--row rigde: this run has the rows waypoint, waypoint without features, ridge"),
        (
            (*GIVEN[:3], "me", *GIVEN[4:]),
            "entry.tar.gz: would be refused, nothing is written: account_name is 'me', not the full e-mail address",
        ),
        ((*GIVEN, "--frames", "no.json"), f"no.json: cannot be read .*: download {FRAMES_FILE} .* with --frames"),
        ((*GIVEN, "--data_dir", "nowhere", "--frames", "list.json"), "nowhere: is not a folder"),
    ],
)
def test_a_word_that_does_not_fit(place, tmp_path, capsys, monkeypatch, encoded, words, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.json").write_text(json.dumps(LISTED))
    error = refused(capsys, scoring.main, "--run", place / "run", *words)
    assert re.search(sentence, error), error
    assert not encoded
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["list.json"]


def test_a_checkpoint_that_may_be_anybodys(place, tmp_path, capsys):
    """The run says that its weights come from a folder."""
    run = shutil.copytree(place / "run", tmp_path / "run")
    weights = shutil.copytree(Path(train.__file__).parent / "models/mini/smol", tmp_path / "weights")
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("checkpoint: mini", f"checkpoint: {weights}"))
    out = tmp_path / "entry.tar.gz"
    error = refused(capsys, scoring.main, *entry(run, out))
    assert f"--checkpoint {weights} of this run has no public name" in error
    assert "name them with --public_models, or pass --public_models none" in error
    assert exit_code(scoring.main, *entry(run, out, "--public_models", "org/model")) == 0
    assert list(submitted(out).public_model_names) == ["org/model"]
    assert exit_code(scoring.main, *entry(run, out, "--row", "constant velocity")) == 0
    assert submitted(out).num_model_parameters == "0K"


def test_another_encoder_than_the_runs(place, tmp_path, capsys):
    run = shutil.copytree(place / "run", tmp_path / "run")
    facts = json.loads((run / "run.json").read_text())
    facts["encoder_parts"]["weights"] = "those of another encoder"
    (run / "run.json").write_text(json.dumps(facts))
    error = refused(capsys, scoring.main, *entry(run, tmp_path / "entry.tar.gz"))
    assert "its heads were trained on features with weights = 'those of another encoder'" in error
    assert exit_code(scoring.main, *entry(run, tmp_path / "entry.tar.gz", "--row", "ridge")) == 0


def test_test_shards_that_are_not_all_there(place, data, tmp_path, capsys, encoded):
    (data / TEST_SHARD.format(1)).unlink()
    out = tmp_path / "entry.tar.gz"
    error = refused(capsys, scoring.main, *entry(place / "run", out, "--data_dir", data))
    missing = f"2 of 3 listed frames are missing, first {NAMES[0]}: they are not in Waymo end-to-end, test: 6 frames"
    assert missing in error
    assert "in 1 of 2 shards of" in error
    assert "The server would answer: Missing 2 sequence names from the submission. It needs all shards" in error
    assert not encoded
    assert not out.exists()


def test_a_listed_frame_whose_picture_does_not_decode(place, data, tmp_path, capsys):
    """It cannot be left out, as it can be from training; a row without pictures can still be submitted."""
    broken = [
        hidden(f"{sequence}-{n:03d}", n, **({"images": {"FRONT": b"\xff\xd8\xff"}} if n == 1 else {}))
        for sequence in SEQUENCES[4:]
        for n in range(4)
    ]
    write_shard(data / TEST_SHARD.format(0), broken)
    (data / TEST_SHARD.format(1)).unlink()
    out = tmp_path / "entry.tar.gz"
    error = refused(capsys, scoring.main, *entry(place / "run", out, "--data_dir", data))
    assert re.search(f"frame {NAMES[1]}: FRONT: does not decode as a JPEG, PNG or WebP picture", error)
    error = refused(capsys, scoring.main, *entry(place / "run", out, "--data_dir", data, "--on_bad_record", "skip"))
    assert f"1 listed frames have no picture to predict from, first {NAMES[1]}: " in error
    assert not out.exists()
    assert exit_code(scoring.main, *entry(place / "run", out, "--data_dir", data, "--row", "ridge")) == 0


def test_a_head_that_predicts_no_number(place, tmp_path, capsys, monkeypatch):
    nothing = Predictions({"ridge": np.full((3, 20, 2), np.nan)})
    monkeypatch.setattr("roadcue.evaluation.submission.predict", lambda model, split: nothing)
    out = tmp_path / "entry.tar.gz"
    error = refused(capsys, scoring.main, *entry(place / "run", out, "--row", "ridge"))
    assert f"paths that have a point that is not finite: 3, first that of '{NAMES[0]}'" in error
    assert not out.exists()


def test_a_place_that_cannot_be_written_to(place, tmp_path, capsys):
    (tmp_path / "file").touch()
    error = refused(capsys, scoring.main, *entry(place / "run", tmp_path / "file" / "entry.tar.gz", "--row", "ridge"))
    assert f"cannot be written ({tmp_path / 'file'} is a file and no folder); move it away" in error
