"""Models of transformers as captioners: tiny Qwen3-VL and InternVL, and the miniature SmolVLM2."""

import copy
import json
import shutil

import pytest
import torch
from captioned import batch_of, texts_of
from drawn_road import drawn_road
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_vlms import TINY
from transformers import AutoModelForImageTextToText, AutoProcessor

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models import mini
from roadcue.models.auto import loading
from roadcue.models.auto.captioner import AutoCaptioner
from roadcue.models.auto.loading import whole_picture
from roadcue.models.generation import GenerationSettings
from roadcue.models.plain_text import without_controls
from roadcue.models.registry import build_captioner
from roadcue.models.smol.captioner import SmolCaptioner
from roadcue.models.visual_parts import fingerprint

TOLD = "Describe the scene."
ANSWERS = ["A car is ahead.", "The road bends to the left."]
SHORT = GenerationSettings(max_new_tokens=24)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: make(tmp_path_factory.mktemp("tiny") / name) for name, make in TINY.items()}


@pytest.fixture(scope="module", params=list(TINY))
def checkpoint(request, folders):
    return folders[request.param]


@pytest.fixture(scope="module")
def captioner(checkpoint):
    return AutoCaptioner.from_pretrained(str(checkpoint))


@pytest.fixture(scope="module")
def pixels(captioner):
    return torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.25, 0.8)])


@torch.no_grad()
def test_prompt_and_text_are_those_of_transformers(checkpoint, captioner, pixels):
    """Its own processor and `generate`, with pixels, on the same square."""
    picture = Image.fromarray(pixels[0].permute(1, 2, 0).numpy())
    processor = AutoProcessor.from_pretrained(checkpoint)
    question = [{"type": "image", "image": picture}, {"type": "text", "text": TOLD}]
    text = processor.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True)
    inputs = processor(
        text=[text], images=[[picture]], return_tensors="pt", **whole_picture(processor.image_processor)
    )
    assert captioner.prompt(TOLD) == inputs["input_ids"][0].tolist()
    model = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32).eval()
    theirs = model.generate(**inputs, do_sample=False, max_new_tokens=24, suppress_tokens=captioner._never_written)[
        0, inputs["input_ids"].shape[1] :
    ]
    told = without_controls(processor.decode(theirs, skip_special_tokens=True)).strip()
    assert texts_of(captioner, pixels[:1], TOLD, SHORT) == [told]


@torch.no_grad()
def test_every_stored_number_counts(captioner, pixels):
    """Those of inner layers, too."""
    visual, prompt = captioner.encode(pixels[:1]), captioner.prompt(TOLD)
    width = captioner.model.config.get_text_config().hidden_size
    assert visual.shape[2] % width == 0
    loss = captioner.loss(captioner.batch(visual, prompt, ANSWERS[:1]))
    for first in range(0, visual.shape[2], width):
        changed = visual.clone()
        changed[:, :, first : first + width] += 1
        assert captioner.loss(captioner.batch(changed, prompt, ANSWERS[:1])) != loss


def test_qwen_has_features_of_an_inner_layer(folders):
    captioner = AutoCaptioner.from_pretrained(str(folders["qwen"]))
    assert captioner.encode(torch.zeros(1, *captioner.preprocess.shape, dtype=torch.uint8)).shape == (1, 16, 128)
    assert captioner.description.startswith(f"auto captioner: checkpoint in {folders['qwen']}, 0.2 M parameters")


@torch.no_grad()
def test_what_was_saved_comes_back(captioner, pixels, tmp_path):
    captioner.save_pretrained(tmp_path)
    again = build_captioner("auto", checkpoint=str(tmp_path))
    assert fingerprint(again) == fingerprint(captioner)
    losses = [one.loss(batch_of(one, pixels, TOLD, ANSWERS)) for one in (captioner, again)]
    assert torch.equal(*losses)
    assert texts_of(again, pixels, TOLD, SHORT) == texts_of(captioner, pixels, TOLD, SHORT)


def test_a_step_changes_all_but_the_tower(captioner, pixels):
    learner = copy.deepcopy(captioner).train()
    before = copy.deepcopy(learner.state_dict())
    groups = learner.parameter_groups(0.1)
    assert all(weight.ndim > 1 for weight in groups[0]["params"])
    assert any(weight.ndim > 1 for weight in groups[1]["params"]), "the embedding"
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    learner.loss(batch_of(learner, pixels, TOLD, ANSWERS)).backward()
    optimizer.step()
    changed = {name for name, weight in learner.state_dict().items() if not torch.equal(before[name], weight)}
    assert len(changed) > 0.9 * len(learner.trainable_parameters())
    assert not any("visual" in name or "vision" in name for name in changed)


@torch.no_grad()
def test_bf16(checkpoint, captioner, pixels):
    half = build_captioner("auto", checkpoint=str(checkpoint), dtype="bf16")
    assert half.encode(pixels).dtype == torch.bfloat16
    losses = [float(one.loss(batch_of(one, pixels, TOLD, ANSWERS))) for one in (captioner, half)]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


@torch.no_grad()
def test_the_miniature_says_the_same_by_its_own_class_and_by_transformers():
    by_class, by_auto = SmolCaptioner.from_pretrained("mini"), AutoCaptioner.from_pretrained(str(mini.SMOL))
    pixels = by_class.preprocess(drawn_road())[None]
    assert torch.equal(by_auto.preprocess(drawn_road())[None], pixels)
    shown = ["A car is ahead."]
    assert by_auto.prompt(TOLD, shown) == by_class.prompt(TOLD, shown)
    assert by_auto.answer_ids(shown[0]) == by_class.answer_ids(shown[0])
    assert texts_of(by_auto, pixels, TOLD) == texts_of(by_class, pixels, TOLD)


def changed(folder, name, **values):
    """A file of a checkpoint with other values."""
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def without_image_token(folder):
    changed(folder, "config.json", image_token_id=99_999)


def without_weight(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors[next(name for name in tensors if name.endswith("layers.1.input_layernorm.weight"))]
    save_file(tensors, path, metadata={"format": "pt"})


def pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def needs_a_system_role(folder):
    (folder / "chat_template.jinja").write_text(
        "{% if messages[0]['role'] != 'system' %}{{ raise_exception('begin with a system message') }}{% endif %}"
    )


def of_remote_code(folder):
    changed(folder, "config.json", model_type="internvl_chat", auto_map={"AutoModel": "evil.Model"})
    (folder / "evil.py").write_text("raise SystemExit('ran')")


def without_template(folder):
    (folder / "chat_template.jinja").unlink()


def without_processor(folder):
    for path in folder.glob("*process*"):
        path.unlink()


def of_other_settings(folder):
    changed(folder, "processor_config.json", image_seq_length=9)


def damaged_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{")


def test_a_template_that_takes_no_system_message_is_given_none(folders, tmp_path):
    """As that of Gemma: nothing that is asked here has one."""
    folder = shutil.copytree(folders["internvl"], tmp_path / "model")
    template = folder / "chat_template.jinja"
    refuses = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    template.write_text(refuses + template.read_text())
    captioners = [build_captioner("auto", checkpoint=str(each)) for each in (folder, folders["internvl"])]
    prompts = [each.prompt(TOLD, ANSWERS, frames=2) for each in captioners]
    assert prompts[0] == prompts[1]


BAD = {
    without_image_token: "the tokenizer has no image token",
    without_weight: r"1 weights are missing or of another shape, such as .*input_layernorm.weight",
    pickled: "only safetensors are read",
    needs_a_system_role: "its chat template fails .*begin with a system message",
    of_remote_code: "code that comes with a checkpoint is never run",
    without_template: "has no chat template",
    without_processor: "its processor cannot be read",
    of_other_settings: "writes 9 image tokens for a picture, and the model makes 4",
    damaged_tokenizer: "its processor cannot be read",
}


@pytest.mark.parametrize("fault", BAD, ids=lambda fault: fault.__name__)
def test_a_checkpoint_that_cannot_be_used_is_named(fault, folders, tmp_path):
    folder = shutil.copytree(folders["internvl"], tmp_path / "model")
    fault(folder)
    with pytest.raises(BadCheckpoint, match=BAD[fault]):
        build_captioner("auto", checkpoint=str(folder))


def test_what_is_no_image_text_to_text_model_is_named(tmp_path):
    with pytest.raises(BadCheckpoint, match="RoadCue has none for auto; name a folder or a hub id"):
        build_captioner("auto")
    with pytest.raises(BadCheckpoint, match="is an OpenFlamingo, which --encoder flamingo takes"):
        build_captioner("auto", checkpoint=str(mini.FOLDERS["flamingo"]))
    with pytest.raises(BadCheckpoint, match=r"config.json: missing"):
        build_captioner("auto", checkpoint=str(tmp_path))


def test_a_processor_without_its_package_is_told_what_to_install(monkeypatch, folders):
    def lacking(*_, **__):
        raise ImportError("Qwen3VLVideoProcessor requires the Torchvision library")

    monkeypatch.setattr(loading.AutoProcessor, "from_pretrained", lacking)
    with pytest.raises(BadCheckpoint, match=r"pip install 'roadcue\[vlm\]'"):
        build_captioner("auto", checkpoint=str(folders["qwen"]))


def test_one_square_is_read(folders):
    with pytest.raises(BadEncoder, match="reads one square of a picture"):
        build_captioner("auto", checkpoint=str(folders["qwen"]), aspect="tiles")
