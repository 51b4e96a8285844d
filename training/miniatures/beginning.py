"""What a run began with besides its options: kept in its folder, so that it never goes on with something else."""

import json
from collections.abc import Mapping

from roadcue.errors import BadInput
from roadcue.files import write_atomic, writing_into
from roadcue.training.checkpoints import GO_ON
from roadcue.training.miniatures.drawn_folder import differences, read_words
from roadcue.training.run_folder import RunFolder

_BEGAN = "began_with.json"


def keep_beginning(folder: RunFolder, began: Mapping[str, str]) -> None:
    """Write down what a run begins with; BadInput when it goes on and `began` is not what is written down.

    The tokenizer is learnt from the drawn texts each time the command is given: with others, the weights of the
    checkpoint would be of other tokens.
    """
    file = folder.path / _BEGAN
    if not folder.last.exists():
        with writing_into(folder.path, GO_ON):
            write_atomic(file, json.dumps(began, indent=1) + "\n")
    elif others := differences(read_words(file), began):
        raise BadInput(
            f"{folder.path}: cannot go on, for it began with another {others}, as {file.name} there says; put back "
            "what it began with, or use another --run_dir"
        )
