"""LoRA adapters: attached where they should be and nowhere else, saved as PEFT reads them, refused where unfit."""

import json
import shutil
import sys

import pytest
import torch
from peft import PeftModel
from tiny_vlms import tiny_qwen
from transformers import AutoModelForImageTextToText, CLIPVisionModel

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models.adapters import (
    LoraTargets,
    adapter_parameters,
    attach_lora,
    load_adapter,
    save_adapter,
)
from roadcue.models.auto.lora_targets import targets_of
from roadcue.models.checkpoint import resolve_checkpoint
from roadcue.models.flamingo import lora_targets as flamingo
from roadcue.models.flamingo.encoder import FlamingoEncoder
from roadcue.models.learning_encoder import use_adapter
from roadcue.models.registry import build_captioner, build_encoder
from roadcue.models.smol import lora_targets as smol
from roadcue.models.smol.loading import PREFIX, load_tower

RANK_4 = {"rank": 4, "alpha": 8.0}
MINI = resolve_checkpoint("mini")
VISION = {"vision": smol.VISION}


def tower():
    return load_tower(MINI).eval()


def seen(tower) -> torch.Tensor:
    """What a tower makes of two drawn pictures."""
    side, levels = tower.config.image_size, torch.Generator().manual_seed(0)
    with torch.no_grad():
        return tower(torch.randn(2, 3, side, side, generator=levels).to(tower.dtype)).last_hidden_state


def learnt(module, **options):
    """An adapter that is not at its start any more."""
    torch.manual_seed(0)
    attached = attach_lora(module, **{**RANK_4, **options})
    for weight in adapter_parameters(module).values():
        torch.nn.init.normal_(weight, std=0.05) if weight.ndim > 1 else weight.data.mul_(1.1)
    return attached


def test_a_new_adapter_changes_nothing_and_alone_learns():
    module = tower()
    before = seen(module)
    attached = attach_lora(module, VISION, **RANK_4, dropout=0.1, root=PREFIX)
    assert torch.equal(seen(module), before)
    learns = {name for name, weight in module.named_parameters() if weight.requires_grad}
    assert learns == set(adapter_parameters(module))
    blocks, width, inner = (
        getattr(module.config, name) for name in ("num_hidden_layers", "hidden_size", "intermediate_size")
    )
    assert len(attached.modules["vision"]) == 6 * blocks
    assert attached.parameters == {"vision": blocks * 4 * (4 * 2 * width + 2 * (width + inner))}
    assert f"LoRA of rank 4 in {6 * blocks} layers of the vision tower" in attached.said


def test_only_the_last_blocks():
    module = tower()
    blocks = module.config.num_hidden_layers
    attached = attach_lora(module, VISION, **RANK_4, last=1, root=PREFIX)
    assert {name.split(".")[4] for name in attached.modules["vision"]} == {str(blocks - 1)}
    with pytest.raises(BadEncoder, match=rf"--lora.last {blocks + 1}: the vision tower has {blocks} blocks"):
        attach_lora(tower(), VISION, **RANK_4, last=blocks + 1, root=PREFIX)


def test_a_layer_that_is_nowhere_is_named():
    misspelt = {"vision": LoraTargets(smol.VISION.blocks, ("self_attn.q_porj", "mlp.fc1"))}
    with pytest.raises(BadEncoder, match=r"would miss self_attn\.q_porj"):
        attach_lora(tower(), misspelt, **RANK_4, root=PREFIX)
    with pytest.raises(BadEncoder, match=r"there is no model\.eyes\.layers"):
        attach_lora(tower(), {"vision": LoraTargets("model.eyes.layers", ("mlp.fc1",))}, **RANK_4, root=PREFIX)


@pytest.mark.parametrize("scope", ["vision", "text", "both"])
@pytest.mark.parametrize("family", ["smol", "flamingo"])
def test_no_other_tower_is_reached(family, scope):
    model = build_captioner(family).model
    targets = {"smol": smol.TARGETS, "flamingo": flamingo.TARGETS}[family]
    chosen = {name: targets[name] for name in targets if scope in (name, "both")}
    attached = attach_lora(model, chosen, **RANK_4)
    adapted = {name.split(".lora_")[0] for name in adapter_parameters(model)}
    assert adapted == {name for names in attached.modules.values() for name in names}
    for name in adapted:
        assert any(name.startswith(f"{one.blocks}.") for one in chosen.values())
    assert set(attached.modules) == set(chosen)
    assert sum(attached.parameters.values()) == sum(w.numel() for w in adapter_parameters(model).values())


def test_towers_of_any_model_are_found(tmp_path):
    targets = targets_of(AutoModelForImageTextToText.from_pretrained(MINI))
    for scope, ours in smol.TARGETS.items():
        assert (targets[scope].blocks, set(targets[scope].modules)) == (ours.blocks, set(ours.modules))
    qwen = AutoModelForImageTextToText.from_pretrained(tiny_qwen(tmp_path))
    attached = attach_lora(qwen, targets_of(qwen), **RANK_4, last=1)
    assert {name.split(".1.")[0] for name in attached.modules["vision"]} == {"model.visual.blocks"}
    assert {name.split(".1.")[0] for name in attached.modules["text"]} == {"model.language_model.layers"}


@pytest.mark.parametrize("options", [{}, {"rslora": True}, {"dora": True}, {"last": 1}])
def test_what_is_saved_is_read_by_peft_and_by_us(options, tmp_path):
    module = tower()
    before = seen(module)
    attached = learnt(module, targets=VISION, root=PREFIX, **options)
    save_adapter(module, attached, tmp_path, base="HuggingFaceTB/SmolVLM2-2.2B-Instruct")
    after = seen(module)
    assert not torch.allclose(before, after, atol=1e-3)
    again = tower()
    assert load_adapter(again, tmp_path, PREFIX) == f"LoRA of rank 4 in {len(attached.modules['vision'])} layers"
    assert torch.equal(seen(again), after)
    assert not any(weight.requires_grad for weight in again.parameters())
    plain = AutoModelForImageTextToText.from_pretrained(MINI).eval()
    assert torch.equal(seen(plain.model.vision_model), before)
    theirs = PeftModel.from_pretrained(plain, tmp_path)
    torch.testing.assert_close(seen(theirs.base_model.model.model.vision_model), after)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


def test_peft_reads_an_adapter_of_clip(tmp_path):
    encoder = build_encoder("flamingo")
    assert isinstance(encoder, FlamingoEncoder)
    encoder.tower.save_pretrained(tmp_path / "clip")
    attached = learnt(encoder.tower, targets={"vision": flamingo.TOWER})
    save_adapter(encoder.tower, attached, tmp_path / "adapter")
    theirs = PeftModel.from_pretrained(CLIPVisionModel.from_pretrained(tmp_path / "clip"), tmp_path / "adapter")
    torch.testing.assert_close(seen(theirs.base_model.model), seen(encoder.tower))


def test_an_adapter_beside_bf16_is_kept_in_fp32(tmp_path):
    module = tower().bfloat16()
    attached = learnt(module, targets=VISION, root=PREFIX)
    assert {weight.dtype for weight in adapter_parameters(module).values()} == {torch.float32}
    assert seen(module).dtype == torch.bfloat16
    save_adapter(module, attached, tmp_path)
    load_adapter(again := tower().bfloat16(), tmp_path, PREFIX)
    assert torch.equal(seen(again), seen(module))


def test_an_adapter_that_does_not_fit_is_refused(tmp_path):
    module = tower()
    save_adapter(module, attached := learnt(module, targets=VISION, root=PREFIX), tmp_path / "ours")
    with pytest.raises(BadCheckpoint, match="no adapter of this CLIPVisionModel"):
        load_adapter(build_encoder("flamingo").tower, tmp_path / "ours")
    for change, sentence in (
        ({"r": 8}, "its weights have rank 4, and its adapter_config.json says 8"),
        ({"r": 10**12}, "its weights have rank 4"),  # before memory is taken for it
        ({"r": "many"}, "r is 'many'"),
        ({"r": True}, "r is True"),
        ({"lora_alpha": float("nan")}, "lora_alpha nan; both must be numbers above 0"),
        ({"lora_alpha": -1.0}, "lora_alpha -1.0"),
        ({"use_dora": True}, "does not fit its adapter_config.json"),
        ({"peft_type": "IA3"}, "peft_type is 'IA3'"),
        ({"rank_pattern": {"q_proj": 2}}, "different ranks"),
    ):
        shutil.copytree(tmp_path / "ours", tmp_path / "other", dirs_exist_ok=True)
        config = json.loads((tmp_path / "ours" / "adapter_config.json").read_text())
        (tmp_path / "other" / "adapter_config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(BadCheckpoint, match=sentence):
            load_adapter(tower(), tmp_path / "other", PREFIX)
    next(iter(adapter_parameters(module).values())).data[0, 0] = float("inf")
    save_adapter(module, attached, tmp_path / "broken")
    with pytest.raises(BadCheckpoint, match="not finite numbers, the file is damaged"):
        load_adapter(tower(), tmp_path / "broken", PREFIX)
    (tmp_path / "ours" / "adapter_model.safetensors").write_bytes(b"short")
    with pytest.raises(BadCheckpoint, match="not a whole safetensors file"):
        load_adapter(tower(), tmp_path / "ours", PREFIX)


def test_line_1_by_how_much_an_adapter_counts_is_a_part_of_its_fingerprint(tmp_path):
    module = tower()
    save_adapter(module, learnt(module, targets=VISION, root=PREFIX), tmp_path)
    use_adapter(before := build_encoder("smol"), tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "lora_alpha": 16.0}))
    use_adapter(after := build_encoder("smol"), tmp_path)
    assert before.fingerprint["adapter"] != after.fingerprint["adapter"]


def test_an_adapter_is_no_checkpoint(tmp_path):
    module = tower()
    save_adapter(module, learnt(module, targets=VISION, root=PREFIX), tmp_path)
    with pytest.raises(BadCheckpoint, match="is an adapter, which changes a checkpoint and is none"):
        build_encoder("smol", checkpoint=str(tmp_path))


def test_line_1_a_run_folder_is_no_checkpoint(tmp_path):
    for name in ("config.yaml", "run.json"):
        (tmp_path / name).touch()
    with pytest.raises(BadCheckpoint, match="is a run folder, not a checkpoint; go on from it with --from"):
        build_encoder("smol", checkpoint=str(tmp_path))


def test_without_peft_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(BadEncoder, match=r"LoRA needs the package peft; install it: pip install 'roadcue\[lora\]'"):
        attach_lora(tower(), VISION, **RANK_4, root=PREFIX)
