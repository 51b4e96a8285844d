"""What eval.py is told: one typed dataclass that is its command line and help, so nothing heavy is imported here."""

from dataclasses import dataclass, field, fields
from typing import Literal

from roadcue.loaders.bad_records import OnBadRecord
from roadcue.loaders.registry import DATASETS
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from roadcue.option_values import at_least, at_most, check_device, check_seed, known_name

OF_CAPTIONS = ("clip", "spice")
"""The options of eval.py that belong to `--head caption`."""
OF_CAPTION_RUNS = ("generate", "conditions", "demonstrations", "shots", "store_visual")
"""Those that belong to the `--run` of a captioner."""


@dataclass(frozen=True)
class ScoreOptions:
    """Which run is scored, and on what."""

    run: str
    """Run folder that train.py made."""
    data: str | None = None
    """Score on another data set than the run's own."""
    data_dir: str | None = None
    """Folder of that data set."""
    image_root: str | None = None
    """Folder of its pictures, as in train.py. Default: as in the run, or below --data_dir where that is given."""
    split_by: Literal["official", "sequence"] | None = None
    """How the data set is parted, as in train.py. Default: as in the run."""
    checkpoint: str | None = None
    """Where the checkpoint of the run's training lies now; other weights are refused. Default: as in the run."""
    on_bad_record: OnBadRecord | None = None
    """What happens to a record that cannot be read, as in train.py. Default: as in the run."""
    device: str = "auto"
    """Where the encoder and the heads run: auto, cpu, cuda, or one of several GPUs, such as cuda:1."""
    split: Literal["train", "val", "test"] | None = None
    """Which split to score. Default: val; with --predictions test, where the data has one."""
    resamples: int = DEFAULT_BOOTSTRAP.resamples
    """Bootstrap resamples of the sequences behind each 95 % interval."""
    seed: int = DEFAULT_BOOTSTRAP.seed
    """Seed of the bootstrap, and of what --conditions draw: demonstrations, other pictures, the order of frames."""
    out: str | None = None
    """Folder for metrics.json and report.html, of several runs with texts among them comparison.json and
    comparison.html. Default: the run folder; of several none."""

    plugin: list[str] = field(default_factory=list)
    """A Python file that registers heads, encoders, captioners or data sets, as in train.py; needed again for a run
    that was trained with one."""

    def __post_init__(self) -> None:
        if self.data is not None:
            known_name("data", self.data, DATASETS)
        at_least(1, self, "resamples")
        at_most(1_000_000, self, "resamples", "no interval is surer with more")
        check_seed(self.seed)
        check_device(self.device)

    @property
    def bootstrap(self) -> Bootstrap:
        """How the intervals are drawn."""
        return Bootstrap(self.resamples, self.seed)


@dataclass(frozen=True)
class EvalConfig(ScoreOptions):
    """Score a run beside the baselines that see no image; write metrics.json and report.html into its folder.

    With --submission, write its paths for Waymo's end-to-end driving challenge instead. With --predictions in place
    of --run, score a file of texts: about sensation or sidewalk pictures, or with --head caption of any captions;
    beside runs it is a line of their table, paired by `id`, else by `image`.
    """

    run: str = ""
    """Run folder that train.py made, or that of a sweep, for all its runs; this or --predictions is required."""
    against: list[str] = field(default_factory=list)
    """More runs, each compared with --run in pairs on the frames that they have in common. A second --run is the
    same. Runs that differ in their seed alone are one row, over seeds and sequences."""
    worst: int | None = None
    """Show so many of the worst frames of each head, 100 at most, and write all of them to worst.csv. Of several
    runs: how many frames on which they disagree most are shown. Default: none, of several runs 10."""
    csv: str | None = None
    """Write all figures of the tables to this file too, a line for each with its interval."""
    latex: str | None = None
    """Write the tables to this file too, as LaTeX with booktabs."""
    generate: str | None = None
    """Of a caption run: write its texts to this file, JSONL with `id`, `image`, `prediction`, `target` and whether it
    `ended`, batch by batch; what stops goes on where it was. Default: predictions.jsonl beside the numbers."""
    conditions: str | None = None
    """Of a caption run: how it is asked, with commas, each a row of the table. free (default): as it has learnt.
    Others are words joined by +: grammar; few_shot, behind training pictures with their texts, or text_only, behind
    the texts alone; annotations, with the picture's labels told; grey, blur, grain, half_black, upside_down, others
    (what becomes of the pictures); one_frame or shuffled (of the frames of --past_frames: the last alone; in another
    order)."""
    demonstrations: Literal["random", "similar"] | None = None
    """Of the conditions few_shot and text_only: which training pictures, of other sequences, are shown before each
    picture. random (default), or similar: those whose visual tokens are most like its own, the most similar last."""
    shots: int | None = None
    """Of the same: how many, 1 to 32; more than the model reads are refused. Default: 4, or as many as it reads."""
    store_visual: Literal["auto", "yes", "no"] | None = None
    """Of a caption run: keep the visual tokens of pictures as they are on the disk (--store_dir of the run), where
    every condition and run with the same visual parts reads them. auto (default): where they are read again, take at
    most 0.5 MB a picture and half of what is free."""
    predictions: str | None = None
    """File of texts to score, JSONL or JSON: records with `image` and `prediction`, `text` or `response`. Its numbers
    go to <name>.metrics.json beside it, or in --out."""
    head: Literal["caption"] | None = None
    """For --predictions: caption scores its texts by BLEU, ROUGE-L, CIDEr-D and METEOR against the `target` of each
    record, one text or a list; no data set is needed."""
    clip: str | None = None
    """For --head caption: a CLIP, by folder or hub id, such as openai/clip-vit-base-patch32, by which texts are
    compared with their pictures too. `image` is looked for below --image_root, by default beside the file."""
    spice: str | None = None
    """For --head caption: the folder with stanford-corenlp-3.6.0.jar and its models' jar, to score SPICE too, which
    needs Java and takes minutes."""
    protocol: Literal["roadcue", "published"] | None = None
    """For --predictions: roadcue (default; sections are parsed, no constant wins), or published (document 000's
    evaluator, to compare with its figures)."""
    submission: str | None = None
    """Score nothing: predict the test frames that the challenge asks for, and write them to this .tar.gz."""
    account: str | None = None
    """For --submission, required: the full e-mail address that you registered with at waymo.com/open."""
    method: str | None = None
    """For --submission, required: a short, unique name. The leaderboard shows the latest result of each method."""
    row: str | None = None
    """For --submission: the row of the results table that is submitted, such as ridge. Default: the run's head."""
    frames: str | None = None
    """For --submission: the list of its frames. Default: test_sequence_frames_for_submission.json in --data_dir."""
    public_models: str | None = None
    """For --submission: public pretrained models behind the row, with commas, or none. Default: the --checkpoint."""
    authors: str | None = None
    """For --submission: their names, with commas."""
    affiliation: str | None = None
    """For --submission: where the authors are at home."""
    description: str | None = None
    """For --submission: the method in a few words."""
    method_link: str | None = None
    """For --submission: address of a paper or page about the method."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_what_is_scored()
        self._check_compared()
        if self.worst is not None:
            at_least(1, self, "worst")
        if self.shots is not None:
            at_least(1, self, "shots")
        of_runs = [name for name in ("worst", "csv", "latex") if getattr(self, name) is not None]
        if of_runs and (not self.run or self.submission is not None):
            raise ValueError(f"--{of_runs[0]} belongs to a --run that is scored, without --submission")
        others = {*ScoreOptions.__dataclass_fields__, "against", "worst", "csv", "latex"}
        others |= {"predictions", "head", "protocol", *OF_CAPTION_RUNS, *OF_CAPTIONS}
        ours = [option.name for option in fields(self) if option.name not in others]
        given = [name for name in ours if getattr(self, name) is not None]
        if self.submission is None:
            if given:
                raise ValueError(f"--{given[0]} belongs to --submission FILE.tar.gz, which is not given")
        elif not self.submission.endswith(".tar.gz"):
            raise ValueError(f"--submission {self.submission}: the challenge takes a .tar.gz; let its name end so")
        elif not {"account", "method"} <= set(given):
            raise ValueError("--submission needs --account, your address at waymo.com/open, and --method, its name")

    def _check_compared(self) -> None:
        """ValueError for runs that cannot be compared, or an option that comparing has no use for."""
        if not self.against:
            return
        if not self.run or self.submission is not None:
            raise ValueError("several runs are compared: name them with --run, without --submission")
        if self.generate is not None:
            raise ValueError("--generate writes the texts of one run; name one")
        if self.checkpoint is not None:
            raise ValueError("--checkpoint is of one run; score each run by itself first, and then compare them")
        if len({self.run, *self.against}) <= len(self.against):
            raise ValueError(f"--run {self.run}: a run is named twice; name different ones")

    def _check_what_is_scored(self) -> None:
        """ValueError unless there is one thing to score, with the options that belong to it."""
        of_captions = [name for name in OF_CAPTION_RUNS if getattr(self, name) is not None]
        if of_captions and not self.run:
            raise ValueError(f"--{of_captions[0]} belongs to the --run of a captioner, which is not given")
        shows = {"few_shot", "text_only"} & {*(self.conditions or "").replace("+", ",").replace(" ", "").split(",")}
        for option in ("demonstrations", "shots"):
            if getattr(self, option) is not None and not shows:
                raise ValueError(f"--{option} is of --conditions few_shot and text_only; name one, or leave it out")
        for option in OF_CAPTIONS:
            if getattr(self, option) is not None and self.head is None:
                raise ValueError(f"--{option} belongs to --predictions FILE --head caption, which is not given")
        if self.predictions is None and not self.run:
            raise ValueError("name what is to be scored: --run, a run folder, or --predictions, a file of texts")
        if self.run:
            for option in ("protocol", "head"):
                if getattr(self, option) is not None:
                    raise ValueError(f"--{option} belongs to --predictions FILE without --run")
            if self.split == "test":
                raise ValueError("--split test belongs to --predictions FILE; a run is scored on train or val")
        if self.predictions is not None and self.submission is not None:
            raise ValueError("--predictions and --submission do not go together: score one of them at a time")
        if self.run:
            return
        if self.checkpoint is not None:
            raise ValueError("--checkpoint belongs to the --run of an encoder, which is not given")
        if self.head is not None:
            if self.image_root is not None and self.clip is None:
                raise ValueError("--image_root belongs to --clip, which is not given: without it no picture is read")
            of_labels = ("data", "data_dir", "split_by", "split", "protocol", "on_bad_record")
            for option in of_labels:
                if getattr(self, option) is not None:
                    raise ValueError(f"--{option} does not belong to --head caption: the file has its targets itself")
            return
        if self.data not in ("sensation", "sidewalk"):
            raise ValueError(
                "--predictions needs --data sensation or --data sidewalk, which have labels for texts, or --head "
                "caption for captions with a `target` beside them"
            )
        if self.image_root is not None or self.split_by is not None:
            option = "--split_by" if self.image_root is None else "--image_root"
            raise ValueError(
                f"{option} does not belong to --predictions: no picture is read, and --split is published"
            )
