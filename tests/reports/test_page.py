import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from roadcue.metrics.comparison import Comparison, MethodScores
from roadcue.reports import page
from roadcue.reports.displacement_table import rows
from roadcue.reports.frame import ReportFrame
from roadcue.reports.page import DRAWN, MINIATURE, write_report


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def report(tmp_path: Path, comparison: Comparison, frame: ReportFrame, heading: dict[str, str]) -> str:
    frames = [replace(frame, title=title) for title in ("best", "median", "worst")]
    path = write_report(
        tmp_path / "report.html",
        comparison=comparison,
        sees_image={"waypoint"},
        heading=heading,
        frames=frames,
        cautions=[DRAWN, MINIATURE],
    )
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


def test_the_page_carries_every_number_and_every_fact(report: str, comparison: Comparison, heading: dict[str, str]):
    text = Elements(report).text
    for row in rows(comparison, {"waypoint"}):
        for cell in (*row.cells, row.difference):
            assert cell is None or (cell.value in text and cell.interval in text)
    for label, fact in heading.items():
        assert label in text
        assert fact in text
    assert "200 samples of 12 sequences" in text
    assert "95 % intervals from 500 bootstrap resamples over sequences (seed 7)" in text
    assert report.count("<small>no image</small>") == 3 * 5 + 1  # five methods in three tables, and the explanation


def test_the_page_is_semantic(report: str):
    elements = Elements(report)
    assert elements.all("html")[0]["lang"] == "en"
    assert len(elements.all("table")) == len(elements.all("caption")) == 3
    assert all("scope" in heading for heading in elements.all("th"))
    assert len(elements.all("h1")) == 1
    assert len(elements.all("img")) == 3
    assert all("drive-3-042" in (image["alt"] or "") for image in elements.all("img"))
    assert all(figure["aria-label"] for figure in elements.all("svg"))
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_needs_nothing_beside_it(report: str):
    elements = Elements(report)
    assert not elements.all("script")
    for tag, attributes in elements.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, name)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", report))
    assert "@import" not in report


def test_three_large_pictures_stay_below_two_megabytes(report: str):
    assert len(report.encode()) < 2_000_000


def test_names_from_files_cannot_become_markup(
    tmp_path: Path, comparison: Comparison, frame: ReportFrame, heading: dict[str, str]
):
    evil = '"><script>alert(1)</script>$\\frac$'

    def renamed(method: MethodScores) -> MethodScores:
        return replace(method, name=evil) if method.name == "waypoint" else method

    paths = {**frame.paths, evil: frame.paths["waypoint"]}
    html = write_report(
        tmp_path / "report.html",
        comparison=replace(comparison, methods=[renamed(method) for method in comparison.methods]),
        sees_image={evil},
        heading={**heading, "data": evil, evil: evil, "head": evil},
        frames=[replace(frame, title=evil, sample_id=evil, paths=paths)],
    ).read_text(encoding="utf-8")
    assert not Elements(html).all("script")
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 10


def test_a_scene_without_calibration_or_picture_says_so(
    tmp_path: Path, comparison: Comparison, frame: ReportFrame, heading: dict[str, str]
):
    html = write_report(
        tmp_path / "report.html",
        comparison=comparison,
        sees_image={"waypoint"},
        heading=heading,
        frames=[replace(frame, calibration=None), replace(frame, image=None)],
    ).read_text(encoding="utf-8")
    assert "the data have no calibration of it, so the paths cannot be drawn here" in html
    assert "This sample has no picture of the camera FRONT." in html
    assert len(Elements(html).all("img")) == 1
    assert "drawn on the ground" not in html


def test_drawn_data_and_stand_in_weights_are_named_first(report: str):
    assert 0 < report.index("The data are drawn") < report.index('<dl class="facts">')
    assert 0 < report.index("The encoder is a miniature") < report.index('<dl class="facts">')


def test_a_page_of_drawn_data_in_a_checkout_leads_to_the_record_of_heads_and_captions(
    tmp_path: Path, comparison: Comparison, heading: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    record = tmp_path / "docs/record.md"
    for folder in (record.parent, tmp_path / "runs"):
        folder.mkdir()
    record.write_text(page.RECORD.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(page, "RECORD", record)
    given = {"comparison": comparison, "sees_image": set(), "heading": heading, "frames": []}
    html = write_report(tmp_path / "runs/report.html", cautions=[DRAWN], **given).read_text("utf-8")
    (link,) = Elements(html).all("a")
    file, _, anchor = (link["href"] or "").partition("#")
    titles = re.findall(r"^## (.*)$", (tmp_path / "runs" / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [re.sub(r"[^a-z ]", "", title.lower()).replace(" ", "-") for title in titles]
    assert not Elements(write_report(tmp_path / "runs/report.html", **given).read_text("utf-8")).all("a")


def test_recorded_data_and_published_weights_need_no_caution(
    tmp_path: Path, comparison: Comparison, heading: dict[str, str]
):
    path = tmp_path / "report.html"
    html = write_report(path, comparison=comparison, sees_image=set(), heading=heading, frames=[]).read_text("utf-8")
    assert DRAWN not in html
    assert MINIATURE not in html


def test_a_failure_leaves_the_earlier_page_whole(
    tmp_path: Path, comparison: Comparison, heading: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "report.html"
    path.write_text("the earlier page")

    def full_disk(self: Path, *_: object, **__: object) -> None:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_report(path, comparison=comparison, sees_image=set(), heading=heading, frames=[])
    assert path.read_text() == "the earlier page"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
