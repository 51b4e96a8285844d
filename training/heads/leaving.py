"""What a trained run of heads leaves: calibrated heads, the detector, and what the run was."""

from typing import Any

from roadcue.heads.multi_head import MultiHeadModel
from roadcue.loaders.state_check import state_warning
from roadcue.training.build import device_name
from roadcue.training.camera_shares import camera_shares
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.detector import detector_of
from roadcue.training.heads.holdout import extent
from roadcue.training.heads.splits import StoredSplits
from roadcue.training.run_folder import DATA_FINGERPRINT, RunFolder, Spent, run_facts
from roadcue.training.trained_rows import write_trained_rows


def leave_heads(
    model: MultiHeadModel,
    config: TrainConfig,
    folder: RunFolder,
    splits: StoredSplits,
    command: str,
    spent: Spent,
    **facts: Any,
) -> None:
    """Calibrate `model`, fit its detector, and write all that is left of a training into the run's folder.

    `splits` have the features of the encoder that the heads go with; `facts` are further ones of the run.
    """
    model.cpu()
    if splits.calibration is not None:
        model.calibrate(splits.calibration.batches(), splits.calibration.sequence)
    model.save_pretrained(folder.model)  # before the detector, which takes memory of its own
    model.detector = detector_of(splits.train, splits.calibration, splits.covered)
    model.save_pretrained(folder.model)
    seen = [splits.train, *([splits.calibration] if splits.calibration else [])]
    write_trained_rows(folder.path, [(split.dataset, split.rows) for split in seen])
    told = {**_facts(config, splits, model), **facts}
    folder.write_facts(run_facts(device_name(config.device), command, spent, **told))


def _facts(config: TrainConfig, splits: StoredSplits, model: MultiHeadModel) -> dict[str, Any]:
    train, val = splits.train, splits.val
    return {
        "data": {"train": train.dataset.description, "val": val.dataset.description},
        DATA_FINGERPRINT: splits.data,
        "rows": {"train": len(train), "val": len(val)},
        "limit": config.limit,
        "calibration": extent(splits.calibration) if splits.calibration else None,
        "cameras": {name: camera_shares(split.dataset, config) for name, split in (("train", train), ("val", val))},
        "state_warnings": [warning for split in (train, val) if (warning := state_warning(split.dataset))],
        "not_learnt": splits.not_learnt,
        "same_pictures": splits.same_pictures,
        "untaught": model.untaught,
        "skipped": _skipped(train, val),
        "encoder": splits.encoder.description,
        "encoder_parts": splits.encoder.parts,
        "seed": config.seed,
    }


def _skipped(*splits: StoredSplit) -> int:
    """Records left out; the parts of one split by sequence share theirs, which count once."""
    records = {record for split in splits for record in split.dataset.skipped}
    return len(records) + sum(len(split.store.skipped) for split in splits if split.store)
