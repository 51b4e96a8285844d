"""The detector of pictures unlike the training rows, from the stored features of a run's splits."""

import numpy as np
from torch import Tensor

from roadcue.heads.ood_detector import OODDetector, StoredPictures, rows_spaced
from roadcue.sentences import counted, say
from roadcue.training.heads.batches import StoredSplit


def detector_of(
    train: StoredSplit, held_out: StoredSplit | None, covered: tuple[Tensor, Tensor] | None = None
) -> OODDetector | None:
    """That of a run of heads; None without an encoder: where no picture is seen, none is unlike."""
    if train.store is None:
        return None
    return learn_detector(pictures_of(train), None if held_out is None else pictures_of(held_out), covered)


def learn_detector(
    seen: StoredPictures, held_out: StoredPictures | None, covered: tuple[Tensor, Tensor] | None = None
) -> OODDetector:
    """Fitted on training rows, with the threshold of rows `held_out`, or of parts of the training rows by turns.

    `covered`: features (m, k, d) and contrast (m, v, s) of pictures that must be unlike, of `covered_pictures`.
    Prints what a user has to know of it.
    """
    sequences = counted(len(np.unique(seen.sequence)), "sequence")
    say(f"learning which pictures are unlike those of {counted(len(seen.sequence), 'row')} of {sequences}")
    detector = OODDetector.fitted(seen, held_out)
    if detector.knows_nothing:
        say(
            "no sequence is left to tell how far pictures may lie from them: every one will be unlike, and nothing "
            "will be sure; give more sequences"
        )
    if covered is not None and detector.hold_back(*covered):
        unlike = float((detector(seen.stored, seen.contrast, seen.present) > 1).float().mean())
        say(
            "black, white or noisy pictures lie among them, as far as the encoder tells: the threshold is lowered "
            f"until none does, and {unlike:.0%} of these rows are unlike, too; more sequences would part them better"
        )
    return detector


def pictures_of(split: StoredSplit) -> StoredPictures:
    """The stored pictures of a split's rows, of so many as fit into memory."""
    rows = rows_spaced(len(split), split.batch(np.arange(1))["stored"].shape[1:])
    batch = split.batch(rows)
    return StoredPictures(batch["stored"], batch["contrast"], batch["present"], split.sequence[rows])
