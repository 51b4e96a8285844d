"""How fast a stage two trains, as a share of the same loop over one batch that lies in memory.

    python benchmarks/stage_two_rate.py [--layers 4] [--batch 8] [--augment 0.5] [--device cuda]
    python benchmarks/stage_two_rate.py --quick      the miniature and few pictures: the number then means nothing

Pictures of drawn drives are decoded, resized and encoded in every step, ahead of it in `--workers` threads, with LoRA
of rank 16 in a tower of the published width with random weights. The reference repeats one batch: the same forward,
backward and optimizer step, and nothing else. Both are measured by turns. A profile says what each part of what is
ahead of a step takes of the CPU, and the line below it how long all of it takes when nothing else is done.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
import torch
from ratio_lines import print_ratios
from tower import PREPROCESSING, VISION
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionTransformer

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders import picture_file
from roadcue.models.learning_encoder import learning, let_adapter_learn
from roadcue.models.registry import build_encoder
from roadcue.models.smol.encoder import SmolEncoder
from roadcue.roadworld.dataset import open_roadworld
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit, encoding
from roadcue.training.heads.fitting import build_model
from roadcue.training.stage_two.augmentation import Augmentation
from roadcue.training.stage_two.config import LoraOptions
from roadcue.training.stage_two.module import PicturesModule
from roadcue.training.stage_two.pictures import PictureBatch, PictureSplit
from roadcue.training.steps import TrainingSteps

Result = TypeVar("Result")
DRIVES = RoadWorldSpec(20, 1, seconds=20, stride=10, cameras=("FRONT",))
FEW_DRIVES = RoadWorldSpec(3, 1, seconds=8, stride=10, width=160, height=178, cameras=("FRONT",))


def encoder_of(layers: int, dtype: str, device: str) -> SmolEncoder:
    """A tower of the published width with so many of its 27 layers and random weights; 0: the miniature."""
    if not layers:
        return build_encoder("smol", dtype=dtype, device=device)  # type: ignore[arg-type, return-value]
    tower = SmolVLMVisionTransformer(SmolVLMVisionConfig(**VISION | {"num_hidden_layers": layers}))
    origin = f"random weights, {layers} of 27 layers"
    return SmolEncoder(tower, PREPROCESSING, dtype=dtype, origin=origin).to(device)  # type: ignore[arg-type]


class Step:
    """One optimizer step of a stage two, without Lightning."""

    def __init__(self, split: StoredSplit, encoder: SmolEncoder, config: TrainConfig, device: str) -> None:
        """The heads' statistics are of random features: what they say does not matter here."""
        self.model, self.device = build_model(config, encoder), device
        rows = np.arange(len(split))
        batch = StoredSplit.batch(split, rows)
        cells = config.grid**2
        batch["stored"] = torch.randn(len(rows), 1, cells, encoder.width)
        batch["present"] = torch.ones(len(rows), 1, dtype=torch.bool)
        self.model.fit([batch])
        let_adapter_learn(learning(encoder), LoraOptions().settings)
        self.module = PicturesModule(self.model, encoder, config, steps=1000).to(device).train()
        self.optimizer = torch.optim.AdamW([w for w in self.module.parameters() if w.requires_grad], lr=1e-5)

    def __call__(self, batch: PictureBatch) -> None:
        """Encode, predict, and learn from the loss."""
        on_device = self.module.transfer_batch_to_device(batch, torch.device(self.device), 0)
        encoded = self.module.encoded(on_device)
        predicted = self.model(encoded)
        losses = self.module.losses(predicted, encoded["targets"])
        self.optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()


def rate(step: Step, batches: Iterable[PictureBatch], pictures: int) -> float:
    """Pictures per second; the first batch is waited for before the clock starts."""
    waiting = iter(batches)
    step(next(waiting))
    _wait(step.device)
    began, done = time.perf_counter(), 0
    for batch in waiting:
        step(batch)
        done += pictures
    _wait(step.device)
    return done / (time.perf_counter() - began)


def profile(split: PictureSplit, positions: np.ndarray) -> dict[str, float]:
    """Part of what is done ahead of a step, as it is in the data set -> milliseconds of the CPU a picture."""
    seconds = dict.fromkeys(("read", "decode", "resize"), 0.0)

    def timed(part: str, do: Callable[..., Result], *words: object) -> Result:
        began = time.thread_time()
        done = do(*words)
        seconds[part] += time.thread_time() - began
        return done

    pictures = [(row, camera) for row in split.rows[positions].tolist() for camera in split.cameras]
    for row, camera in pictures:
        encoded = timed("read", split.dataset.image, row, camera)
        timed("resize", split.preprocess, *timed("decode", picture_file.decode_at_least, encoded, camera, split.side))
    parts = sum(seconds.values())
    seconds["all"] = 0.0
    timed("all", split.batch, positions)
    seconds["put together"] = max(0.0, seconds.pop("all") - parts)
    return {part: 1000 * spent / len(pictures) for part, spent in seconds.items()}


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Print both rates and their ratio."""
    write_roadworld(FEW_DRIVES if options.quick else DRIVES, folder / "drives", workers=1)
    data = open_roadworld(folder / "drives", "train")
    encoder = encoder_of(options.layers, options.dtype, options.device)
    config = TrainConfig(
        batch_size=options.batch,
        augment=options.augment,
        from_run="-",
        device=options.device,
        head_options={"waypoint": WaypointConfig(residual="none")},
    )
    stored = StoredSplit.of(data, None)
    split = PictureSplit.of(stored, encoder, config.camera_names, config.picture_names)
    step = Step(stored, encoder, config, options.device)
    augmented = None
    if options.augment:
        heads = step.model.heads.values()
        augmentation = Augmentation.of(options.augment, config.picture_names, heads)
        augmented = partial(split.augmented, augmentation=augmentation, heads=encoding(heads), seed=0)

    def steps(seed: int) -> TrainingSteps[PictureBatch]:
        return TrainingSteps(
            split, batch_size=options.batch, epochs=100, seed=seed, ahead=options.workers, of_epoch=augmented
        )

    one = split.batch(np.arange(options.batch))
    parts = profile(split, np.arange(min(len(split), 8 * options.batch)))
    began = time.perf_counter()
    made = sum(len(batch["present"]) for batch in islice(steps(7), 8))
    decoding = (time.perf_counter() - began) / made
    loops, repeated = [], []
    for turn in range(options.turns):
        loops.append(rate(step, islice(steps(turn), options.steps + 1), options.batch))
        repeated.append(rate(step, repeat(one, options.steps + 1), options.batch))
    print(
        f"{encoder.description}; batches of {options.batch}, {options.workers} threads decode ahead, {options.device}"
    )
    print(f"stage two: {median(loops):.2f} pictures/s; one batch repeated: {median(repeated):.2f} pictures/s")
    said = ", ".join(f"{part} {spent:.2f}" for part, spent in parts.items())
    print(f"of the CPU ahead of a step, as it is: {said} ms a picture")
    print(f"all that is ahead of a step, alone: {1000 * decoding:.1f} ms a picture")
    print_ratios("one batch repeated", {"stage_two_rate": median(loops) / median(repeated)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=4, help="of the published 27; 0: the miniature")
    parser.add_argument("--dtype", default="fp32", choices=["fp32", "bf16", "fp16"])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, default=4, help="pictures per step")
    parser.add_argument("--workers", type=int, default=2, help="threads that decode ahead")
    parser.add_argument("--augment", type=float, default=0.0, help="share of the pictures that are changed")
    parser.add_argument("--steps", type=int, default=5, help="per measurement")
    parser.add_argument("--turns", type=int, default=3, help="measurements of either loop")
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.layers, options.batch, options.steps, options.turns, options.augment = 0, 2, 2, 1, 0.5
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


if __name__ == "__main__":
    main()
