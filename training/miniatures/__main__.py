"""Train a miniature: python -m roadcue.training.miniatures. The same command goes on where it was stopped."""

import shlex
import sys

import torch
from lightning.pytorch import seed_everything

from roadcue.command_line import parse, run
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.sentences import show
from roadcue.training.build import device, device_name
from roadcue.training.going_on import working_on
from roadcue.training.miniatures.answers import score_answers, text_losses
from roadcue.training.miniatures.beginning import keep_beginning
from roadcue.training.miniatures.card import write_card
from roadcue.training.miniatures.config import FREE_TO_CHANGE, PretrainConfig
from roadcue.training.miniatures.drawing import draw_examples
from roadcue.training.miniatures.drawn_folder import claim, digest_of, drawn_folder, identity_of
from roadcue.training.miniatures.examples import Examples
from roadcue.training.miniatures.knowledge import FLAGS, NUMBERS
from roadcue.training.miniatures.miniature import make_miniature, miniature_class
from roadcue.training.miniatures.module import MiniatureModule
from roadcue.training.miniatures.objectives import Objectives
from roadcue.training.miniatures.readings import score_readings
from roadcue.training.miniatures.tower import write_world
from roadcue.training.run_folder import RunFolder, is_finished, run_facts
from roadcue.training.steps import TrainingSteps
from roadcue.training.trainer import fit


def main(config: PretrainConfig, config_text: str) -> None:
    """Draw, train, score, write the checkpoint into the run folder."""
    folder = RunFolder.for_training(config.run_dir, config.resume)
    if is_finished(folder, config, FREE_TO_CHANGE):
        show(f"{folder.path} is finished; nothing left to train")
        return
    identity = identity_of(config)
    began = {"set of drawn pictures": digest_of(identity), **miniature_class(config.model).begins_with()}
    keep_beginning(folder, began)
    drawn = drawn_folder(config, identity)
    claim(drawn, identity)
    train, held_out = draw_examples(config, drawn, config.workers)
    show(f"{len(train)} drawn pictures to learn from, {len(held_out)} held out")
    seed_everything(config.seed, verbose=False)
    steps = TrainingSteps(train, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    module = _module(config, train, len(steps))
    resuming = folder.last.exists()
    with working_on(folder):
        folder.begin(config_text)
        on = device(config.device)
        spent = fit(module, steps, folder, config, device=on, resuming=resuming, clip=1.0, slow=True)
        module.cpu().eval()
        # In the numbers that are shipped, then scored.
        module.to(torch.bfloat16).float()
        readings = score_readings(module, held_out)
        written = text_losses(module.miniature, held_out) | score_answers(module.miniature, held_out)
        module.miniature.save(folder.model)
        write_world(folder.model)
        amount = {"pictures": len(train), "steps": len(steps)}
        write_card(folder.model / "README.md", config, module.miniature, began, amount, readings, written)
        command = shlex.join(["python", *sys.argv])
        rows = {"train": len(train), "val": len(held_out)}
        folder.write_facts(run_facts(device_name(config.device), command, spent, seed=config.seed, rows=rows))
    show(f"done: {folder.model}")


def _module(config: PretrainConfig, train: Examples, steps: int) -> MiniatureModule:
    miniature = make_miniature(config.model, train.texts)
    width = miniature.sizes["vision"]["hidden_size"]
    objectives = Objectives(width, len(SemanticClass), len(NUMBERS), len(FLAGS), miniature.latents)
    objectives.learn_scales(train.labels("numbers"), train.labels("flags"))
    return MiniatureModule(miniature, objectives, config, steps)


if __name__ == "__main__":
    sys.exit(run(main, *parse(PretrainConfig)))
