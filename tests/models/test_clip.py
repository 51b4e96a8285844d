"""CLIP as a judge: what transformers says of the same weights, texts that are too long, folders that are no CLIP."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_clip import BEGIN, END, LONGEST, SIDE, TEXTS, save_clip
from torch.nn.functional import normalize
from torchvision import transforms
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

from roadcue.errors import BadCheckpoint
from roadcue.models.clip import Clip
from roadcue.models.preprocessing import CLIP_MEAN, CLIP_STD

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def clip(saved):
    return Clip.from_pretrained(str(saved))


@pytest.fixture
def folder(tmp_path):
    """To be damaged."""
    return save_clip(tmp_path)


def transformers_text(saved, texts):
    words = PreTrainedTokenizerFast(tokenizer_file=str(saved / "tokenizer.json"), pad_token=END)
    given = words(texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
    with torch.no_grad():
        features = CLIPModel.from_pretrained(saved).get_text_features(
            input_ids=given.input_ids, attention_mask=given.attention_mask
        )
    return normalize(features.pooler_output, dim=-1)


def test_texts_are_read_as_transformers_reads_them(saved, clip):
    texts = [*TEXTS, "Left", "road " * 200]
    vectors, cut = clip.text_vectors(texts)
    torch.testing.assert_close(vectors, transformers_text(saved, texts))
    assert cut.tolist() == [False, False, False, True]
    assert not torch.allclose(vectors[0], vectors[1], atol=0.1)


def test_pictures_are_read_as_the_paper_reads_them(saved, clip):
    picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    as_published = transforms.Compose(
        [
            transforms.Resize(SIDE, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(SIDE),
            transforms.ToTensor(),
            transforms.Normalize(CLIP_MEAN, CLIP_STD),
        ]
    )
    with torch.no_grad():
        features = CLIPModel.from_pretrained(saved).get_image_features(as_published(Image.fromarray(picture))[None])
    torch.testing.assert_close(
        clip.picture_vectors(clip.cropped(picture)[None]), normalize(features.pooler_output, dim=-1)
    )


def test_the_squashed_picture_is_torchvisions(clip):
    picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    wanted = transforms.Resize((SIDE, SIDE))(torch.from_numpy(picture).permute(2, 0, 1))
    assert (clip.squashed(picture).int() - wanted.int()).abs().max() <= 1


def test_what_is_read_beside_a_text_changes_nothing(clip):
    texts = ["car", *TEXTS, "a", *["bike " * n for n in range(80)]]
    together, _ = clip.text_vectors(texts)
    alone = torch.cat([clip.text_vectors([text]).vectors for text in texts])
    torch.testing.assert_close(together, alone)
    assert len(clip.text_vectors([]).vectors) == len(clip.text_vectors([]).cut) == 0


def test_exactly_as_many_tokens_as_are_read_are_not_cut(clip):
    letters = LONGEST - 2
    assert clip.text_vectors(["$ " * letters, "$ " * (letters + 1)]).cut.tolist() == [False, True]


def test_signs_in_a_text_are_text(clip):
    assert clip.text_vectors([f"{BEGIN} {END} " * 20]).cut.tolist() == [True]  # as signs they were 40 tokens


def test_a_hundred_thousand_characters_and_emoji_are_read(clip):
    vectors, cut = clip.text_vectors(["left 😀 " * 14_000, "", "\x00\u2028"])
    assert cut.tolist() == [True, False, False]
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(3))


def test_nothing_of_it_learns(clip):
    assert not any(parameter.requires_grad for parameter in clip.parameters())
    assert not clip.train().training
    assert "patches of 8 in pictures of 32 pixels" in clip.description


def test_weights_of_torch_save_are_read_without_running_them(folder):
    weights = CLIPModel.from_pretrained(folder).state_dict()
    expected = Clip.from_pretrained(str(folder)).text_vectors(TEXTS).vectors
    (folder / "model.safetensors").unlink()
    torch.save(weights | {"text_model.embeddings.position_ids": torch.arange(LONGEST)}, folder / "pytorch_model.bin")
    assert torch.equal(Clip.from_pretrained(str(folder)).text_vectors(TEXTS).vectors, expected)
    torch.save({"weight": print}, folder / "pytorch_model.bin")
    with pytest.raises(BadCheckpoint, match="refused because loading it could run code"):
        Clip.from_pretrained(str(folder))


def change(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_folders_that_are_no_clip_are_said_to_be_none(folder):
    change(folder, model_type="siglip")
    with pytest.raises(BadCheckpoint, match=r"model_type is 'siglip', and a whole CLIP"):
        Clip.from_pretrained(str(folder))
    change(folder, model_type="clip", projection_dim=13)
    with pytest.raises(BadCheckpoint, match=r"visual_projection.weight \(12, 16\) instead of \(13, 16\): misshapen"):
        Clip.from_pretrained(str(folder))
    change(folder, projection_dim="many")
    with pytest.raises(BadCheckpoint, match="does not describe a CLIP"):
        Clip.from_pretrained(str(folder))


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("text_config", "hidden_act", "nonsense", "does not describe a CLIP"),
        ("text_config", "num_attention_heads", 3, "does not describe a CLIP"),
        ("text_config", "num_hidden_layers", 10_000_000, "does not describe a CLIP .it asks for more than"),
        ("text_config", "max_position_embeddings", 1, r"position_embedding.weight .77, 16. instead of .1, 16."),
        ("text_config", "max_position_embeddings", "x", "does not describe a CLIP"),
        ("vision_config", "patch_size", 0, "does not describe a CLIP"),
        ("vision_config", "num_hidden_layers", "two", "does not describe a CLIP"),
        ("vision_config", "image_size", -5, "."),
    ],
)
def test_sizes_that_no_clip_has_are_refused(folder, part, key, value, message):
    sizes = json.loads((folder / "config.json").read_text())[part]
    change(folder, **{part: sizes | {key: value}})
    with pytest.raises(BadCheckpoint, match=message):
        Clip.from_pretrained(str(folder))


def test_a_clip_that_reads_no_words_is_refused(clip):
    sizes = clip.model.config.to_dict()
    sizes["text_config"]["max_position_embeddings"] = 2
    model = CLIPModel(CLIPConfig(**sizes))
    with pytest.raises(BadCheckpoint, match="a small one: reads texts of 2 tokens alone"):
        Clip(model, clip.tokenizer, origin="a small one")


def test_a_tokeniser_that_is_not_there_damaged_or_anothers_is_named(folder):
    file = folder / "tokenizer.json"
    whole = json.loads(file.read_text())
    whole["added_tokens"] = []
    whole["post_processor"] = None
    whole["model"]["vocab"] = {"x": 0, "y": 1}
    whole["model"] |= {"merges": [], "unk_token": None}
    beyond = json.loads(file.read_text())
    beyond["model"]["vocab"]["beyond"] = 10_000
    for content, message in (
        (json.dumps(whole), r"startoftext\|> is none of them"),
        (json.dumps(beyond), "highest token is 10000 of the model's"),
        ("{", "does not hold a tokeniser"),
        (None, "tokenizer.json: missing"),
    ):
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(BadCheckpoint, match=message):
            Clip.from_pretrained(str(folder))


@pytest.mark.parametrize("name", ["mini", "full", "no/such/place", "nobody/has-this-clip"])
def test_a_name_that_leads_nowhere_is_said_with_what_to_do(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadCheckpoint, match="folder"):
        Clip.from_pretrained(name)
