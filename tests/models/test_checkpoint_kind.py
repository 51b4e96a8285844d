"""Folders of other models, given to an option: those of the same tower are taken, others said to be what they are."""

import json
import shutil

import pytest
import torch
from captioned import texts_of
from drawn_road import drawn_road
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_clip import save_clip
from tiny_flamingo import tiny_flamingo, write_published
from tiny_smol import write_tiny_smol
from tiny_vlms import tiny_qwen
from transformers import AutoModel, AutoProcessor, Idefics3ForConditionalGeneration, SiglipConfig, SiglipModel

from roadcue.errors import BadCheckpoint
from roadcue.models import mini
from roadcue.models.registry import build_captioner, build_encoder

TOLD = "Describe the scene."


def edit(folder, name: str, **values) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture
def base(folder):
    """The miniature as SmolVLM-Base is laid out: an Idefics3, to whose tokeniser `<global-img>` is text."""
    edit(folder, "config.json", model_type="idefics3", architectures=["Idefics3ForConditionalGeneration"])
    edit(folder, "preprocessor_config.json", image_processor_type="Idefics3ImageProcessor")
    edit(folder, "processor_config.json", processor_class="Idefics3Processor")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text((folder / name).read_text().replace("<global-img>", "<not-used>"))
    return folder


@torch.no_grad()
def test_the_tower_of_an_idefics3_is_a_smolvlm_s(base):
    encoder = build_encoder("smol", checkpoint=str(base))
    pixels = encoder.preprocess(drawn_road())[None]
    theirs = Idefics3ForConditionalGeneration.from_pretrained(base, dtype=torch.float32).eval().model.vision_model
    wanted = theirs(pixel_values=(pixels.float() - 127.5) / 127.5).last_hidden_state
    assert torch.equal(encoder.encode(pixels).flatten(1, 2), wanted)
    assert encoder.fingerprint == build_encoder("smol").fingerprint


@torch.no_grad()
def test_an_idefics3_is_asked_and_writes_as_in_transformers(base, tmp_path):
    captioner = build_captioner("smol", checkpoint=str(base))
    processor = AutoProcessor.from_pretrained(base)
    assert type(processor).__name__ == "Idefics3Processor"
    question = [{"type": "image", "image": Image.fromarray(drawn_road(224, 224))}, {"type": "text", "text": TOLD}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": question}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    assert captioner.prompt(TOLD) == inputs["input_ids"][0].tolist()
    model = Idefics3ForConditionalGeneration.from_pretrained(base, dtype=torch.float32).eval()
    written = model.generate(**inputs, max_new_tokens=80, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    pixels = captioner.preprocess(drawn_road(224, 224))[None]
    said = texts_of(captioner, pixels, TOLD)
    assert said == [processor.decode(written, skip_special_tokens=True).strip()]
    captioner.save_pretrained(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["model_type"] == "idefics3"
    assert texts_of(build_captioner("smol", checkpoint=str(tmp_path / "saved")), pixels, TOLD) == said


def test_a_smolvlm2_whose_tokeniser_lacks_a_sign_is_still_refused(base):
    edit(base, "config.json", model_type="smolvlm")
    with pytest.raises(BadCheckpoint, match="it lacks <global-img>"):
        build_captioner("smol", checkpoint=str(base))


def test_what_automodel_saves_has_the_tower_and_writes_no_words(folder, tmp_path):
    AutoModel.from_pretrained(folder).save_pretrained(tmp_path / "auto")
    for name in ("preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(folder / name, tmp_path / "auto" / name)
    assert "vision_model.post_layernorm.weight" in load_file(tmp_path / "auto" / "model.safetensors")
    assert build_encoder("smol", checkpoint=str(tmp_path / "auto")).fingerprint == build_encoder("smol").fingerprint
    with pytest.raises(BadCheckpoint, match=r"is what AutoModel saves, .*For captions load and save the whole"):
        build_captioner("smol", checkpoint=str(tmp_path / "auto"))


def siglip(folder):
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    SiglipModel(SiglipConfig(text_config=sizes | {"vocab_size": 30}, vision_config=sizes)).save_pretrained(folder)


def adapter(folder):
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4}))
    save_file({"base_model.model.x.lora_A.weight": torch.zeros(2, 2)}, folder / "adapter_model.safetensors")


def adapter_with_config(folder):
    adapter(folder)
    shutil.copyfile(mini.SMOL / "config.json", folder / "config.json")


def run_of_a_captioner(folder):
    write_tiny_smol(folder / "model")


FOLDERS = {
    "clip": (save_clip, "is a CLIP, whose vision tower --encoder flamingo takes"),
    "siglip": (siglip, "is a SigLIP, which no option takes alone"),
    "flamingo": (
        lambda folder: tiny_flamingo().save_pretrained(folder),
        "is an OpenFlamingo, which --encoder flamingo",
    ),
    "flamingo's parts": (
        lambda folder: write_published(tiny_flamingo(), folder),
        "is an OpenFlamingo, which --encoder flamingo takes",
    ),
    "smol": (write_tiny_smol, "is a SmolVLM, which --encoder smol takes"),
    "qwen": (tiny_qwen, "is an image-text-to-text model, for captions, which --head caption --encoder auto takes"),
    "adapter": (adapter, "is an adapter, which changes a checkpoint and is none"),
    "adapter with config": (adapter_with_config, "is an adapter, which changes a checkpoint and is none"),
    "run": (run_of_a_captioner, r"model is one; pass that folder"),
}
TAKEN = {("flamingo", "clip"), ("flamingo", "flamingo"), ("flamingo", "flamingo's parts"), ("smol", "smol")}


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("encoder", ["smol", "flamingo"])
def test_a_folder_of_something_else_is_said_to_be_that(tmp_path, encoder, kind):
    """And is not called incomplete: whoever downloads it again has the same."""
    write, said = FOLDERS[kind]
    write(tmp_path / "it")
    if (encoder, kind) in TAKEN:
        build_encoder(encoder, checkpoint=str(tmp_path / "it"))
        return
    if (encoder, kind) == ("flamingo", "run"):
        said = "mpt: missing|clip: missing"  # what lies below it is none of an OpenFlamingo
    with pytest.raises(BadCheckpoint, match=said) as caught:
        build_encoder(encoder, checkpoint=str(tmp_path / "it"))
    assert "again" not in str(caught.value)


@pytest.mark.parametrize("kind", ["clip", "siglip", "flamingo", "adapter with config", "run"])
@pytest.mark.parametrize("captioner", ["smol", "auto"])
def test_a_captioner_says_so_too(tmp_path, captioner, kind):
    write, said = FOLDERS[kind]
    write(tmp_path / "it")
    with pytest.raises(BadCheckpoint, match=said):
        build_captioner(captioner, checkpoint=str(tmp_path / "it"))


def test_of_an_openflamingo_in_parts_the_one_that_lacks_is_named(tmp_path):
    clip, _, _ = write_published(tiny_flamingo(), tmp_path / "it")
    shutil.move(clip, tmp_path / "elsewhere")
    with pytest.raises(BadCheckpoint, match=r"it/clip: missing; a folder with an OpenFlamingo holds clip/"):
        build_encoder("flamingo", checkpoint=str(tmp_path / "it"))


def test_a_smolvlm_is_no_captioner_of_flamingo_s(tmp_path):
    write_tiny_smol(tmp_path / "it")
    with pytest.raises(BadCheckpoint, match="is a SmolVLM, which --encoder smol takes"):
        build_captioner("flamingo", checkpoint=str(tmp_path / "it"))


@pytest.mark.parametrize("build", [build_encoder, build_captioner])
def test_a_square_smaller_than_a_patch_is_refused(folder, build):
    edit(folder, "preprocessor_config.json", max_image_size={"longest_edge": 15})
    with pytest.raises(BadCheckpoint, match=r"max_image_size\.longest_edge is 15 pixels, less than a patch of 16"):
        build("smol", checkpoint=str(folder))
    edit(folder, "preprocessor_config.json", max_image_size={"longest_edge": 32})
    build("smol", checkpoint=str(folder))


@pytest.mark.parametrize("format8", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_weights_of_8_bits_without_their_scales_are_refused(folder, tmp_path, format8):
    path = folder / "model.safetensors"
    held = load_file(path)
    save_file({key: w.to(format8) if w.ndim > 1 else w for key, w in held.items()}, path)
    for build in (build_encoder, build_captioner):
        with pytest.raises(BadCheckpoint, match=r"fc1\.weight torch\.float8.*numbers of 8 bits or fewer"):
            build("smol", checkpoint=str(folder))
    qwen = tiny_qwen(tmp_path / "qwen")
    held = load_file(qwen / "model.safetensors")
    save_file({key: w.to(format8) if w.ndim > 1 else w for key, w in held.items()}, qwen / "model.safetensors")
    with pytest.raises(
        BadCheckpoint, match=r"of its weights are of 8 bits or fewer, such as .*take the checkpoint in"
    ):
        build_captioner("auto", checkpoint=str(qwen))
