"""Peak memory of taking the vision tower out of a full-size checkpoint, beside that of loading the whole model.

    python benchmarks/tower_memory.py [--folder DIR]

Writes a random bf16 checkpoint of the published sizes (4.5 GB, removed afterwards), loads it in a fresh process per
route, and prints the peak resident memory as a share of the whole model's, which needs 5.5 GB.
"""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from ratio_lines import print_ratios
from tower import PREPROCESSING, VISION
from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

TEXT = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 24,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 49280,
    "pad_token_id": 2,
}
"""The language model's published sizes; with the tower they make 2,246,784,880 parameters."""
IMPORTS = "imports only"
ROUTES = {
    IMPORTS: "import roadcue.models.smol.encoder",
    "vision tower": """
from pathlib import Path
from roadcue.models.smol.encoder import SmolEncoder
print(SmolEncoder.from_pretrained(Path(folder), dtype="bf16", origin="random").description)
""",
    "whole model": """
import torch
from transformers import SmolVLMForConditionalGeneration
model = SmolVLMForConditionalGeneration.from_pretrained(folder, dtype=torch.bfloat16)
sum(float(parameter.sum()) for parameter in model.parameters())  # touch every page
""",
}
PEAK = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def smol_config(**sizes: int) -> SmolVLMConfig:
    """The published sizes, but for those that are named, which both the tower and the language model then have."""
    return SmolVLMConfig(vision_config=VISION | sizes, text_config=TEXT | sizes, scale_factor=3, image_token_id=49190)


def write_checkpoint(folder: Path, config: SmolVLMConfig) -> None:
    """A checkpoint of random numbers, written tensor by tensor: the writer needs no memory for the model."""
    with torch.device("meta"):
        model = SmolVLMForConditionalGeneration(config)
    header, end = {}, 0
    for key, tensor in model.state_dict().items():
        start, end = end, end + 2 * tensor.numel()
        header[key] = {"dtype": "BF16", "shape": tuple(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    block = (torch.randn(1 << 22) * 0.02).bfloat16().view(torch.uint8).numpy().tobytes()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for start in range(0, end, len(block)):
            file.write(block[: end - start])
    (folder / "config.json").write_text(config.to_json_string())
    settings = {
        "max_image_size": {"longest_edge": PREPROCESSING.side},
        "image_mean": PREPROCESSING.mean,
        "image_std": PREPROCESSING.std,
        "resample": 1,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))


def peak_mb(code: str, folder: Path) -> float:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", f"folder = {str(folder)!r}\n{code}{PEAK}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(
            f"{done.stderr}\nthe process ended with {done.returncode}; -9 means that there was too little memory"
        )
    return int(done.stdout.split()[-1]) / 1024  # ru_maxrss is in kB on Linux


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the 4.5 GB go; default: the system's temporary folder")
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    config = smol_config(hidden_size=256, num_hidden_layers=1) if options.quick else smol_config()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        if not options.quick and shutil.disk_usage(name).free < 6e9:
            sys.exit(f"{name} has less than 6 GB free; pass another --folder")
        write_checkpoint(Path(name), config)
        routes = [route for route in ROUTES if not (options.quick and route == IMPORTS)]
        peaks = {route: peak_mb(ROUTES[route], Path(name)) for route in routes}
    for route, peak in peaks.items():
        print(f"{route:13} {peak:7,.0f} MB peak")
    ratio = peaks["vision tower"] / peaks["whole model"]
    print_ratios("loading the whole model, at the peak", {"tower_memory": ratio})


if __name__ == "__main__":
    main()
