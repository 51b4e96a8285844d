"""From a run to a submission to the end-to-end driving challenge: predict the listed test frames, check, write."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from roadcue.errors import BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import run_options
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.pool import FeaturePool
from roadcue.heads.registry import WAYPOINT
from roadcue.loaders.dataset import RoadDataset, Subset
from roadcue.loaders.waymo_e2e.submission.check import check_submission, entry_problems
from roadcue.loaders.waymo_e2e.submission.frames import FRAMES_FILE, FrameKey, read_frames
from roadcue.loaders.waymo_e2e.submission.write import Entry, encode_submission, parameter_count
from roadcue.models.checkpoint import public_name
from roadcue.models.encoder import Encoder
from roadcue.sentences import show
from roadcue.training.build import encoder_of_run, open_split
from roadcue.training.camera_shares import cameras_said
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts, stored_split
from roadcue.training.extraction_config import EncoderOptions
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.predictions import predict
from roadcue.training.run_folder import RunFolder, check_same_encoder


def submit_run(config: EvalConfig) -> None:
    """Predict the listed frames of the test split with one row of the run, and write what the server takes.

    Only the listed frames, and the earlier ones that the run reads beside them, are encoded, into a feature store of
    their own. BadInput for whatever would be refused, before anything is encoded where that is possible; nothing is
    written then.
    """
    folder, out = RunFolder.of(config.run), user_path(str(config.submission))
    options = _test_options(folder, config)
    listed = read_frames(user_path(config.frames or user_path(str(options.data_dir)) / FRAMES_FILE))
    model = _row(MultiHeadModel.from_pretrained(folder.model), config.row or WAYPOINT)
    (row,) = model.heads
    if row in model.blind:
        options = replace(options, encoder="none", past_frames=None)  # so that no picture is read for nothing
    encoder = encoder_of_run(folder, options)
    if row not in model.blind:
        check_same_encoder(folder, encoder_parts(encoder, options))
    entry = _entry(config, options, model, encoder)
    _refuse(out, *entry_problems(entry.message()))

    data, rows = only_listed(open_split(options, "test"), listed, options.frames_back)
    about = data.description, encoder.description, cameras_said(data, options), _said(row, entry)
    show(*filter(None, about))
    split = _all_of(stored_split(data, encoder, options, frames_back=options.frames_back, rows=rows), rows)
    states = data.states.take(rows)
    names = states.id.tolist()
    archive = encode_submission(entry, names, predict(model, split).paths[row])
    verdict = check_submission(archive, dict(zip(states.moments, names, strict=True)))
    _refuse(out, *verdict.problems)
    with writing_into(out.parent, "free space there, or name another file with --submission"):
        write_atomic(out, archive)
    show(f"{out}: {verdict.summary}")


def only_listed(
    data: RoadDataset, listed: Mapping[FrameKey, str], frames_back: Sequence[int] = ()
) -> tuple[Subset, np.ndarray]:
    """The listed frames of a test split with those that lie `frames_back` of them, and the listed ones' rows in it.

    BadInput counts and names the listed frames that the split lacks.
    """
    row_of = {moment: row for row, moment in enumerate(data.states.moments)}
    missing = [(sequence, name) for (sequence, frame), name in listed.items() if (sequence, frame) not in row_of]
    if missing:
        sequences = len({sequence for sequence, _ in missing})
        raise BadInput(
            f"{len(missing)} of {len(listed)} listed frames are missing, first {missing[0][1]}: they are not in "
            f"{data.description}. The server would answer: Missing {sequences} sequence names from the submission. "
            "It needs all shards of the test split."
        )
    rows = np.sort(np.array([row_of[key] for key in listed], np.int64))
    earlier = [data.states.rows_before(back)[rows] for back in frames_back]
    kept = np.unique(np.concatenate([rows, *earlier]))
    kept = kept[kept >= 0]
    return Subset(data, kept, "submission"), np.searchsorted(kept, rows)


def _test_options(folder: RunFolder, config: EvalConfig) -> TrainConfig:
    """The run's options, for all frames of the official test split, whatever part of the data it was trained on."""
    options = replace(run_options(folder, config), split_by="official", frame_stride=1, limit=None)
    if options.data != "waymo_e2e" or not options.data_dir:
        raise BadInput(
            f"--submission: the challenge is about Waymo's test split, and this run is about {options.data}; name "
            "the folder of its shards: --data waymo_e2e --data_dir DIR"
        )
    return options


def _row(model: MultiHeadModel, name: str) -> MultiHeadModel:
    """The model with one of its heads, whose pool is empty if that sees no image; BadInput when there is no such."""
    if name not in model.heads:
        raise BadInput(f"--row {name}: this run has the rows {', '.join(model.heads)}")
    blind = model.blind & {name}
    pool = FeaturePool(model.pool.cameras, cells=1, width=0) if blind else model.pool
    return MultiHeadModel(pool, {name: model.heads[name]}, blind).eval()


def _entry(config: EvalConfig, options: EncoderOptions, model: MultiHeadModel, encoder: Encoder) -> Entry:
    """What the submission says of itself: what was given, and what the run knows."""
    public = _public_models(config.public_models, options)
    tensors = [*model.state_dict().values(), *(encoder.parameters() if isinstance(encoder, nn.Module) else ())]
    return Entry(
        account_name=config.account or "",
        unique_method_name=config.method or "",
        uses_public_model_pretraining=bool(public),
        num_model_parameters=parameter_count(sum(tensor.numel() for tensor in tensors)),
        authors=_listed(config.authors),
        affiliation=config.affiliation or "",
        description=config.description or "",
        method_link=config.method_link or "",
        public_model_names=public,
    )


def _public_models(given: str | None, options: EncoderOptions) -> tuple[str, ...]:
    """The names of public models that were used for pretraining: those given, or the encoder's checkpoint."""
    if given is not None:
        return () if given == "none" else _listed(given)
    if options.encoder == "none":
        return ()
    name = public_name(options.checkpoint, options.encoder)
    if name is None:
        raise BadInput(
            f"--checkpoint {options.checkpoint} of this run has no public name, and the challenge asks which public "
            "models were used for pretraining: name them with --public_models, or pass --public_models none"
        )
    return (name,)


def _listed(names: str | None) -> tuple[str, ...]:
    return tuple(stripped for name in (names or "").split(",") if (stripped := name.strip()))


def _said(row: str, entry: Entry) -> str:
    """One line about what is submitted and what it says of the model, for whoever signs it to look at."""
    public = ", ".join(entry.public_model_names) or "none"
    return f"submitting the row {row}: {entry.num_model_parameters} parameters; public pretrained models: {public}"


def _all_of(split: StoredSplit, rows: np.ndarray) -> StoredSplit:
    """The split, in which none of the listed `rows` may be left out; BadInput names those without a picture."""
    left_out = split.dataset.states.id[np.setdiff1d(rows, split.rows)].tolist()
    if left_out:
        name, reason = left_out[0], split.store.skipped.get(left_out[0], "") if split.store else ""
        raise BadInput(f"{len(left_out)} listed frames have no picture to predict from, first {name}: {reason}")
    return split


def _refuse(out: Path, *problems: str) -> None:
    """BadInput with everything for which the server would refuse the submission, if there is anything."""
    if problems:
        raise BadInput(f"{out}: would be refused, nothing is written: {'; '.join(problems)}")
