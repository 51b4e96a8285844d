"""The model card of a run on the hub: what it is, its scores, what it is not for, and how it is loaded.

A README.md that begins with YAML, as https://huggingface.co/docs/hub/model-cards describes.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from roadcue.errors import BadInput
from roadcue.files import read_text
from roadcue.heads.registry import WAYPOINT
from roadcue.inference.public_run import public_sentence
from roadcue.metrics.bootstrap import Interval
from roadcue.models.checkpoint import FULL, HUB_ID
from roadcue.reports.table import BLIND, SEES, plain
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

_ENCODERS = {
    "heads": "a frozen vision encoder",
    "lora": "a vision encoder with an adapter (LoRA), which is in `adapter/` and goes with these heads alone",
    "full": "a vision encoder that was trained with them, which is in `encoder/`",
}
_DRAWN = "drawn pictures, not photographs"
"""What a drawn data set says of itself (`roadworld.dataset`)."""
_NOT_FOR = """\
- **No vehicle may be steered by it, and nobody may walk by it alone.** It says what drivers or walkers did in data
  like its own; whether that is safe has not been tested, and a person who relies on it may be hurt.
- Other cameras, countries, weathers and hours than those of its data are unknown to it. `in_distribution` is false
  for a picture unlike those that it has learnt from; one that looks like them may still show what it does not know.
- It is not for finding out who somebody is, or where somebody was."""


def model_card(folder: RunFolder, config: TrainConfig, name: str, license: str | None) -> str:
    """The text of README.md for a run that is "org/name" on the hub, with the options that others see.

    BadInput for a metrics.json that is damaged.
    """
    facts = folder.read_facts()
    parts = [
        f"---\n{yaml.safe_dump(_front_matter(config, license), sort_keys=False)}---\n",
        f"# {name.split('/')[1]}",
        f"{_what(config)} It was trained with RoadCue, version {facts['versions']['roadcue']}.",
        f"## Use\n\n```python\n{_use(config, name)}\n```",
        f"## What it has learnt from\n\n{_learnt_from(facts, config)}",
        *_scores(folder, config),
        f"## What it must not be used for\n\n{_NOT_FOR}{_only_drawn(facts)}",
        f"## License\n\n{license or 'None is stated here yet: ask its author before you use it.'}",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(config: TrainConfig, license: str | None) -> dict[str, Any]:
    base = FULL.get(config.encoder, "") if config.checkpoint == "full" else config.checkpoint
    return {
        **({"license": license} if license else {}),
        "library_name": "roadcue",
        "tags": ["roadcue", *config.head_names, f"{config.encoder}-encoder", f"data-{config.data}"],
        **({"base_model": base} if config.encoder != "none" and HUB_ID.fullmatch(base) else {}),
    }


def _what(config: TrainConfig) -> str:
    if config.captions:
        return "A captioner: a picture of a road or a sidewalk in, a text out."
    blind = config.encoder == "none"
    seen = "P" if blind else f"Pictures ({', '.join(config.picture_names)}), p"
    return (
        f"{seen}ast states and intent in, predictions of the heads {', '.join(config.head_names)} out"
        f"{'' if blind else f', which read the features of {_ENCODERS[config.stage]}'}."
    )


def _use(config: TrainConfig, name: str) -> str:
    """Lines of Python; a path needs more than a picture."""
    plugins = f", plugins={config.plugin!r}" if config.plugin else ""
    lines = ["import roadcue", "", f'p = roadcue.load("{name}"{plugins})']
    pictures = ", ".join(f'"{camera}": "{camera.lower()}.jpg"' for camera in config.camera_names)
    images = "None" if config.encoder == "none" else f"{{{pictures}}}"
    path = ", past=past, intent=intent" if WAYPOINT in config.head_names else ""
    earlier = "".join(f"{back}: {images}, " for back in config.frames_back)
    given = f"{path}, past_images={{{earlier.removesuffix(', ')}}}" if earlier else path
    if config.captions:
        images = f'"{config.camera_names[0].lower()}.jpg"'
    lines.append(f"prediction = p.predict({images}{given})")
    lines += [f'prediction["{head}"].to_json()' for head in config.head_names]
    return "\n".join(lines)


def _learnt_from(facts: Mapping[str, Any], config: TrainConfig) -> str:
    encoder = facts.get("encoder") or facts.get("captioner")
    lines = [
        f"- data: {public_sentence(str(facts['data']['train']), config)}",
        f"- rows: {facts['rows']['train']:,}",
        f"- {'captioner' if config.captions else 'encoder'}: {public_sentence(str(encoder), config)}",
        f"- {config.epochs} epochs, seed {config.seed}; every option is in `config.json`",
    ]
    return "\n".join(lines)


def _only_drawn(facts: Mapping[str, Any]) -> str:
    if _DRAWN not in str(facts["data"]["train"]):
        return ""
    return "\n- It has learnt from drawn pictures alone. What it is worth on photographs is not known; expect little."


def _scores(folder: RunFolder, config: TrainConfig) -> Iterator[str]:
    """A section of the tables in metrics.json; none where eval.py has not been run."""
    path = folder.path / "metrics.json"
    if not path.exists():
        return
    try:
        metrics = dict(json.loads(read_text(path)))
        data = public_sentence(metrics["run"]["data"], config)
        sees = {*metrics["sees_image"], *(f"{name}, answered" for name in metrics["sees_image"])}
        tables = [_table(title, methods, sees) for title, methods in _methods(metrics)]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"{path}: cannot be read ({error!r}); run eval.py again, or move it away") from error
    yield (
        f"## Scores\n\nOn {data}. {SEES} sees the picture, {BLIND} does not; in brackets 95 % intervals from a "
        "bootstrap over sequences, of one training seed."
    )
    yield from tables


def _methods(metrics: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Mapping[str, Any]]]]:
    """The title of each table, and its methods with their figures."""
    if "methods" in metrics:
        paths = {one["name"]: one["overall"] for one in metrics["methods"]}
        yield "Displacement against the log, metres; a share missed", paths
    if metrics.get("against_raters"):
        yield "Against raters", {one["name"]: one["overall"] for one in metrics["against_raters"]["methods"]}
    if "rows" in metrics:
        yield "What the texts claim", {name: row["figures"] for name, row in metrics["rows"].items()}
        return  # whose parts the answers are
    for answer in metrics.get("answers", []):
        yield answer["title"], answer["methods"]


def _table(title: str, methods: Mapping[str, Mapping[str, Any]], sees: set[str]) -> str:
    """A line a figure, a column a method: there may be more figures than fit beside each other."""
    marked = [f"{SEES if name in sees else BLIND} {name}" for name in methods]
    figures = list(dict.fromkeys(figure for one in methods.values() for figure in one))
    lines = [f"| {title} | {' | '.join(marked)} |", f"|---|{'---|' * len(methods)}"]
    for figure in figures:
        cells = [_cell(one.get(figure)) for one in methods.values()]
        lines.append(f"| {figure.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(figure: Mapping[str, float | None] | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    numbers = [figure[key] for key in ("value", "low", "high")]
    cell = plain(Interval(*(math.nan if number is None else float(number) for number in numbers)))
    return f"{cell.value} ({cell.interval})"
