"""Captions per second out of stored visual tokens, by the batch, against document 000's loop with the same weights.

    python benchmarks/captions.py            the miniature SmolVLM2 and 128 drawn pictures, a minute on one core
    python benchmarks/captions.py --model smol flamingo --dtype fp32 bf16 --asked scene bvpi

The loop is that of document 000's evaluation: open a picture, processor, `generate`, one picture at a time; for
SmolVLM2 by transformers' own classes, for OpenFlamingo, which has no others here, by the captioner. Both sides have
one thread, and the processor's time of this process counts. They take turns, a batch of the same pictures each, and
the ratio is the median over batches, of texts out of the store; what it takes to fill the store (open, decode,
resize, encode, write) and the rate with it stand beside. In fp32 every text must be the same; in bf16, where near
ties fall as the batch rounds, the share that is the same is said. Exits with 1 when a text differs in fp32 or a ratio
is below 4, unless --quick.
"""

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from ratio_lines import print_ratios
from transformers import AutoModelForImageTextToText, AutoProcessor

from roadcue.loaders.sensation.dataset import open_sensation
from roadcue.models import mini
from roadcue.models.captioner import Captioner
from roadcue.models.encoder import DTYPES
from roadcue.models.generation import GenerationSettings
from roadcue.models.registry import build_captioner
from roadcue.prompts.instructions import BVPI, SCENE
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.visual_store import VisualStore, visual_store

WANTED = 4.0
SIDE = 320
"""Pixels of a drawn picture: too few to be decoded at half size, and square, so that both sides resize it alike."""
ASKED = {"scene": SCENE, "bvpi": BVPI}
SETTINGS = GenerationSettings(max_new_tokens=160)


class Watch:
    """Texts of one side, and the seconds of a processor that each batch of them took."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.seconds: list[float] = []

    def write(self, texts: Callable[[], Iterable[str]]) -> None:
        """Write a batch."""
        start = time.process_time()
        self.texts += texts()
        self.seconds.append(time.process_time() - start)

    @property
    def rate(self) -> float:
        """Texts a second."""
        return len(self.texts) / sum(self.seconds)


def smol_writer(asked: str, dtype: str) -> Callable[[bytes], str]:
    """A file in, a text out, by transformers."""
    processor = AutoProcessor.from_pretrained(mini.SMOL)
    model = AutoModelForImageTextToText.from_pretrained(mini.SMOL, dtype=DTYPES[dtype]).eval()
    return lambda file: smol_text(processor, model, asked, file)


@torch.no_grad()
def smol_text(processor: Any, model: Any, asked: str, file: bytes) -> str:
    picture = Image.open(io.BytesIO(file)).convert("RGB")
    question = [{"type": "image", "image": picture}, {"type": "text", "text": asked}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": question}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    written = model.generate(**inputs, do_sample=False, max_new_tokens=SETTINGS.max_new_tokens)
    text: str = processor.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return text.strip()


@torch.no_grad()
def captioner_text(captioner: Captioner, asked: str, file: bytes) -> str:
    picture = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    visual = captioner.encode(captioner.preprocess(picture)[None])
    return captioner.generate(visual, captioner.prompt(asked), SETTINGS)[0].text


def stored_texts(captioner: Captioner, asked: str, store: VisualStore, positions: np.ndarray) -> list[str]:
    """By the batch."""
    written = captioner.generate(store.tokens(positions), captioner.prompt(asked), SETTINGS)
    return [one.text for one in written]


def compared(captioner: Captioner, asked: str, pictures: CaptionPictures, batch: int) -> dict[str, Any]:
    """Both sides on the same pictures."""
    name, instruction = captioner.name, ASKED[asked]
    if name == "smol":
        alone = smol_writer(instruction, captioner.dtype)
    else:
        alone = partial(captioner_text, captioner, instruction)
    loop, batched = Watch(), Watch()
    files = [pictures.dataset.image(int(row), pictures.camera) or b"" for row in pictures.rows]
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        store = visual_store(pictures, captioner, store_dir=folder, batch_size=batch)
        filling = time.process_time() - start
        alone(files[0])  # a first call pays for what it imports
        for first in range(0, len(files), batch):
            places = np.arange(first, min(first + batch, len(files)))
            loop.write(lambda places=places: [alone(files[place]) for place in places])
            batched.write(lambda places=places: stored_texts(captioner, instruction, store, places))
    same = float(np.mean([one == other for one, other in zip(loop.texts, batched.texts, strict=True)]))
    return {
        "model": name,
        "dtype": captioner.dtype,
        "asked": asked,
        "pictures": len(files),
        "batch": batch,
        "loop_per_s": loop.rate,
        "stored_per_s": batched.rate,
        "with_filling_per_s": len(files) / (sum(batched.seconds) + filling),
        "filling_s": filling,
        "ratio": float(np.median(np.divide(loop.seconds, batched.seconds))),
        "same_text": same,
        "example": batched.texts[0],
    }


def said(row: dict[str, Any]) -> str:
    return (
        f"{row['model']}, {row['dtype']}, {row['asked']}, {row['pictures']} pictures: "
        f"loop {row['loop_per_s']:.2f} captions/s; "
        f"stored, by {row['batch']}, {row['stored_per_s']:.2f}/s, with filling the store ({row['filling_s']:.1f} s) "
        f"{row['with_filling_per_s']:.2f}/s; same text {row['same_text']:.1%}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["smol", "flamingo"], nargs="+", default=["smol"])
    parser.add_argument("--dtype", choices=["fp32", "bf16"], nargs="+", default=["fp32"])
    parser.add_argument("--asked", choices=[*ASKED], nargs="+", default=["scene"], help="for which texts")
    parser.add_argument("--pictures", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--quick", action="store_true", help="few pictures: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.pictures, options.batch = 4, 4
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "drawn"
        write_sidewalk(SidewalkSpec(train=1, val=options.pictures, width=SIDE, height=SIDE), drawn, workers=1)
        dataset = open_sensation(drawn, "val")
        for name in options.model:
            for dtype, asked in product(options.dtype, options.asked):
                captioner = build_captioner(name, dtype=dtype)
                pictures = CaptionPictures.of(dataset, captioner.preprocess, "bvpi", dataset.cameras[0])
                rows.append(compared(captioner, asked, pictures, options.batch))
    print(f"an answer: {rows[0]['example']}", *map(said, rows), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    ratios = {f"captions_{row['model']}_{row['dtype']}_{row['asked']}": row["ratio"] for row in rows}
    print_ratios("a loop over one picture at a time, with the same weights", ratios)
    exact = all(row["same_text"] == 1 for row in rows if row["dtype"] == "fp32")
    fast = options.quick or all(row["ratio"] >= WANTED for row in rows)
    return int(not (exact and fast))


if __name__ == "__main__":
    sys.exit(main())
