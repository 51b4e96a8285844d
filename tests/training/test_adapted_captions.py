"""Captioners in stage two: LoRA on frozen towers, in NF4 or not; what learns, what stays, what takes such a run."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from captioned import batch_of
from drawn_road import drawn_road
from drawn_walks import drawn_walks
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

import roadcue
from roadcue import train
from roadcue.command_line import parse
from roadcue.errors import BadInput
from roadcue.evaluation.conditions import FREE, Condition
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.writing import CaptionRun
from roadcue.inference.public_run import write_public_run
from roadcue.models.adapters import adapter_parameters
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.registry import build_captioner
from roadcue.training import trainer
from roadcue.training.captions import fine_tuning
from roadcue.training.captions.adapted import finished_captioner, start
from roadcue.training.captions.lessons import Lessons
from roadcue.training.captions.module import CaptionModule
from roadcue.training.captions.targets import instruction_for
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
ASKED, ANSWERS = "What is ahead?", ["A car is on the left.", "A tree."]


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six pictures to learn from and two others, in SENSATION's files."""
    return drawn_walks(tmp_path_factory, train=6, val=2)


def words(folder, run, *more: str) -> list[str]:
    """Of a command."""
    given = {"--data": "sensation", "--data_dir": str(folder), "--run_dir": str(run), "--device": "cpu"}
    given |= {"--head": "caption", "--precision": "fp32", "--workers": "0", "--epochs": "1", "--batch_size": "3"}
    given |= {"--warm_up": "0", "--checkpoint_every": "1", "--caption.val_texts": "0"}
    return [word for pair in given.items() if pair[0] not in more for word in pair] + list(more)


def learn(folder, run, *more: str) -> RunFolder:
    assert train.main(words(folder, run, *more)) == 0
    return RunFolder.of(run)


def status(command: list[str]) -> int:
    """The exit status, also of words that are refused before anything is done."""
    try:
        return train.main(command)
    except SystemExit as refused:
        return int(refused.code)


def configured(folder, run, *more: str) -> TrainConfig:
    return parse(TrainConfig, words(folder, run, *more))[0]


@pytest.fixture(scope="module", params=["smol", "flamingo"])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def stage_one(folder, family, tmp_path_factory):
    """A caption run that has learnt as its family does."""
    return learn(folder, tmp_path_factory.mktemp("one") / family, "--encoder", family, "--lr", "1e-3")


@pytest.fixture(scope="module")
def adapted(folder, stage_one, tmp_path_factory):
    """A stage two upon it, in both towers."""
    run = tmp_path_factory.mktemp("two") / "run"
    lora = ["--stage", "lora", "--from", str(stage_one.path), "--lora.rank", "4", "--lora.scope", "both"]
    return learn(folder, run, *lora, "--lr", "5e-3", "--epochs", "3")


def options_of(run: RunFolder) -> TrainConfig:
    return parse(TrainConfig, ["--config", str(run.config)])[0]


def pictures(captioner):
    return torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.3, 0.7)])


@torch.no_grad()
def loss_of(captioner) -> torch.Tensor:
    return captioner.loss(batch_of(captioner, pictures(captioner), ASKED, ANSWERS))


@torch.no_grad()
def loss_of_training(captioner, config: TrainConfig) -> float:
    """Of the pictures that a run has learnt from."""
    learnt, _ = fine_tuning.caption_pictures(config, captioner, fine_tuning.caption_options(config), "train")
    batch = learnt.batch(np.arange(len(learnt)))
    prompt = captioner.prompt(instruction_for(learnt.target, captioner))
    visual = captioner.encode(batch["pixels"].flatten(0, -4))
    return float(captioner.loss(captioner.batch(visual, prompt, learnt.texts(batch["rows"].tolist()))))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_before_the_first_step_it_reads_as_stage_one_does(folder, stage_one, precision, tmp_path):
    config = configured(folder, tmp_path, "--stage", "lora", "--from", str(stage_one.path), "--lora.scope", "both")
    before, _ = finished_captioner(stage_one, options_of(stage_one), "cpu")
    begin = start(config, None)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        assert torch.equal(loss_of(begin.captioner.eval()), loss_of(before))
    begin.captioner.train()
    assert torch.equal(loss_of(begin.captioner), loss_of(before)), "dropout is of what is zero"


def test_the_validation_loss_before_the_first_step_is_that_of_stage_one(folder, stage_one, tmp_path):
    lora = ["--stage", "lora", "--from", str(stage_one.path), "--lr", "1e-12"]
    run = learn(folder, tmp_path / "run", *lora)
    one, two = (load_logged(each) for each in (stage_one, run))
    assert two[-1] == pytest.approx(one[-1], rel=1e-6)


def load_logged(run: RunFolder) -> list[float]:
    lines = [line for file in sorted(run.logs.glob("*/metrics.csv")) for line in file.read_text().splitlines()]
    column = lines[0].split(",").index("val/loss")
    return [float(value) for line in lines[1:] if (value := line.split(",")[column])]


def test_the_adapter_alone_learns_and_what_is_below_stays_to_the_bit(stage_one, adapted, family):
    now, _ = finished_captioner(adapted, options_of(adapted), "cpu")
    learnt = adapter_parameters(now.model)
    assert now.trainable_parameters().keys() == {f"model.{name}" for name in learnt}
    assert all(weight.abs().max() > 0 for name, weight in learnt.items() if "lora_B" in name)
    assert {"vision" in name for name in learnt} == {True, False}
    before = build_captioner(family, checkpoint=str(stage_one.model))
    held = {name.replace(".base_layer", ""): weight for name, weight in now.model.named_parameters()}
    for name, weight in before.model.named_parameters():
        assert torch.equal(held[name], weight)
    assert loss_of_training(now, options_of(adapted)) < 0.9 * loss_of_training(before, options_of(adapted))
    facts = adapted.read_facts()
    counted = sum(weight.numel() for weight in learnt.values())
    assert facts["stage_two"]["encoder_parameters"] == facts["trainable"] == counted
    assert facts["stage_two"]["encoder_learns"].startswith("LoRA of rank 4 in ")
    assert "LoRA of rank 4" in now.description
    assert sorted(file.name for file in adapted.adapter.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert not list(adapted.model.glob("*.safetensors")), "the checkpoint is not copied"


def test_a_step_changes_no_weight_below_the_adapter(folder, tmp_path, monkeypatch):
    begun, begin = [], fine_tuning.start

    def started(*given):
        begun.append(begin(*given))
        begun.append({name: weight.clone() for name, weight in begun[0].captioner.model.named_parameters()})
        return begun[0]

    monkeypatch.setattr(fine_tuning, "start", started)
    learn(folder, tmp_path / "run", "--stage", "lora", "--lora.scope", "both", "--lora.dora", "--lora.rank", "2")
    for name, weight in begun[0].captioner.model.named_parameters():
        assert torch.equal(weight, begun[1][name]) == ("lora_" not in name), name


@pytest.mark.parametrize("more", [[], ["--quantize", "nf4", "--optimizer", "adamw8bit", "--lora.rank", "32"]])
def test_a_stopped_run_goes_on_to_the_same_adapter(folder, tmp_path, monkeypatch, more):
    lora = ["--stage", "lora", "--lora.dropout", "0.2", *more]
    whole = learn(folder, tmp_path / "whole", *lora)

    class Stop(trainer.SayProgress):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "SayProgress", Stop)
        assert train.main(words(folder, tmp_path / "stopped", *lora)) == 130
    stopped = learn(folder, tmp_path / "stopped", *lora, "--resume", "auto")
    one, other = (load_file(run.adapter / "adapter_model.safetensors") for run in (whole, stopped))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert status(words(folder, tmp_path / "stopped", *lora, "--resume", "auto", "--lr", "0.1")) == 2


def test_a_run_is_scored_and_predicts_as_any_other(adapted):
    options = options_of(adapted)
    run = CaptionRun.of(adapted, options, EvalConfig(run=[str(adapted.path)]))
    assert run.detector is not None
    assert len(run.pictures) == 2
    learnt, _ = finished_captioner(adapted, options, "cpu")
    assert torch.equal(loss_of(run.captioner), loss_of(learnt))
    predictor = roadcue.load(adapted.path)
    assert predictor.predict(drawn_road())["caption"].text
    counted = sum(weight.numel() for weight in adapter_parameters(learnt.model).values())
    assert run.cost(Condition(FREE)).learnt == pytest.approx(counted / 1e6)


def test_transformers_and_peft_read_what_was_saved(stage_one, adapted, family):
    """Where transformers has the model; of OpenFlamingo the class is RoadCue's."""
    ours, _ = finished_captioner(adapted, options_of(adapted), "cpu")
    whole = Flamingo if family == "flamingo" else AutoModelForImageTextToText
    plain = whole.from_pretrained(stage_one.model).eval()
    theirs = PeftModel.from_pretrained(plain, adapted.adapter)
    batch = batch_of(ours, pictures(ours), ASKED, ANSWERS)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    pixels = ours.normalise(pictures(ours))[:, None]
    with torch.no_grad():
        torch.testing.assert_close(theirs(**inputs, pixel_values=pixels).loss, loss_of(ours))


def test_a_run_upon_another_run_is_not_pushed_without_it(adapted, tmp_path):
    with pytest.raises(BadInput, match=r"stands on the run .*, which others do not have; merge both \(python -m"):
        write_public_run(adapted, options_of(adapted), tmp_path, None)


def test_another_checkpoint_below_is_told_from_the_one_that_was_trained_on(stage_one, adapted, tmp_path):
    moved = shutil.copytree(stage_one.path, tmp_path / "moved")
    config = replace(options_of(adapted), from_run=str(moved))
    finished_captioner(adapted, config, "cpu")
    again = build_captioner(config.encoder)
    again.save_pretrained(moved / "model")
    with pytest.raises(BadInput, match=r"was trained on a checkpoint with weights = .*put it back, or train again"):
        finished_captioner(adapted, config, "cpu")
    shutil.rmtree(moved)
    with pytest.raises(BadInput, match="no run here"):
        finished_captioner(adapted, config, "cpu")


def test_nf4_below_an_adapter_is_found_again(folder, tmp_path):
    run = learn(folder, tmp_path / "run", "--stage", "lora", "--quantize", "nf4", "--lr", "1e-2", "--lora.rank", "4")
    captioner, _ = finished_captioner(run, options_of(run), "cpu")
    kinds = {type(layer).__name__ for layer in captioner.model.modules()}
    assert "Linear4bit" in kinds
    assert "linear layers of the language model in NF4" in run.read_facts()["captioner"]
    assert {weight.dtype for weight in adapter_parameters(captioner.model).values()} == {torch.float32}
    plain = build_captioner("smol", quantize="nf4")
    assert loss_of(captioner) != loss_of(plain)


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_what_is_frozen_is_held_in_its_dtype_and_the_adapter_in_fp32(folder, tmp_path, dtype):
    lora = ["--stage", "lora", "--dtype", dtype, "--lora.scope", "both", "--lr", "1e-3", "--limit", "2"]
    run = learn(folder, tmp_path / "run", *lora)
    captioner, _ = finished_captioner(run, options_of(run), "cpu")
    assert captioner.dtype == dtype
    learnt = adapter_parameters(captioner.model)
    assert {weight.dtype for weight in learnt.values()} == {torch.float32}
    assert all(weight.isfinite().all() for weight in learnt.values())
    assert all(weight.abs().max() > 0 for name, weight in learnt.items() if "lora_B" in name)


def module_of(begin, **settings) -> CaptionModule:
    """What learns, without the data."""
    module = CaptionModule.__new__(CaptionModule)
    torch.nn.Module.__init__(module)
    module.captioner, module.attached, module.opened = begin.captioner, begin.attached, begin.opened
    for name, value in settings.items():
        setattr(module, name, value)
    return module


@pytest.mark.parametrize("more", [["--accumulate", "2"], ["--gradient_checkpointing"]])
def test_less_memory_gives_the_same_gradient(folder, family, tmp_path, more):
    lora = ["--encoder", family, "--stage", "lora", "--lora.scope", "both", "--lora.dropout", "0"]
    gradients = []
    for options in ([], more):
        config = configured(folder, tmp_path, *lora, *options)
        begin = start(config, None)
        torch.manual_seed(1)
        for name, weight in adapter_parameters(begin.captioner.model).items():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.02)
        begin.captioner.model.double()
        captioner = begin.captioner
        prompts = [captioner.prompt(ASKED)] * 3
        seen = [*pictures(captioner), pictures(captioner)[0]]
        lessons = Lessons([one[None] for one in seen], prompts, [*ANSWERS, "A road, two cars and a tree."])
        loss, tokens = module_of(begin, parts=config.accumulate).loss(lessons)
        assert tokens == sum(len(captioner.answer_ids(answer)) for answer in lessons.answers)
        loss.backward()
        gradients.append({name: weight.grad for name, weight in adapter_parameters(captioner.model).items()})
    once, other = gradients
    for name, gradient in once.items():
        torch.testing.assert_close(other[name], gradient, rtol=1e-5, atol=1e-7)
    assert max(float(gradient.abs().max()) for gradient in once.values()) > 1e-3


def test_the_tower_learns_at_its_own_rate(folder, tmp_path):
    config = configured(folder, tmp_path, "--stage", "lora", "--lora.scope", "both", "--encoder_lr", "0.25")
    module = module_of(start(config, None), lr=8e-4, tower_lr=config.encoder_lr, weight_decay=0.0)
    rates = {group["lr"]: len(group["params"]) for group in module.parameter_groups()}
    assert rates == {8e-4: 2 * 3 * 7, 2e-4: 2 * 4 * 6}


def test_all_of_a_captioner_learns(folder, family, stage_one, tmp_path):
    full = ["--stage", "full", "--from", str(stage_one.path), "--lr", "1e-3", "--encoder_lr", "0.5"]
    run = learn(folder, tmp_path / "run", *full)
    before, after = (finished_captioner(each, options_of(each), "cpu")[0] for each in (stage_one, run))
    then = dict(before.model.named_parameters())
    parts = {}
    for name, weight in after.model.named_parameters():
        parts.setdefault("vision" in name, []).append(not torch.equal(weight, then[name]))
    assert all(sum(moved) > 0.9 * len(moved) for moved in parts.values()), "but what rounding leaves still"
    numbers = sum(weight.numel() for weight in then.values())
    assert run.read_facts()["stage_two"]["encoder_parameters"] == run.read_facts()["trainable"] == numbers
    assert sum(weight.numel() for weight in after.trainable_parameters().values()) == numbers
    if family == "flamingo":
        words = "model.lang_encoder.transformer.wte.weight"
        moved = (after.get_parameter(words) != before.get_parameter(words)).any(dim=1)
        assert moved.sum() > 2, "no row is kept as it was"


def test_what_learns_in_no_other_stage_learns_at_its_own_rate(folder, family, tmp_path):
    words = ["--encoder", family, "--stage", "full", "--encoder_lr", "0.25"]
    begin = start(configured(folder, tmp_path, *words), None)
    module = module_of(begin, lr=8e-4, tower_lr=0.25, weight_decay=0.1)
    rates = {id(weight): group["lr"] for group in module.parameter_groups() for weight in group["params"]}
    usual = {id(weight) for weight in build_captioner(family).trainable_parameters().values()}
    assert len(usual) == list(rates.values()).count(8e-4)
    assert len(rates) == len(list(begin.captioner.model.parameters()))
    tower = next(weight for name, weight in begin.captioner.model.named_parameters() if "vision" in name)
    assert rates[id(tower)] == 2e-4


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--quantize", "nf4"], "--quantize nf4: weights in 4 bits do not learn themselves; add --stage lora"),
        (["--stage", "lora", "--encoder", "flamingo", "--caption.gate_init", "0.1"], "--caption.gate_init: changes"),
        (["--stage", "lora", "--augment", "0.5"], "--augment: is of heads; .*--caption.weather"),
        (["--encoder_lr", "0.5"], "--encoder_lr: is of an encoder that learns"),
        (["--stage", "lora", "--lora.last", "9"], "--lora.last 9: the text tower has 3 blocks"),
        (["--stage", "lora", "--optimizer", "paged_adamw8bit"], "--optimizer paged_adamw8bit: .*take adamw8bit"),
    ],
)
def test_what_cannot_be_is_said(folder, tmp_path, capsys, more, sentence):
    assert status(words(folder, tmp_path / "run", *more)) == 2
    assert re.search(sentence, capsys.readouterr().err)


def test_defaults_are_those_of_qlora():
    config = TrainConfig(head="caption", stage="lora")
    assert (config.lr, config.weight_decay, config.lora.scope, config.lora.rank) == (2e-4, 0.0, "text", 16)
