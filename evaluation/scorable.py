"""What of a run can be scored on a split: heads that its rows have labels for, outputs that the run was taught."""

from collections.abc import Sequence

from roadcue.errors import BadInput
from roadcue.heads.head import Head
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.schema import HeadTargets
from roadcue.sentences import show
from roadcue.training.heads.batches import StoredSplit


def check_scorable(model: MultiHeadModel, split: StoredSplit, heads: Sequence[str]) -> None:
    """BadInput when no row has what one of the run's heads could be scored against; a line for each without.

    And a line for each head's outputs that the run was not taught, or that no row has a label of.
    """
    for name, words in model.lacks_labels.items():
        show(f"{name} head: {words}")
    lacking = [name for name in heads if not len(split.learnable(model, name))]
    where = f"{split.dataset.name} {split.dataset.split}"
    if len(lacking) == len(heads):
        needs = " or ".join(model.heads[name].needs for name in lacking)
        raise BadInput(f"{where}: no row has both features and {needs} to score against")
    for name in heads:
        head = model.heads[name]
        if name in lacking:
            show(f"{where}: no row has {head.needs}, so the {name} head is not scored")
        elif unlabelled := _unlabelled(head, split.targets):
            show(f"{where}: no row has a label of {', '.join(unlabelled)}, which the {name} head is not scored on")


def not_taught(model: MultiHeadModel) -> dict[str, str]:
    """What the heading says of outputs that no training row had a label of; nothing where there are none."""
    said = "; ".join(f"{name} head: {words}" for name, words in model.lacks_labels.items())
    return {"not taught": said} if said else {}


def _unlabelled(head: Head, targets: HeadTargets) -> list[str]:
    """The outputs that a head was taught and no row has a label of."""
    if not head.outputs:
        return []
    labelled = zip(head.outputs, head.labelled(targets).tolist(), strict=True)
    return [name for name, known in labelled if not known and name not in head.untaught]
