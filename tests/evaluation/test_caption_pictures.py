"""`--predictions FILE --head caption --clip CHECKPOINT`: figures by hand, and pictures that are not to be had."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny_clip import save_clip

from roadcue import eval as scoring
from roadcue.models.clip import Clip

pytestmark = pytest.mark.usefixtures("one_thread")
SAID = ["A red car on the left.", "The sidewalk is clear.", "road " * 100, "A bike", "left"]
WANTED = [["The car is red.", "A car"], ["The sidewalk is clear."], ["the road"], ["A bike stands"], ["left"]]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def pictures(tmp_path):
    """Four pictures of five rows: the first and the fourth row have the same."""
    folder = tmp_path / "pictures" / "x"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in "abc":
        Image.fromarray(rng.integers(0, 256, (40, 64, 3)).astype(np.uint8)).save(folder / f"walk_{name}.png")
    return folder.parent


IMAGES = ["x/walk_a.png", "x\\walk_b.png", "x/walk_c.png", "x/walk_a.png", "x/walk_b.png"]


def rows(images=IMAGES):
    return [
        {"image": image, "sequence": f"s{row}", "prediction": said, "target": wanted}
        for row, (image, said, wanted) in enumerate(zip(images, SAID, WANTED, strict=True))
    ]


@pytest.fixture
def scored(tmp_path, clip, pictures, monkeypatch):
    monkeypatch.setattr("roadcue.evaluation.caption_rows.meteor_folder", lambda: None)  # its tables take a second

    def scored(rows, *words, clip=clip):
        file = tmp_path / "said.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        given = ["--predictions", str(file), "--head", "caption", "--resamples", "20", "--clip", str(clip)]
        code = scoring.main([*given, *(words or ["--image_root", str(pictures)])])
        return json.loads(file.with_suffix(".metrics.json").read_text()) if code == 0 else code

    return scored


def test_the_figures_are_those_of_the_formulas(scored, clip, pictures, capsys):
    metrics = scored(rows())
    model = Clip.from_pretrained(str(clip))
    figures = {"clip_score": [], "ref_clip_score": [], "hundred_cos": []}
    for image, said, wanted in zip(IMAGES, SAID, WANTED, strict=True):
        picture = np.array(Image.open(pictures / image.replace("\\", "/")))
        cropped, squashed = (
            model.picture_vectors(make(picture)[None])[0] for make in (model.cropped, model.squashed)
        )
        plain, mine, *others = model.text_vectors([said, *(f"A photo depicts {one}" for one in (said, *wanted))])[0]
        of_picture = 2.5 * max(float(mine @ cropped), 0)
        of_text = max(max(float(mine @ other), 0) for other in others)
        figures["clip_score"].append(of_picture)
        figures["ref_clip_score"].append(2 * of_picture * of_text / (of_picture + of_text) if of_picture else 0)
        figures["hundred_cos"].append(100 * float(plain @ squashed))
    assert max(figures["clip_score"]) > 0
    for key, values in figures.items():
        found = metrics["methods"]["prediction"][key]
        assert found["value"] == pytest.approx(max(np.mean(values), 0), abs=1e-5), key
        assert found["low"] <= found["value"] <= found["high"]
    assert metrics["methods"]["constant text"].keys() == metrics["methods"]["prediction"].keys()
    counts = {"rows": 5, "sequences": 5, "rows_without_picture": 0, "predictions_cut": 1}
    assert metrics["clip"] == {"checkpoint": str(clip), **counts}
    printed = " ".join(capsys.readouterr().out.split())
    assert "Captions against pictures, 5 samples of 5 sequences" in printed
    assert "1 prediction cut at 77 tokens" in printed


def test_a_row_whose_picture_cannot_be_read_is_counted_and_the_rest_goes_on(scored, pictures, capsys):
    (pictures / "x" / "walk_b.png").write_bytes(b"\x89PNG\r\n\x1a\n, and then nothing")
    metrics = scored(rows())
    assert (metrics["rows"], metrics["clip"]["rows"], metrics["clip"]["rows_without_picture"]) == (5, 3, 2)
    printed = " ".join(capsys.readouterr().out.split())
    assert "without picture: 2 rows, the first:" in printed
    assert "line 2: 'x/walk_b.png': does not decode" in printed


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "names no `image`"),
        ("nowhere.png", "'nowhere.png': No such file"),
        ("x", "'x' is not a file"),
        ("../said.jsonl", "outside"),
        ("\x1b[31m/etc/passwd", "\\x1b[31m"),
        ("/dev/zero", "outside"),
        ("a\x00b", "null byte"),
        ("n" * 5000, "File name too long"),
    ],
)
def test_what_is_no_picture_is_said(scored, capsys, image, message):
    given = rows([image, *IMAGES[1:]])
    if image is None:
        del given[0]["image"]
    metrics = scored(given)
    assert metrics["clip"]["rows_without_picture"] == 1
    printed = capsys.readouterr().out
    assert message in " ".join(printed.split())
    assert "\x1b[31m" not in printed


def test_without_a_picture_at_all_the_folder_is_asked_for(scored, tmp_path, capsys):
    assert scored(rows(), "--image_root", str(tmp_path / "elsewhere")) == 2
    assert "Name the folder to which the paths in `image` belong with --image_root" in capsys.readouterr().err


def test_beside_the_file_pictures_are_found_without_an_option(scored, tmp_path, pictures):
    (tmp_path / "x").symlink_to(pictures / "x")
    assert scored(rows(), "--device", "cpu")["clip"]["rows"] == 5


def test_a_clip_that_there_is_not_is_said(scored, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert scored(rows(), clip="nobody/has-this-clip") == 2
    assert "hf download nobody/has-this-clip" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--predictions", "x.json", "--data", "sidewalk", "--clip", "c"],
            "--clip belongs to --predictions FILE --head",
        ),
        (["--run", "runs/x", "--clip", "c"], "--clip belongs to --predictions FILE --head caption"),
        (["--predictions", "x", "--head", "caption", "--image_root", "c"], "--image_root belongs to --clip"),
    ],
)
def test_options_that_do_not_belong_are_refused(capsys, words, message):
    with pytest.raises(SystemExit):
        scoring.main(words)
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_picture_that_comes_twice_is_encoded_once(scored, monkeypatch):
    encoded, whole = [], Clip.picture_vectors
    monkeypatch.setattr(
        Clip, "picture_vectors", lambda self, pixels: encoded.append(len(pixels)) or whole(self, pixels)
    )
    scored(rows())
    assert encoded == [3, 3]  # cropped and squashed
