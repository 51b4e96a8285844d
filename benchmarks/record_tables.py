"""Write README's table, its copy in docs/record.md, and the table of speeds there, from the recorded results.

    python benchmarks/record_tables.py                      out of benchmarks/results.json
    python benchmarks/record_tables.py --take runs/record   which first takes over what record.sh has measured there

results.json has each figure with command, date and commit. What the folder does not hold stays as it was recorded.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratio_lines import read_ratios

from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.files import user_path, write_atomic
from roadcue.metrics.bootstrap import Interval
from roadcue.reports.table import BLIND, SEES, Cell, difference, plain

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
TABLES = {"README.md": ("demo",), "docs/record.md": ("demo", "speed")}
"""Page -> the tables that are written into it, each behind its mark."""
MARK = "<!-- {}: written by benchmarks/record_tables.py -->\n\n"
COLUMNS = {"ade_3s": "ADE 3 s", "ade_5s": "ADE 5 s", "fde_5s": "FDE 5 s", "miss_rate": "miss rate"}


def write_tables(options: argparse.Namespace) -> None:
    """Take over what was measured, where a folder is named, and write the pages that change."""
    results = json.loads(RESULTS.read_text())
    if options.take:
        results = taken(results, user_path(options.take))
        write_atomic(RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for page in TABLES:
        before = (ROOT / page).read_text()
        after = with_tables(page, before, results)
        if after != before:
            write_atomic(ROOT / page, after)
        print(f"{page}: {'as it was' if after == before else 'written'}")


def with_tables(page: str, text: str, results: Mapping[str, Any]) -> str:
    """A page's text with its tables as the results have them; BadInput where a mark is missing, or there twice."""
    made = {"demo": demo_table(results["demo"]), "speed": speed_table(results["speed"])}
    for name in TABLES[page]:
        before, *rest = text.split(MARK.format(name))
        if len(rest) != 1:
            raise BadInput(f"{page}: the line {MARK.format(name).strip()!r} has to stand there once")
        lines = rest[0].splitlines(keepends=True)
        while lines and lines[0].startswith("|"):
            del lines[0]
        text = before + MARK.format(name) + made[name] + "".join(lines)
    return text


def demo_table(demo: Mapping[str, Any]) -> str:
    """A line per method, best first, in metres; miss rates in percent."""
    lines = [["", *COLUMNS.values(), "ADE 5 s minus the first row's"]]
    for method in demo["methods"]:
        figures = {name: _interval(each) for name, each in method["overall"].items()}
        cells = [
            f"{100 * figures[name].value:.0f} %" if name == "miss_rate" else _in_one_line(plain(figures[name]))
            for name in COLUMNS
        ]
        apart = method["difference"]
        cells.append(_in_one_line(difference(_interval(apart))) if apart else "")
        lines.append([f"{SEES if method['sees_image'] else BLIND} {method['name']}", *cells])
    return _table(lines)


def speed_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line per benchmark: its ratios, each behind what its name says beside the benchmark's."""
    lines = [["what", "reference", "ratio", "measured"]]
    for row in rows:
        behind = {name.removeprefix(row["name"]): ratio for name, ratio in row["ratios"].items()}
        figures = [f"{name.replace('_', ' ')}: {ratio:g}".strip(": ") for name, ratio in behind.items()]
        said = "; ".join(filter(None, [", ".join(figures), row["note"]]))
        if not said:  # nobody has measured it yet
            continue
        lines.append(
            [f"`{row['command']}`: {row['what']}", row["reference"], said, f"{row['date']}, {row['commit']}"]
        )
    return _table(lines)


def taken(results: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The results with what `record.sh` has left in a folder in the place of what was recorded before.

    BadInput for a folder that is not there or was made with --quick, and a ratio that no row waits for.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder; benchmarks/record.sh makes it")
    if (folder / "quick-drives.done").exists():
        raise BadInput(f"{folder}: was made with --quick, and its numbers mean nothing")
    content = {"demo": results["demo"], "speed": [dict(row) for row in results["speed"]]}
    if (folder / "demo-eval.done").exists():
        metrics = json.loads((folder / "demo" / "metrics.json").read_text())
        content["demo"] = {"command": "make demo", **_stamp(folder / "demo-eval.done"), **demo_of(metrics)}
    measured: dict[str, dict[str, float]] = {}
    for done in sorted(folder.glob("speed-*.done")):
        for name, ratio in read_ratios(done.with_suffix(".log").read_text()).items():
            row = row_of(name, content["speed"])
            measured.setdefault(row["name"], {})[name] = ratio
            row |= {"ratios": measured[row["name"]], "note": "", **_stamp(done)}
    return content


def demo_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What README says of an evaluation: its extent, the methods, best first, and their scores by raters."""
    methods = [
        {
            "name": method["name"],
            "sees_image": method["name"] in metrics["sees_image"],
            "overall": {name: method["overall"][name] for name in COLUMNS},
            "difference": method["difference"] and method["difference"]["ade_5s"],
        }
        for method in sorted(metrics["methods"], key=lambda method: method["overall"]["ade_5s"]["value"])
    ]
    extent = {name: metrics[name] for name in ("samples", "sequences", "resamples", "seed")}
    raters = metrics["against_raters"]["methods"]
    scores = {method["name"]: method["overall"]["rfs_cluster_mean"]["value"] for method in raters}
    return {**extent, "methods": methods, "rater_feedback_score": scores}


def row_of(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The row that a ratio belongs to, whose own name its name begins with; BadInput where there is none."""
    of = [row for row in rows if name == row["name"] or name.startswith(f"{row['name']}_")]
    if not of:
        raise BadInput(f"{RESULTS}: no row for the ratio {name!r}; write one, with what it is and its reference")
    return max(of, key=lambda row: len(row["name"]))


def _stamp(done: Path) -> dict[str, str]:
    commit, date, _ = done.read_text().split(", ")
    return {"date": date, "commit": commit}


def _interval(figure: Mapping[str, float | None]) -> Interval:
    return Interval(**{name: math.nan if value is None else value for name, value in figure.items()})


def _in_one_line(cell: Cell) -> str:
    return f"{cell.value} ({cell.interval})"


def _table(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = ("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rest]).replace("|  |", "| |") + "\n"


def main() -> int:
    """Parse, write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--take", metavar="FOLDER", help="what benchmarks/record.sh has measured, such as runs/record"
    )
    return run(write_tables, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
