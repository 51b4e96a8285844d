"""A run's adapter merged into the checkpoint that it was trained beside: a folder that every --checkpoint takes.

    python -m roadcue.training.merge --run runs/NAME --out FOLDER

The whole model is written, not its adapted tower alone, and in fp32: an update is smaller than what bf16 keeps. The
heads of the run go with it: `--checkpoint FOLDER` gives the features that they were trained on.

What was in NF4 below the adapter is written as the numbers that NF4 stands for, not as those of the checkpoint: the
adapter has learnt to make up for the difference, which would be there once more.
"""

import sys
from collections.abc import Sequence

from roadcue.command_line import parse_file, run
from roadcue.errors import BadInput
from roadcue.files import atomic_folder, user_path, writing_into
from roadcue.models.captioner import Captioner
from roadcue.models.merging import merge_from
from roadcue.models.quantization import dequantize_nf4
from roadcue.models.registry import build_captioner
from roadcue.models.visual_parts import fingerprint
from roadcue.plugins import load_plugins
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import counted, show
from roadcue.training.build import encoder_of_run
from roadcue.training.captions.adapted import check_same_checkpoint, starting_checkpoint
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts
from roadcue.training.run_folder import RunFolder, check_same_encoder


def merge(run_dir: str, out: str, plugins: Sequence[str] = ()) -> None:
    """Write the merged checkpoint of a run into a folder that is not there yet; BadInput where that cannot be."""
    target = user_path(out)
    if target.exists():
        raise BadInput(f"--out {out}: is there already; name a folder that is not")
    load_plugins(plugins)
    captioner, layers = merged(run_dir, plugins)
    with (
        writing_into(target.parent, "free space there, or name another folder with --out"),
        atomic_folder(target) as folder,
    ):
        captioner.save_pretrained(folder)
    show(f"{counted(layers, 'adapted layer')} merged; use it with --checkpoint {target}")


def merged(run_dir: str, plugins: Sequence[str] = ()) -> tuple[Captioner, int]:
    """The whole model that a run was trained with, its adapter in the weights, and how many layers that had."""
    folder = RunFolder.of(run_dir)
    options = parse_file(TrainConfig, folder.config, plugins)
    folder.read_facts()  # which a run that is not finished lacks
    if not folder.adapter.is_dir():
        raise BadInput(f"--run {run_dir}: has no adapter to merge; name a run that --stage lora has trained")
    base = starting_checkpoint(options) if options.captions else options.checkpoint
    _check_same_base(folder, options, base)
    captioner = build_captioner(options.encoder, checkpoint=base, aspect=options.aspect, quantize=options.quantize)
    if options.quantize and (count := dequantize_nf4(captioner.model)):
        show(f"{counted(count, 'layer')} below the adapter written as NF4 has them, which it was trained upon")
    return captioner, merge_from(captioner.model, folder.adapter)


def _check_same_base(folder: RunFolder, options: TrainConfig, base: str) -> None:
    """BadInput where the checkpoint is not the one that the adapter was trained upon, or the adapter is another."""
    if not options.captions:
        check_same_encoder(folder, encoder_parts(encoder_of_run(folder, options, "cpu"), options))
        return
    below = {"dtype": options.dtype, "aspect": options.aspect, "quantize": options.quantize}
    captioner = build_captioner(options.encoder, checkpoint=base, **below)  # type: ignore[arg-type]
    check_same_checkpoint(folder, fingerprint(captioner), base)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and merge; the exit code."""
    parser = SentenceParser(prog="python -m roadcue.training.merge", description=__doc__.split("\n\n")[0])
    parser.add_argument("--run", required=True, help="run folder of a --stage lora")
    parser.add_argument("--out", required=True, help="folder to write, which must not be there yet")
    parser.add_argument("--plugin", action="append", default=[], help="a Python file, as in train.py")
    given = parser.parse_args(argv)
    return run(merge, given.run, given.out, given.plugin)


if __name__ == "__main__":
    sys.exit(main())
