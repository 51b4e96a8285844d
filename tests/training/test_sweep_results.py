import io

import numpy as np
from rich.console import Console

from roadcue.training.sweep.results import RunScores, by_setting, results_table


def run(residual, seed, error):
    frames = {"ade_3s": np.full(6, error), "ade_5s": np.full(6, 2 * error)}
    settings = {"waypoint.residual": residual, "waypoint.dropout": "0.25"}
    return RunScores("run", settings, seed, "python", 1.0, frames, frames, np.repeat(["a", "b"], 3))


def test_a_table_of_80_columns_ranks_the_settings_and_cuts_none_off():
    settings = by_setting([run("ego", 0, 0.7), run("constant_velocity", 0, 0.5), run("constant_velocity", 1, 0.6)])
    terminal = Console(width=80, file=io.StringIO())
    terminal.print(results_table(settings))
    printed = terminal.file.getvalue()
    assert "…" not in printed
    assert printed.index("1.100 ±0.141") < printed.index("1.400")
    assert "2 settings, 3 runs" in printed
