"""Whether unfreezing pays, as a table and a figure."""

import io
import xml.etree.ElementTree as ElementTree

import pytest
from rich.console import Console

from roadcue.metrics.bootstrap import Interval
from roadcue.reports.unfreezing import Unfrozen, unfreezing_plot, unfreezing_table

NAN = float("nan")


@pytest.fixture
def settings():
    return [
        Unfrozen("stage one", 1, 12_345, NAN, 0.01, Interval(1.5, 1.3, 1.7)),
        Unfrozen("control", 2, 12_345, 0.51, 0.012, Interval(1.45, 1.3, 1.6), Interval(-0.05, -0.1, 0.02)),
        Unfrozen(
            "lora.rank=8 lora.last=all",
            2,
            1_184_000,
            1.25,
            0.25,
            Interval(1.25, 1.1, 1.4),
            Interval(-0.25, -0.3, -0.2),
            Interval(-0.2, -0.25, -0.1),
        ),
    ]


def printed(table):
    terminal = Console(width=80, file=io.StringIO())
    terminal.print(table)
    return terminal.file.getvalue()


def test_a_setting_is_told_with_its_costs_and_with_both_differences(settings):
    text = printed(unfreezing_table("waypoint", "ADE 5 s (m)", settings, share=False))
    assert "…" not in text.replace("−0.30…−0.20", "").replace("−0.25…−0.10", "").replace("−0.10…+0.02", "")
    line = next(line for line in text.splitlines() if "1.18 M" in line)
    assert line.split()[-8:] == ["1.18", "M", "1.25", "0.250", "1.25", "−0.25", "*", "−0.20", "*"][-8:]
    control = next(line for line in text.splitlines() if line.strip().startswith("control"))
    assert "*" not in control, "its interval holds zero"
    assert "12.3 k" in text
    assert "in points" not in text
    assert "in points" in printed(unfreezing_table("field", "balanced accuracy", settings, share=True))


def test_one_seed_is_said_to_be_one(settings):
    said = printed(unfreezing_table("waypoint", "ADE 5 s (m)", settings, share=False))
    assert "One training seed" not in said
    alone = [settings[0], *(Unfrozen(one.name, 1, 1, 1, 1, one.figure) for one in settings[1:])]
    assert "One training seed" in " ".join(
        printed(unfreezing_table("waypoint", "ADE 5 s (m)", alone, share=False)).split()
    )


def test_the_figure_names_every_setting_and_takes_its_ink_from_the_page(settings):
    figure = unfreezing_plot("waypoint", "ADE 5 s (m)", settings)
    texts = [element.text for element in ElementTree.fromstring(figure).iter() if element.tag.endswith("text")]
    for wanted in (*(one.name for one in settings), "parameters that learn", "peak memory (GiB)", "seconds a step"):
        assert wanted in texts
    assert "currentColor" in figure
    assert 'id="unfreezing-waypoint-' in figure
