"""From a picture to an answer, stage by stage: what `roadcue.load(run).predict(...)` takes beside its frozen tower.

    python benchmarks/predict_latency.py --run runs/demo [--device cuda]
    python benchmarks/predict_latency.py --full_width 2

The picture is a JPEG file of a Waymo front camera's size, 972 x 1079. Each round predicts it once, once more with a
watch around each stage, and then calls the tower alone on the same pixels; the ratio is that of the tower alone to
all of predict, in medians over the rounds. On a CPU the time of this process's threads counts, which others at
the same machine hardly change. --full_width trains a run of the default head on a tower of SmolVLM2's published width
with so many of its 27 layers and random weights: its answers mean nothing, and with all layers the ratio is higher
still. With --quick a run is trained on a few drawn drives.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from ratio_lines import print_ratios
from tower import PREPROCESSING, VISION
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionTransformer

import roadcue
from roadcue import train
from roadcue.inference import pictures, predictor
from roadcue.models.smol.loading import PREFIX
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.weights import write_safetensors

ALL, REST, ALONE = "predict", "the rest", "the tower alone"
STAGES = ("open and decode", "preprocess", "tower", "pool", "contrast and detector", "heads", "words", REST)
"""In their order; the rest is checks, copies and what else there is between them."""


class Watch:
    """Seconds of each stage of a call; a stage inside another one is not counted twice."""

    def __init__(self, device: str) -> None:
        self.device, self.seconds, self._inside = device, defaultdict[str, float](float), 0.0

    def now(self) -> float:
        """Seconds: of a CPU those that this process had it for."""
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def around(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, whose time is the stage's."""

        def timed(*given: Any, **named: Any) -> Any:
            outside, self._inside, start = self._inside, 0.0, self.now()
            try:
                return call(*given, **named)
            finally:
                took = self.now() - start
                self.seconds[stage] += took - self._inside
                self._inside = outside + took

        return timed


@contextmanager
def watched(loaded: roadcue.RoadPredictor, watch: Watch) -> Iterator[None]:
    """Every stage of `loaded.predict` under the watch."""
    places = [
        (pictures, "_decoded", "open and decode"),
        (predictor, "preprocessed", "preprocess"),
        (loaded.encoder, "encode", "tower"),
        (predictor, "pool_tokens", "pool"),
        (predictor, "contrast", "contrast and detector"),
        (loaded, "_in_words", "words"),
        *((head, "forward", "heads") for head in loaded.model.heads.values()),
    ]
    if loaded.model.detector is not None:
        places.append((loaded.model.detector, "forward", "contrast and detector"))
    with ExitStack() as patches:
        for where, name, stage in places:
            patches.enter_context(patch.object(where, name, watch.around(stage, getattr(where, name))))
        yield


def trained_run(folder: Path, *options: str) -> Path:
    """A run of the default head, on so little that it takes seconds."""
    write_roadworld(RoadWorldSpec(4, 2, seconds=8, stride=20, cameras=("FRONT",)), folder / "drives", workers=1)
    os.environ["ROADCUE_CACHE"] = str(folder / "cache")
    run = folder / "run"
    drives = ["--data_dir", str(folder / "drives"), "--workers", "0"]
    if code := train.main([*drives, *options, "--epochs", "1", "--run_dir", str(run)]):
        sys.exit(code)
    return run


def random_tower(folder: Path, layers: int) -> Path:
    """A checkpoint of a tower of the published width, without the language model, which no encoder reads."""
    folder.mkdir()
    vision = VISION | {"num_hidden_layers": layers}
    tower = SmolVLMVisionTransformer(SmolVLMVisionConfig(**vision))
    write_safetensors(folder / "model.safetensors", {PREFIX + key: one for key, one in tower.state_dict().items()})
    (folder / "config.json").write_text(json.dumps({"model_type": "smolvlm", "vision_config": vision}))
    settings = {
        "max_image_size": {"longest_edge": PREPROCESSING.side},
        "image_mean": PREPROCESSING.mean,
        "image_std": PREPROCESSING.std,
        "resample": 1,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def camera_picture(path: Path) -> Path:
    """A JPEG of a Waymo front camera's size, about as many bytes as its pictures have."""
    small = np.random.default_rng(0).integers(0, 255, (135, 122, 3), dtype=np.uint8)
    Image.fromarray(small).resize((972, 1079), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def measure(loaded: roadcue.RoadPredictor, device: str, count: int, rounds: int, picture: Path) -> float:
    """Print the stages of `count` pictures that are predicted at once; returns the ratio to the tower alone."""
    past, watch = np.zeros((count, 16, 6), np.float32), Watch(device)
    answer = partial(loaded.predict, images=[picture] * count, past=past, intent=[1] * count)
    pixels = torch.stack([pictures.preprocessed(picture, loaded.encoder.preprocess, loaded.encoder.side)] * count)
    seconds = defaultdict[str, list[float]](list)
    for number in range(rounds + 2):
        watch.seconds.clear()
        watch.around(ALL, answer)()
        with watched(loaded, watch):
            watch.around(REST, answer)()
        watch.around(ALONE, loaded.encoder.encode)(pixels)
        if number >= 2:  # the first two warm up
            for stage in (ALL, *STAGES, ALONE):
                seconds[stage].append(watch.seconds[stage])
    took = {stage: statistics.median(times) for stage, times in seconds.items()}
    print(f"\n{count} picture(s) on {device}, {'CPU time' if device == 'cpu' else 'time'} and share of the whole:")
    for stage in (ALL, *STAGES, ALONE):
        print(f"  {stage:<22} {1e3 * took[stage]:9.2f} ms {took[stage] / took[ALL]:7.1%}")
    return took[ALONE] / took[ALL]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="run folder that train.py made, of heads on an encoder and one camera")
    parser.add_argument("--full_width", type=int, metavar="LAYERS", help="no run, but a tower of the published width")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, default=8, help="pictures per call in the second measurement")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if not (options.run or options.full_width or options.quick):
        parser.error("--run is needed, a run folder that train.py made, or --full_width")
    if options.quick:
        options.rounds = 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.full_width:
            run = trained_run(folder, "--checkpoint", str(random_tower(folder / "tower", options.full_width)))
        else:
            run = options.run or trained_run(folder)
        loaded, picture = roadcue.load(run, device=options.device), camera_picture(folder / "picture.jpg")
        name = "predict_latency_full_width" if options.full_width else "predict_latency"
        ratios = {
            f"{name}_of_{count}": measure(loaded, options.device, count, options.rounds, picture)
            for count in (1, options.batch)
        }
    print_ratios("the tower alone on as many pictures", ratios)


if __name__ == "__main__":
    main()
