"""How a caption run is asked, by commands: stored visual tokens, demonstrations, labels that are told."""

import json
import re

import numpy as np
import pytest
import torch

from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.evaluation.conditions import parse_conditions
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.frames import FRAMES, Frames
from roadcue.evaluation.seen_pictures import SeenPictures
from roadcue.loaders.sensation.dataset import open_sensation
from roadcue.models.generation import Written
from roadcue.models.registry import build_captioner
from roadcue.models.smol.captioner import SmolCaptioner
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.visual_store import visual_store

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Walks, and the miniature as it is as a caption run."""
    folder = tmp_path_factory.mktemp("walks")
    write_sidewalk(SidewalkSpec(train=12, val=4, width=128, height=96), folder / "walks", workers=1)
    given = ["--data", "sidewalk", "--data_dir", str(folder / "walks"), "--device", "cpu", "--workers", "0"]
    caption = ["--head", "caption", "--epochs", "0", "--run_dir", str(folder / "caption")]
    assert train.main([*given, "--encoder", "smol", *caption]) == 0
    return folder


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("roadcue.evaluation.cost.PICTURES", 1)


@pytest.fixture
def scored(folder, tmp_path, capsys):
    """What eval.py prints of the run, and the lines of its files by their names."""

    def scored(*words, out="out"):
        given = ["--run", str(folder / "caption"), "--out", str(tmp_path / out), "--resamples", "20"]
        code = scoring.main([*given, "--device", "cpu", *words])
        said = capsys.readouterr()
        if code:
            return said.err, {}
        files = {file.name: file for file in (tmp_path / out).glob("predictions*.jsonl")}
        return said.out, {name: list(map(json.loads, file.open())) for name, file in files.items()}

    return scored


def predictions(lines):
    return [line["prediction"] for line in lines]


def encoded_pictures(monkeypatch):
    """How many pictures are encoded from now on, as a list that grows."""
    seen, encode = [], SmolCaptioner.encode
    monkeypatch.setattr(SmolCaptioner, "encode", lambda self, pixels: seen.extend(pixels) or encode(self, pixels))
    return seen


def test_pictures_are_encoded_once_for_all_conditions_and_runs_and_the_texts_are_the_same(
    scored, monkeypatch, tmp_path
):
    seen = encoded_pictures(monkeypatch)
    said, texts = scored("--conditions", "free,grammar,grey")
    assert "visual tokens of 4 pictures, 49 x 192 each: 76.0 KB in " in said
    costs = 2  # each condition encodes the first picture twice for what it costs
    assert len(seen) == 1 + 4 + 4 + 3 * costs, "the first for its shape, all, and the grey ones"
    assert all(line["ood_score"] is not None for lines in texts.values() for line in lines)
    said, again = scored(out="again")
    assert "visual tokens" not in said
    assert len(seen) == 9 + 4 * costs
    said, direct = scored("--store_visual", "no", out="direct")
    assert predictions(direct["predictions.jsonl"]) == predictions(texts["predictions.jsonl"])
    assert again["predictions.jsonl"] == texts["predictions.jsonl"]
    losses = [[line["loss"] for line in each["predictions.jsonl"]] for each in (direct, again)]
    np.testing.assert_allclose(*losses, rtol=2e-3)


@pytest.fixture
def asked(monkeypatch):
    """The prompts of which texts are written from now on, in words, but those of what a text costs."""
    asked, generate = [], SmolCaptioner.generate

    def generating(self, visual, prompts, *rest):
        asked.extend(map(self.tokenizer.decode, prompts if len(prompts) > 1 else []))
        return generate(self, visual, prompts, *rest)

    monkeypatch.setattr(SmolCaptioner, "generate", generating)
    return asked


def test_similar_demonstrations_are_of_other_walks_and_the_blind_row_has_the_same_texts(scored, asked, tmp_path):
    words = ["--conditions", "few_shot,text_only+grey", "--demonstrations", "similar", "--shots", "2"]
    said, texts = scored(*words)
    assert "visual tokens of 12 pictures" in said
    assert len(texts["predictions.few_shot.jsonl"]) == 4
    assert len(texts["predictions.text_only+grey.jsonl"]) == 4
    about = Frames.read(tmp_path / "out" / FRAMES).about
    assert (about["demonstrations"], about["shots"]) == ("similar", 2)
    assert about["sees_image"] == ["caption, few_shot", "caption, text_only+grey"], "the picture chooses them"
    texts = [re.sub("User: *", "User:", re.sub("<[fgi][^>]*>", "", prompt)) for prompt in asked]
    assert texts[:4] == texts[4:]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shots", "33"], "33 demonstrations: a prompt has 0 to 32 of them"),
        (["--demonstrations", "similar", "--store_visual", "no"], "store them with --store_visual yes"),
    ],
)
def test_what_cannot_be_shown_is_said(words, message, scored):
    assert message in scored("--conditions", "few_shot", *words)[0]


def test_demonstrations_that_nobody_is_shown_are_refused():
    for options in ({"shots": 4}, {"demonstrations": "similar", "conditions": "free,grammar"}):
        with pytest.raises(ValueError, match="is of --conditions few_shot and text_only; name one"):
            EvalConfig(run="a", **options)
    assert EvalConfig(run="a", shots=4, conditions="free, text_only+grey").shots == 4


def test_annotations_are_written_as_long_by_every_command(folder, tmp_path, monkeypatch):
    given = ["--data", "sidewalk", "--data_dir", str(folder / "walks"), "--device", "cpu", "--workers", "0"]
    run = str(tmp_path / "json")
    words = ["--encoder", "smol", "--head", "caption", "--caption.target", "json", "--run_dir", run]
    lengths = []

    def generate(self, visual, prompts, settings, *_):
        lengths.append(settings.max_new_tokens)
        return [Written("{}", True)] * len(visual)

    monkeypatch.setattr(SmolCaptioner, "generate", generate)
    assert train.main([*given, *words, "--epochs", "1", "--caption.val_texts", "1"]) == 0
    assert set(lengths) == {640}, "in the validation"
    assert scoring.main(["--run", run, "--resamples", "20", "--device", "cpu"]) == 0
    count = len(lengths)
    picture = next((folder / "walks").glob("**/*.jpg"))
    assert predict.main(["--run", run, str(picture), "--out", str(tmp_path / "lines.jsonl")]) == 0
    assert len(lengths) == count + 1
    assert set(lengths) == {640}


def test_pictures_are_called_unlike_as_they_are_and_not_as_a_condition_spoils_them(scored, tmp_path, monkeypatch):
    even = lambda _, clips: 2.0 * torch.tensor([float(clip.min() == clip.max()) for clip in clips])  # noqa: E731
    monkeypatch.setattr(CaptionDetector, "of_clips", even)
    _, texts = scored("--conditions", "grey,free")
    assert [line["ood_score"] for line in texts["predictions.grey.jsonl"]] == [2.0] * 4
    assert not Frames.read(tmp_path / "out" / FRAMES).columns["unlike"].any()


def test_labels_are_told(scored, folder, asked, monkeypatch):
    _, texts = scored("--conditions", "annotations,annotations+grey")
    data = open_sensation(folder / "walks", "val")
    for row in range(len(data)):
        assert f'"road_pos": "{data.targets(row).fields["road_pos"]}"' in asked[row]
    assert len(texts["predictions.annotations+grey.jsonl"]) == 4
    monkeypatch.setattr("roadcue.evaluation.writing.annotation_of", lambda targets: None)
    said, _ = scored("--conditions", "annotations", out="none")
    assert "no picture has labels that could be told" in said


class Detector:
    """Counts the pictures that it looks at."""

    looked = 0

    def of_clips(self, clips):
        self.looked += len(clips)
        return torch.arange(len(clips)).float()


def test_pictures_are_looked_at_once_and_spoilt_ones_whenever_they_are_asked_about(folder):
    captioner, data = build_captioner("smol"), open_sensation(folder / "walks", "val")
    pictures = CaptionPictures.of(data, captioner.preprocess, "bvpi", data.cameras[0])
    detector, store = Detector(), visual_store(pictures, captioner, store_dir=str(folder / "store"))
    seen = SeenPictures(captioner, detector, pictures, store)
    grey = parse_conditions("grey")[0].on(pictures, 0)
    for shown, looked in ((pictures, 3), (pictures, 3), (grey, 6), (grey, 9)):
        first, last = seen.batches(shown, 1, 2)
        assert (first.rows, last.rows, first.scores) == ([1, 2], [3], [0, 1])
        assert detector.looked == looked
        same = torch.equal(first.visual, store.of_clips(np.array([[1], [2]])))
        assert same == (shown is pictures)
