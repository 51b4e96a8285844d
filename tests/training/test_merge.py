"""A merged checkpoint: the features and texts of the run, in a folder that every --checkpoint takes."""

import json

import pytest
import torch

from roadcue.models.adapters import adapter_parameters, attach_lora, lora_layers, save_adapter
from roadcue.models.flamingo import lora_targets as flamingo
from roadcue.models.merging import merge_adapter
from roadcue.models.registry import build_captioner, build_encoder
from roadcue.models.smol import lora_targets as smol
from roadcue.models.smol.loading import PREFIX
from roadcue.options_as_text import as_yaml
from roadcue.training.config import TrainConfig
from roadcue.training.merge import main

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
    (folder / "config.yaml").write_text(as_yaml(TrainConfig(**options)))
    (folder / "run.json").write_text(json.dumps(FACTS))
    return folder


def merged_into(out, run):
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


def test_numbers_that_are_none_are_refused(tmp_path):
    tower = trained(build_encoder("smol").tower, {"vision": smol.VISION}, tmp_path, PREFIX)
    next(iter(adapter_parameters(tower).values())).data.fill_(float("nan"))
    with pytest.raises(ValueError, match="numbers that are none"):
        merge_adapter(tower)
