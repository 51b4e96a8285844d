"""Heads, a caption run and a file of texts in one table, by commands."""

import json
import shutil

import pytest

from roadcue import eval as scoring
from roadcue import train
from roadcue.evaluation.claimed_answers import OF_TARGET
from roadcue.evaluation.frames import FRAMES, Frames
from roadcue.loaders.sensation.dataset import open_sensation
from roadcue.prompts.bvpi_grammar import is_valid_bvpi
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Walks, a run of heads, and the miniature as it is as a caption run, all scored once."""
    folder = tmp_path_factory.mktemp("walks")
    write_sidewalk(SidewalkSpec(train=40, val=8, width=128, height=96), folder / "walks", workers=1)
    given = ["--data", "sidewalk", "--data_dir", str(folder / "walks"), "--device", "cpu", "--workers", "0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROADCUE_CACHE", str(folder / "cache"))
        heads = ["--head", "field,cue", "--pooling", "mean", "--epochs", "1", "--run_dir", str(folder / "heads")]
        assert train.main([*given, "--encoder", "smol", *heads]) == 0
        caption = ["--head", "caption", "--epochs", "0", "--run_dir", str(folder / "caption")]
        assert train.main([*given, "--encoder", "smol", *caption]) == 0
        command = ["--run", str(folder / "caption"), "--conditions", "free,grammar+grey", "--resamples", "20"]
        assert scoring.main([*command, "--device", "cpu"]) == 0
        yield folder


@pytest.fixture(autouse=True)
def _cache(folder, monkeypatch):
    monkeypatch.setenv("ROADCUE_CACHE", str(folder / "cache"))


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def numbers(path):
    return json.loads(path.read_text())["answers"]


def test_a_caption_run_keeps_frames_as_heads_do(folder):
    frames = Frames.read(folder / "caption" / FRAMES)
    assert frames.about["methods"]["caption"] == [
        "caption",
        "caption, grammar+grey",
        "majority",
        "list everything",
        "constant text",
    ]
    assert set(frames.about["questions"]["caption"]) == set(OF_TARGET["bvpi"])
    assert frames.about["sees_image"] == ["caption"]
    assert set(frames.about["costs"]) == {"caption", "caption, grammar+grey"}
    texts = lines_of(folder / "caption" / "predictions.jsonl")
    assert [text["id"] for text in texts] == frames.columns["id"].tolist()
    assert all(text["ended"] and text["target"] and text["prediction"] for text in texts)
    data = open_sensation(folder / "walks", "val")
    truth = [data.targets(row).fields["sidewalk_pos"] for row in range(len(data))]
    assert frames.columns["true:sidewalk"].tolist() == truth
    blind = {text["prediction"] for text in lines_of(folder / "caption" / "predictions.grammar+grey.jsonl")}
    assert len(blind) == 1, "of grey pictures one text is said"
    assert is_valid_bvpi(*blind)
    tables = {table["title"]: table["methods"] for table in numbers(folder / "caption" / "metrics.json")}
    assert tables["Form of the bvpi texts"]["caption, grammar+grey"]["valid"]["value"] == 1


def test_heads_captions_and_texts_are_one_table(folder, tmp_path, capsys):
    texts = tmp_path / "other.jsonl"
    data = open_sensation(folder / "walks", "val")
    gold = [{"image": f"x/{data.states.id[row]}.jpg", "prediction": data.targets(row).bvpi} for row in range(7)]
    texts.write_text("".join(json.dumps(record) + "\n" for record in gold))
    words = ["--run", str(folder / "heads"), "--run", str(folder / "caption"), "--predictions", str(texts)]
    words += [
        "--out",
        str(tmp_path / "out"),
        "--csv",
        str(tmp_path / "t.csv"),
        "--resamples",
        "20",
        "--device",
        "cpu",
    ]
    assert scoring.main(words) == 0
    output = capsys.readouterr().out
    assert "other.jsonl: 7 of the 8 frames have a text, paired by image; the others count as wrong" in output
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    tables = {table["title"]: table["methods"] for table in numbers(tmp_path / "out" / "comparison.json")}
    positions = tables["Positions, balanced accuracy"]
    names = ["field of heads", "caption", "other"]
    assert list(positions)[:3] == names
    assert {
        "caption, grammar+grey",
        "constant text of caption",
        "field without features of heads",
    } <= positions.keys()
    assert positions["other"]["sidewalk"]["value"] > 0.6
    assert "sidewalk Δ" in positions["caption"]
    assert "sidewalk Δ" not in positions["field of heads"]
    assert {"cue of heads", "field of heads", "caption", "other"} <= tables["Cues, accuracy"].keys()
    costs = tables["Calibration and cost"]
    assert costs["caption"]["learnt"]["value"] > costs["field of heads"]["learnt"]["value"] > 0
    assert "other" not in costs
    assert set(found["sees_image"]) == {"field of heads", "cue of heads", "caption", "other"}
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert "Where field of heads and caption disagree" in page
    assert "data:image/jpeg" in page
    assert "nan" not in page.lower().replace("nance", "")
    assert "Near objects" in (tmp_path / "t.csv").read_text()


def test_a_text_without_a_frame_is_refused(folder, tmp_path, capsys):
    (tmp_path / "x.jsonl").write_text('{"image": "elsewhere.jpg", "prediction": "a"}\n')
    words = ["--run", str(folder / "caption"), "--predictions", str(tmp_path / "x.jsonl")]
    assert scoring.main(words) == 2
    assert "none of its texts is of a frame of the runs" in capsys.readouterr().err


def test_texts_go_on_where_they_were(folder, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    for end in ("", ".asked.json"):
        shutil.copy(folder / "caption" / f"predictions.jsonl{end}", f"{out}{end}")
    whole = out.read_text()
    out.write_text("".join(whole.splitlines(keepends=True)[:5]) + '{"id": "cut')
    words = ["--run", str(folder / "caption"), "--generate", str(out), "--out", str(tmp_path), "--resamples", "20"]
    assert scoring.main([*words, "--device", "cpu"]) == 0
    assert "goes on after 5 of 8 texts" in capsys.readouterr().out
    new, old = lines_of(out), [json.loads(line) for line in whole.splitlines()]
    assert [{**text, "loss": 0, "ood_score": 0} for text in new] == [{**t, "loss": 0, "ood_score": 0} for t in old]


def test_options_of_captions_are_not_of_heads(folder, capsys):
    for option, value in (("--conditions", "grey"), ("--generate", "x.jsonl")):
        assert scoring.main(["--run", str(folder / "heads"), option, value]) == 2
        assert f"{option} is of a caption run" in capsys.readouterr().err
