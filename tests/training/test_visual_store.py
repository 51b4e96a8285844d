"""Visual tokens of captioners on disk: encoded once, read as they were, and never those of other weights."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from drawn_walks import drawn_walks

from roadcue.loaders.sensation.dataset import open_sensation
from roadcue.models.registry import build_captioner
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.visual_store import bearable_store, visual_store


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = drawn_walks(tmp_path_factory, train=5, val=1)
    return open_sensation(folder, "train")


@pytest.fixture(scope="module", params=["smol", "flamingo"])
def captioner(request):
    return build_captioner(request.param)


@pytest.fixture(scope="module")
def pictures(dataset, captioner):
    return CaptionPictures.of(dataset, captioner.preprocess, "bvpi", dataset.cameras[0])


def encoded_pictures(captioner, monkeypatch):
    """How many pictures are encoded from now on, as a list that grows."""
    seen, encode = [], captioner.encode
    monkeypatch.setattr(captioner, "encode", lambda pixels: seen.extend(pixels) or encode(pixels))
    return seen


@torch.no_grad()
def test_what_is_stored_is_what_is_encoded(captioner, pictures, tmp_path, capsys, monkeypatch):
    seen = encoded_pictures(captioner, monkeypatch)
    stored = visual_store(pictures, captioner, store_dir=str(tmp_path), batch_size=2)
    first, tokens = capsys.readouterr().out.splitlines()[0], stored.tokens(np.arange(5))
    assert first.startswith(f"visual tokens of 5 pictures, {tokens.shape[1]} x {tokens.shape[2]} each: ")
    assert first.endswith(f" in {stored.store.folder}")
    direct = captioner.encode(pictures.batch(np.arange(5))["pixels"])
    torch.testing.assert_close(tokens.float(), direct, rtol=2e-3, atol=2e-3)
    assert torch.equal(stored.tokens(np.array([3, 1])), tokens[[3, 1]])
    prompt = captioner.prompt("Describe the scene.")
    assert captioner.generate(tokens, prompt) == captioner.generate(direct, prompt)
    count = len(seen)
    again = visual_store(pictures, captioner, store_dir=str(tmp_path))
    assert torch.equal(again.tokens(np.arange(5)), tokens)
    assert len(seen) == count, "nothing is encoded twice"


@torch.no_grad()
def test_a_connector_that_has_learnt_has_a_store_of_its_own(captioner, pictures, tmp_path):
    before = visual_store(pictures, captioner, store_dir=str(tmp_path))
    weight = next(captioner.visual_parts[-1].parameters())
    weight.mul_(1.5)
    after = visual_store(pictures, captioner, store_dir=str(tmp_path))
    weight.div_(1.5)
    assert after.store.folder != before.store.folder
    assert not torch.equal(after.tokens(np.arange(5)), before.tokens(np.arange(5)))


def test_a_stopped_store_goes_on(captioner, pictures, tmp_path, monkeypatch):
    encode, batches = captioner.encode, []

    def stopping(pixels):
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(len(pixels))
        return encode(pixels)

    with monkeypatch.context() as patch:
        patch.setattr(captioner, "encode", stopping)
        with pytest.raises(KeyboardInterrupt):
            visual_store(pictures, captioner, store_dir=str(tmp_path), batch_size=2)
    seen = encoded_pictures(captioner, monkeypatch)
    stored = visual_store(pictures, captioner, store_dir=str(tmp_path), batch_size=2)
    assert len(seen) == 1 + 3, "one for the shape, and those that were left"
    assert stored.tokens(np.arange(5)).abs().sum(dim=(1, 2)).min() > 0


def test_other_pictures_have_another_store(captioner, pictures, tmp_path):
    whole = visual_store(pictures, captioner, store_dir=str(tmp_path))
    part = visual_store(replace(pictures, rows=pictures.rows[1:3]), captioner, store_dir=str(tmp_path))
    assert (len(whole), len(part)) == (5, 2)
    assert torch.equal(part.tokens(np.arange(2)), whole.tokens(np.array([1, 2])))


def test_frames_that_are_shown_with_a_picture_are_stored_once(captioner, pictures, tmp_path):
    clips = np.stack([np.array([0, 0, 1, 2, 3]), np.arange(5)], axis=1)
    stored = visual_store(replace(pictures, rows=np.array([2, 3]), clips=clips), captioner, store_dir=str(tmp_path))
    assert stored.rows.tolist() == [1, 2, 3]
    alone = visual_store(pictures, captioner, store_dir=str(tmp_path)).tokens(np.arange(5))
    assert torch.equal(stored.of_clips(clips[[2, 3]]), torch.stack([alone[[1, 2]], alone[[2, 3]]]))


def test_what_is_not_bearable_is_not_stored_unless_it_is_there(captioner, pictures, tmp_path, capsys, monkeypatch):
    place = {"store_dir": str(tmp_path / "new" / "store")}
    monkeypatch.setattr("roadcue.training.captions.visual_store.MOST_OF_A_PICTURE", 5_000)
    assert bearable_store(pictures, captioner, **place) is None
    assert re.search(r"visual tokens are not stored: [\d.]+ KB a picture, [\d.]+ KB in all", capsys.readouterr().out)
    monkeypatch.undo()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10_000))
    assert bearable_store(pictures, captioner, **place) is None
    assert "10.0 KB are free" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()
    monkeypatch.undo()
    visual_store(pictures, captioner, **place)
    assert len(bearable_store(pictures, captioner, **place)) == 5
    (tmp_path / "file").write_text("")
    assert bearable_store(pictures, captioner, store_dir=str(tmp_path / "file")) is None
    assert "visual tokens are not stored: " in capsys.readouterr().out
