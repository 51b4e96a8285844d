"""A merged checkpoint: the features and texts of the run, in a folder that every --checkpoint takes."""

import json

import bitsandbytes
import pytest
import torch
from tiny_vlms import TINY

from roadcue.command_line import parse_file
from roadcue.models.adapters import adapter_parameters, attach_lora, lora_layers, save_adapter
from roadcue.models.flamingo import lora_targets as flamingo
from roadcue.models.merging import merge_adapter
from roadcue.models.registry import build_captioner, build_encoder
from roadcue.models.smol import lora_targets as smol
from roadcue.models.smol.loading import PREFIX
from roadcue.models.visual_parts import fingerprint
from roadcue.options_as_text import as_yaml
from roadcue.training.build import encoder_of_run
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts
from roadcue.training.merge import main
from roadcue.training.run_folder import RunFolder

TOWERS = {"smol": (smol.VISION, PREFIX), "flamingo": (flamingo.TOWER, "")}
FACTS = {
    "encoder_parts": {},
    "data": {"train": "drawn"},
    "rows": {"train": 1},
    "versions": {},
    "date": "",
    "device": "",
    "command": "",
    "seconds": 1.0,
    "skipped": 0,
    "seed": 0,
}
TEXTS = {"smol": smol.TARGETS["text"], "flamingo": flamingo.TARGETS["text"]}


def trained(module, targets, folder, root="", **options):
    """An adapter as a training leaves it, beside `module` and in `folder`."""
    torch.manual_seed(0)
    attached = attach_lora(module, targets, rank=4, alpha=8.0, root=root, **options)
    for weight in adapter_parameters(module).values():
        torch.nn.init.normal_(weight, std=0.05) if weight.ndim > 1 else weight.data.mul_(1.1)
    save_adapter(module, attached, folder)
    return module.eval()


def run_of(tmp_path, **options):
    folder = tmp_path / "run"
    (folder / "adapter").mkdir(parents=True)
    earlier = {} if options.get("head") == "caption" else {"from_run": "runs/one"}
    (folder / "config.yaml").write_text(as_yaml(TrainConfig(**{"stage": "lora", **earlier, **options})))
    (folder / "run.json").write_text(json.dumps(FACTS))
    return folder


def another(checkpoint, folder):
    """The same model with a number of its words and one of its tower changed."""
    captioner = build_captioner("smol", checkpoint=checkpoint)
    with torch.no_grad():
        captioner.model.get_input_embeddings().weight[0, 0] += 1
        next(captioner.visual_parts[0].parameters()).view(-1)[0] += 1
    captioner.save_pretrained(folder)


def leave_facts(run):
    """As a training does: what the adapter stands on, and of heads the adapter itself."""
    folder, options = RunFolder(run), parse_file(TrainConfig, run / "config.yaml")
    if options.captions:
        below = {"checkpoint": options.checkpoint, "quantize": options.quantize}
        parts = fingerprint(build_captioner(options.encoder, **below))
    else:
        parts = encoder_parts(encoder_of_run(folder, options), options)
    folder.facts.write_text(json.dumps({**FACTS, "encoder_parts": dict(parts)}))


def merged_into(out, run):
    leave_facts(run)
    assert main(["--run", str(run), "--out", str(out)]) == 0
    return str(out)


@pytest.mark.parametrize("options", [{}, {"dora": True}], ids=["lora", "dora"])
@pytest.mark.parametrize("family", ["smol", "flamingo"])
def test_the_features_of_a_run_of_heads_are_those_of_its_merged_checkpoint(family, options, tmp_path):
    run = run_of(tmp_path, encoder=family)
    encoder = build_encoder(family)
    pixels = torch.randint(256, (2, *encoder.preprocess.shape), dtype=torch.uint8)
    before = encoder.encode(pixels)
    targets, root = TOWERS[family]
    trained(encoder.tower, {"vision": targets}, run / "adapter", root, **options)
    features = encoder.encode(pixels)
    out = merged_into(tmp_path / "out", run)
    again = build_encoder(family, checkpoint=out).encode(pixels)
    assert (features - before).abs().max() > 0.1
    assert torch.allclose(again, features, atol=1e-5, rtol=1e-5)
    whole, base = build_captioner(family, checkpoint=out), build_captioner(family)
    for name, weight in whole.model.state_dict().items():
        adapted = name.removesuffix(".weight").removeprefix("vision_encoder.") in _names(encoder.tower, root)
        assert adapted or torch.equal(weight, base.model.state_dict()[name]), f"{name} is not the base's any more"


def _names(tower, root):
    return {root + name for name in lora_layers(tower)}


@pytest.mark.parametrize("family", ["smol", "flamingo"])
def test_the_loss_of_a_caption_run_is_that_of_its_merged_checkpoint(family, tmp_path):
    run = run_of(tmp_path, encoder=family, head="caption")
    captioner = build_captioner(family)
    trained(captioner.model, {"text": TEXTS[family]}, run / "adapter")
    out = merged_into(tmp_path / "out", run)
    pixels = torch.randint(256, (2, *captioner.preprocess.shape), dtype=torch.uint8)

    def loss(of):
        with torch.no_grad():
            return of.loss(of.batch(of.encode(pixels), of.prompt("What is ahead?"), ["A car.", "A road."])).item()

    assert loss(build_captioner(family, checkpoint=out).eval()) == pytest.approx(loss(captioner), rel=1e-5)
    assert loss(captioner) != pytest.approx(loss(build_captioner(family).eval()), rel=1e-3)


def test_line_2_an_adapter_upon_nf4_is_merged_into_what_nf4_stands_for(tmp_path, capsys):
    run = run_of(tmp_path, encoder="smol", head="caption", quantize="nf4")
    captioner = build_captioner("smol", quantize="nf4")
    trained(captioner.model, {"text": TEXTS["smol"]}, run / "adapter")
    merged = build_captioner("smol", checkpoint=merged_into(tmp_path / "out", run)).model.state_dict()
    assert "21 layers below the adapter written as NF4 has them" in capsys.readouterr().out
    base = build_captioner("smol").model.state_dict()
    adapted = lora_layers(captioner.model)
    assert len(adapted) == 21
    for name, layer in adapted.items():
        packed = layer.get_base_layer().weight
        stands_for = bitsandbytes.functional.dequantize_4bit(packed.data, packed.quant_state).float()
        update = layer.get_delta_weight("default")
        assert torch.allclose(merged[f"{name}.weight"], stands_for + update, atol=1e-6)
        assert not torch.allclose(merged[f"{name}.weight"], base[f"{name}.weight"] + update, atol=1e-3)
    rest = merged.keys() - {f"{name}.weight" for name in adapted}
    assert all(torch.equal(merged[name], base[name]) for name in rest)


@pytest.mark.parametrize("family", TINY)
def test_line_2_any_image_text_to_text_model_is_merged(family, tmp_path):
    checkpoint = str(TINY[family](tmp_path / "tiny"))
    run = run_of(tmp_path, encoder="auto", checkpoint=checkpoint, head="caption")
    captioner = build_captioner("auto", checkpoint=checkpoint)
    trained(captioner.model, captioner.lora_targets, run / "adapter")
    pixels = torch.randint(256, (2, *captioner.preprocess.shape), dtype=torch.uint8)

    def loss(of):
        with torch.no_grad():
            return of.loss(of.batch(of.encode(pixels), of.prompt("What is ahead?"), ["A car.", "A road."])).item()

    again = build_captioner("auto", checkpoint=merged_into(tmp_path / "out", run)).eval()
    assert loss(again) == pytest.approx(loss(captioner), rel=1e-5)
    assert loss(captioner) != pytest.approx(loss(build_captioner("auto", checkpoint=checkpoint).eval()), rel=1e-4)


def test_transformers_reads_it_as_auto_does(tmp_path):
    run = run_of(tmp_path, encoder="smol")
    trained(build_encoder("smol").tower, {"vision": smol.VISION}, run / "adapter", PREFIX)
    out = merged_into(tmp_path / "out", run)
    assert build_captioner("auto", checkpoint=out).model.config.model_type == "smolvlm"


def test_what_cannot_be_merged_is_said(tmp_path, capsys):
    run = run_of(tmp_path)
    (run / "adapter").rmdir()
    assert main(["--run", str(run), "--out", str(tmp_path / "out")]) == 2
    assert "has no adapter to merge; name a run that --stage lora has trained" in capsys.readouterr().err
    assert main(["--run", str(run), "--out", str(run)]) == 2
    assert "is there already" in capsys.readouterr().err
    other = run_of(tmp_path / "other", encoder="flamingo")
    trained(build_encoder("smol").tower, {"vision": smol.VISION}, other / "adapter", PREFIX)
    assert main(["--run", str(other), "--out", str(tmp_path / "out")]) == 2
    assert "is no adapter of this" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("head", ["waypoint", "caption"])
def test_line_1_an_adapter_is_merged_into_the_checkpoint_that_it_was_trained_upon_alone(head, tmp_path, capsys):
    build_captioner("smol").save_pretrained(tmp_path / "base")
    run = run_of(tmp_path, encoder="smol", head=head, checkpoint=str(tmp_path / "base"))
    trained(build_encoder("smol").tower, {"vision": smol.VISION}, run / "adapter", PREFIX)
    leave_facts(run)
    another("mini", tmp_path / "base")
    assert main(["--run", str(run), "--out", str(tmp_path / "out")]) == 2
    assert "or train again" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_numbers_that_are_none_are_refused(tmp_path):
    tower = trained(build_encoder("smol").tower, {"vision": smol.VISION}, tmp_path, PREFIX)
    next(iter(adapter_parameters(tower).values())).data.fill_(float("nan"))
    with pytest.raises(ValueError, match="numbers that are none"):
        merge_adapter(tower)
