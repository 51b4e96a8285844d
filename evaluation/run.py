"""Score a run: every head and baseline on the same rows, a table, metrics.json and the report page."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from roadcue.command_line import parse_file
from roadcue.errors import BadInput
from roadcue.evaluation.answer_details import answer_details, counted_answers
from roadcue.evaluation.answered import ANSWERED, detected, scores_with_answered
from roadcue.evaluation.config import OF_CAPTION_RUNS, EvalConfig
from roadcue.evaluation.frames import FRAMES, Frames, frames_of, scored_as
from roadcue.evaluation.heading import are_walks, cautions, run_heading
from roadcue.evaluation.pairs import pairs_json, pairs_table, score_pairs
from roadcue.evaluation.paths import compare_rows, compare_with_raters
from roadcue.evaluation.report_frames import report_frames
from roadcue.evaluation.scorable import check_scorable, not_taught
from roadcue.evaluation.worst_frames import show_worst
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.heads.cue.walker import rule_and_walker
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.registry import CUE, WAYPOINT
from roadcue.loaders.bad_records import OnBadRecord
from roadcue.loaders.dataset import RoadDataset, Subset
from roadcue.loaders.rated import RatedFrames, rated_frames
from roadcue.loaders.state_check import states_said
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.comparison import Comparison, nan_to_none
from roadcue.metrics.cue_agreement import CueAgreement
from roadcue.metrics.modes import mode_ade, score_modes
from roadcue.metrics.rated_comparison import RatedComparison
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.cue_agreement_table import agreement_tables
from roadcue.reports.displacement_table import WALKS, displacement_scores, displacement_table, group_table
from roadcue.reports.frame import ReportFrame
from roadcue.reports.modes_table import HeadModes, modes_scores, modes_table
from roadcue.reports.page import write_report
from roadcue.reports.rater_table import rated_scores, rated_tables
from roadcue.reports.score_table import score_table
from roadcue.reports.table import print_tables
from roadcue.reports.verdict import verdicts
from roadcue.reports.written_tables import save_tables
from roadcue.schema import SampleTargets
from roadcue.sentences import counted, say, show
from roadcue.training.build import encoder_of_run, limit_said, open_split
from roadcue.training.camera_shares import camera_shares, cameras_said
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts, stored_split
from roadcue.training.heads.batches import StoredSplit, labels_of
from roadcue.training.heads.predictions import Predictions, predict
from roadcue.training.run_checkpoint import elsewhere
from roadcue.training.run_folder import RunFolder, check_same_encoder
from roadcue.training.trained_rows import trained_sequences


def evaluate_run(config: EvalConfig) -> Frames:
    """Print the comparison table; write metrics.json, frames.parquet and report.html; what is said of each frame."""
    for option in OF_CAPTION_RUNS:
        if getattr(config, option) is not None:
            raise BadInput(f"--{option} is of a caption run, and {config.run} is a run of heads; leave it out")
    folder = RunFolder.of(config.run)
    options = run_options(folder, config)
    facts = folder.read_facts()
    model = MultiHeadModel.from_pretrained(folder.model).eval()
    encoder = encoder_of_run(folder, options)
    check_same_encoder(folder, encoder_parts(encoder, options))
    data = open_split(options, config.split or "val")
    said = [limit_said(options), data.description, encoder.description, cameras_said(data, options)]
    said += [states_said(data)] if WAYPOINT in options.head_names else []
    say(*said)

    targets = [data.targets(row) for row in range(len(data))]
    labels = labels_of(data, model.heads.values(), targets)
    # Once without features, for what cannot be scored: before pictures are encoded for nothing.
    bare = StoredSplit.of(data, None, labels=labels).learnable(model)
    bare, seen = _held_out(folder, bare, asked=config.split == "train")
    check_scorable(model, bare, options.head_names)
    stored = stored_split(data, encoder, options, frames_back=options.frames_back, labels=labels)
    split = stored.only(bare.rows)
    if len(split) < len(bare):
        check_scorable(model, split, options.head_names)
    predictions = predict(model, split, modes_of=WAYPOINT)
    findings = _findings(model, predictions, split, targets, options.head_names, config.bootstrap)
    sees_image = {name + row for name in set(model.heads) - model.blind for row in ("", ANSWERED)}
    _print_tables(findings, sees_image)
    about_walks = [WALKS] if findings.comparison and are_walks(targets) else []
    say(*verdicts(findings.comparison, findings.answers, sees_image), *about_walks)
    share = predictions.share_unlike
    heading = run_heading(facts, data, encoder.description, options) | seen | not_taught(model)
    heading |= detected(model.detector, share)
    of_frames = {
        **scored_as(folder, options, config.split or "val"),
        "data": data.description,
        "fingerprint": data.fingerprint,
        "seed": options.seed,
        "sees_image": sorted(set(model.heads) - model.blind),
    }
    frames = frames_of(model, predictions, split, options.head_names, of_frames)
    if findings.against_raters:
        rated = findings.scored.states.id[findings.rated.row]
        frames = frames.with_feedback_scores(rated, findings.against_raters.frame_rfs)
    counted_of = counted_answers(frames, config.bootstrap)
    pairs = score_pairs(frames, user_path(options.data_dir), config.bootstrap) if options.data_dir else {}
    print_tables([pairs_table(pairs)] if pairs else [])
    out = user_path(config.out) if config.out else folder.path
    with writing_into(out, "free space there, or name another folder with --out"):
        seeing = {"cameras": camera_shares(data, options), "sees_image": sorted(set(model.heads) - model.blind)}
        content = {"run": heading, **seeing, "untaught": model.untaught, "unlike": share, **findings.to_json()}
        content["counted_answers"] = {
            head: {question: nan_to_none(asdict(each)) for question, each in of_head.items()}
            for head, of_head in counted_of.items()
        }
        content["pairs"] = pairs_json(pairs)
        write_atomic(out / "metrics.json", json.dumps(content, indent=1) + "\n")
        frames.write(out / FRAMES)
        if config.worst is not None:
            show_worst(frames, config.worst, out)
        report = write_report(
            out / "report.html",
            comparison=findings.comparison,
            against_raters=findings.against_raters,
            modes=findings.modes,
            answers=findings.answers,
            agreement=findings.agreement,
            answer_details=answer_details(
                frames,
                counted_of,
                model,
                predictions,
                split,
                config.bootstrap,
                options.camera_names[0],
                options.on_bad_record,
            ),
            sees_image=sees_image,
            heading=heading,
            frames=findings.report_frames(options.camera_names[0], options.on_bad_record),
            cautions=[*cautions(data, options), *about_walks],
        )
    show(f"{out / 'metrics.json'}\n{out / FRAMES}\n{report}")
    save_tables(findings.score_tables, sees_image, csv=config.csv, latex=config.latex)
    return frames


@dataclass(frozen=True)
class Findings:
    """All that a run is scored by: against the log, against raters where there are any, its head's modes, what its
    other heads answer, and where it has a cue head and walkers have paths, the rule's cue beside what they do.

    `paths` are the predictions of the rows of `scored`, which have a log, and `rated` those of them that raters
    scored; without a head that predicts paths, or a row with a log, `comparison` is None and they are empty.
    """

    paths: Predictions
    scored: RoadDataset
    rated: RatedFrames
    comparison: Comparison | None
    against_raters: RatedComparison | None
    modes: HeadModes | None
    answers: list[ScoreTable]
    agreement: CueAgreement | None

    def to_json(self) -> dict[str, Any]:
        """The fields of the comparison, and beside them "against_raters", "modes", "answers" and "rule_and_walker",
        None or empty where there are none; and of how many "training_seeds" all differences are.
        """
        return {
            **(self.comparison.to_json() if self.comparison else {}),
            "against_raters": self.against_raters.to_json() if self.against_raters else None,
            "modes": nan_to_none(asdict(self.modes)) if self.modes else None,
            "answers": [scores.to_json() for scores in self.answers],
            "rule_and_walker": self.agreement.to_json() if self.agreement else None,
            "training_seeds": 1,
        }

    @property
    def score_tables(self) -> list[ScoreTable]:
        """All figures that have a method, as tables for other programs."""
        tables = displacement_scores(self.comparison) if self.comparison else []
        tables += [rated_scores(self.against_raters)] if self.against_raters else []
        if self.modes and self.comparison:
            tables.append(modes_scores(self.modes, self.comparison.samples, self.comparison.sequences))
        return [table.of_seeds(1) for table in tables] + self.answers

    def report_frames(self, camera: str, on_bad_record: OnBadRecord) -> list[ReportFrame]:
        """What the report shows of single frames, by `evaluation.report_frames`: nothing where no path was scored."""
        if not self.comparison:
            return []
        scored, raters = self.scored, self.against_raters
        return report_frames(self.paths, scored, self.rated, self.comparison, raters, camera, on_bad_record)


def run_options(folder: RunFolder, config: EvalConfig) -> TrainConfig:
    """The run's options with those that eval.py was given in their place."""
    trained = elsewhere(parse_file(TrainConfig, folder.config, config.plugin), config.checkpoint)
    given = {name: getattr(config, name) for name in ("data", "data_dir", "image_root", "split_by", "on_bad_record")}
    if config.data not in (None, trained.data):
        given["data_dir"] = config.data_dir or ""  # the run's folder holds other data
    if given["data_dir"] is not None:
        given["image_root"] = config.image_root or ""
    named = {name: value for name, value in given.items() if value is not None}
    return replace(trained, **named, device=config.device)


def _held_out(folder: RunFolder, split: StoredSplit, *, asked: bool) -> tuple[StoredSplit, dict[str, str]]:
    """The rows of sequences that the run was not trained on, and what the heading says of the others.

    All rows where the training split is `asked` for by its name. BadInput when none is left.
    """
    seen = np.isin(split.sequence, list(trained_sequences(folder.path, split.dataset)))
    if not seen.any():
        return split, {}
    names, known = len(np.unique(split.sequence)), len(np.unique(split.sequence[seen]))
    extent = f"{known:,} of {counted(names, 'sequence')} ({seen.sum():,} of {counted(len(split), 'row')})"
    if asked:
        say(f"not held out: {extent} are those on which this run was trained")
        return split, {"not held out, as it was trained on": extent}
    if seen.all():
        raise BadInput(
            f"{split.dataset.name} {split.dataset.split}: this run was trained on all of its {names:,} sequences, so "
            "none is left to score; choose another split, or other data (--split train scores them all the same)"
        )
    say(f"left out: {extent}, on which this run was trained")
    return split.only(split.rows[~seen]), {"left out, as it was trained on": extent}


def _findings(
    model: MultiHeadModel,
    predictions: Predictions,
    split: StoredSplit,
    read: Sequence[SampleTargets],
    heads: Sequence[str],
    bootstrap: Bootstrap,
) -> Findings:
    """Score the predictions of all rows of a split, each head's on those that have its targets.

    `read` are the targets of all rows of its data set.
    """
    none = np.zeros(len(split), bool)
    logged = model.heads[WAYPOINT].known(split.targets).numpy() if WAYPOINT in model.heads else none
    rows = split.rows[logged]
    paths, scored = predictions.paths_at(logged), Subset(split.dataset, rows, split.dataset.split)
    targets = [read[row] for row in rows]
    states, rated = scored.states, rated_frames(scored, targets)
    answers = [table for name in heads for table in _scores_of(name, model, predictions, split, bootstrap)]
    agreement = rule_and_walker(split.targets, split.sequence, bootstrap) if CUE in heads else None
    if not logged.any():
        return Findings(paths, scored, rated, None, None, None, answers, agreement)
    cluster = np.array([one.cluster or "" for one in targets], str)
    modes = None
    if paths.modes is not None and paths.mode_probabilities is not None:
        error, probability = mode_ade(paths.modes, states.future), paths.mode_probabilities
        scores = score_modes(error, probability, states.sequence, bootstrap=bootstrap)
        modes = HeadModes(WAYPOINT, error.shape[1], scores, paths.share_unlike)
    return Findings(
        paths,
        scored,
        rated,
        compare_rows(
            paths.paths, states, cluster=cluster, unlike=paths.unlike, reference=WAYPOINT, bootstrap=bootstrap
        ),
        compare_with_raters(
            paths.paths, states.future, rated, reference=WAYPOINT, bootstrap=bootstrap, unlike=paths.unlike
        ),
        modes,
        answers,
        agreement,
    )


def _scores_of(
    name: str, model: MultiHeadModel, predictions: Predictions, split: StoredSplit, bootstrap: Bootstrap
) -> list[ScoreTable]:
    """The tables that a head brings: itself, its twin without features and its baselines."""
    head = model.heads[name]
    answers = {method: predictions.answers[method] for method in model.methods(name) if method in predictions.answers}
    tables = scores_with_answered(head, name, answers, split.targets, split.sequence, predictions.unlike, bootstrap)
    return [table.of_seeds(1) for table in tables]


def _print_tables(findings: Findings, sees_image: set[str]) -> None:
    comparison = findings.comparison
    print_tables(
        [
            *([displacement_table(comparison, sees_image)] if comparison else ()),
            *(rated_tables(findings.against_raters, sees_image) if findings.against_raters else ()),
            *([modes_table(findings.modes)] if findings.modes else ()),
            *((group_table(comparison, sees_image, kind) for kind in comparison.group_sizes) if comparison else ()),
            *(score_table(scores, sees_image) for scores in findings.answers),
            *(agreement_tables(findings.agreement) if findings.agreement else ()),
        ]
    )
