import re
import xml.etree.ElementTree as ElementTree

import pytest

from roadcue.metrics.comparison import Comparison
from roadcue.metrics.score_table import ScoreTable
from roadcue.metrics.selective import RiskCoverage
from roadcue.reports.colours import colours
from roadcue.reports.curves import group_chart, horizon_curves, interval_chart, risk_curves


@pytest.mark.parametrize("draw", [horizon_curves, interval_chart])
def test_a_figure_names_every_method_in_text_and_takes_its_ink_from_the_page(draw, comparison: Comparison):
    figure = draw(comparison, {"waypoint"})
    texts = [element.text for element in ElementTree.fromstring(figure).iter() if element.tag.endswith("text")]
    for method in comparison.methods:
        assert any((text or "").startswith(method.name) for text in texts), method.name
    assert "currentColor" in figure
    assert "#000000" not in figure
    assert figure.startswith("<svg ")


def test_methods_without_an_image_are_dashed_and_hollow(comparison: Comparison):
    paint = colours(method.name for method in comparison.methods)

    def curves(colour: str) -> list[str]:
        # The line itself and its sample in the legend.
        return re.findall(rf'style="([^"]*stroke: {colour}[^"]*)"', horizon_curves(comparison, {"waypoint"}))

    assert all("dasharray" not in style for style in curves(paint["waypoint"]))
    assert all("dasharray" in style for style in curves(paint["ridge"]))
    assert len(curves(paint["waypoint"])) == len(curves(paint["ridge"])) == 2
    dots = interval_chart(comparison, {"waypoint"})
    assert f"fill: {paint['waypoint']}" in dots
    assert f"fill: {paint['ridge']}" not in dots


def test_a_method_far_off_does_not_press_the_rest_together_and_its_number_is_written(comparison: Comparison):
    still = next(method for method in comparison.methods if method.name == "stand still")
    assert f"stand still ({still.displacement_over_time[-1]:.1f} m at 5 s)" in horizon_curves(comparison, set())
    assert f"{still.overall['ade_5s'].value:.1f} m →" in interval_chart(comparison, set())


def test_the_same_comparison_gives_the_same_bytes(comparison: Comparison):
    assert horizon_curves(comparison, {"waypoint"}) == horizon_curves(comparison, {"waypoint"})


def test_groups_are_drawn_for_the_reference_and_the_best_two_others(comparison: Comparison):
    figure = group_chart(comparison, {"waypoint"}, "speed")
    for group, size in comparison.group_sizes["speed"].items():
        assert f">{group}  ({size})</text>" in figure
    for method in ("waypoint without features", "waypoint", "ridge"):
        assert f">{method}</text>" in figure
    assert ">stand still</text>" not in figure
    paint = colours(method.name for method in comparison.methods)
    assert f"fill: {paint['waypoint']}" in figure
    assert f"fill: {paint['ridge']}" not in figure


def test_the_groups_are_named_in_the_order_in_which_they_are_drawn(comparison: Comparison):
    figure = group_chart(comparison, {"waypoint"}, "speed")
    places = [figure.index(f">{group}  (") for group in comparison.group_sizes["speed"]]
    assert places == sorted(places)


def test_the_risk_over_the_share_answered_is_drawn_where_a_table_is_about_it():
    curves = {"cue": RiskCoverage([0.5, 1.0], [0.99, 0.9]), "field": RiskCoverage([1.0], [0.8])}
    figure = risk_curves(ScoreTable("Cue, answered or not", {}, {}, 10, 2, curves=curves))
    texts = [element.text for element in ElementTree.fromstring(figure).iter() if element.tag.endswith("text")]
    assert {"cue", "field", "share of pictures answered"} <= set(texts)
    assert risk_curves(ScoreTable("Cue", {}, {}, 10, 2)) == ""
