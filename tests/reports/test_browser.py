"""The page as a browser shows it, in a frame of a given width (a window cannot be narrower than 500 pixels)."""

import html
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from lacking import lacking

from roadcue.metrics.comparison import Comparison
from roadcue.reports.answer_details import AnswerDetails
from roadcue.reports.frame import ReportFrame
from roadcue.reports.page import write_report

LOOK = """
<body style="margin: 0"><iframe srcdoc="{page}" style="border: 0; width: {width}px; height: 900px"></iframe>
<script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument;
  const result = {{
    title: page.title,
    scrollWidth: page.documentElement.scrollWidth,
    images: [...page.images].map(image => image.naturalWidth),
    figures: [...page.querySelectorAll("svg")].map(figure => figure.getBoundingClientRect().height),
    outside: [...page.querySelectorAll("main *")].filter(element =>
      !element.closest(".scroll, svg") && element.getBoundingClientRect().right > {width} + 1).map(e => e.tagName),
    table: page.querySelector("tbody tr").innerText,
  }};
  document.body.innerHTML = "<pre></pre>";
  document.querySelector("pre").textContent = JSON.stringify(result);
}});
</script>
"""


@pytest.fixture(scope="module")
def browser() -> str:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not program:
        lacking("Chromium is not installed (Debian: apt-get install chromium)")
    return program


@pytest.fixture
def report(
    tmp_path: Path, comparison: Comparison, frame: ReportFrame, heading: dict[str, str], details: AnswerDetails
) -> Path:
    frames = [replace(frame, title="best"), replace(frame, title="worst", image=frame.image[::2, ::2].copy())]
    return write_report(
        tmp_path / "report.html",
        comparison=comparison,
        sees_image={"waypoint"},
        heading=heading,
        frames=frames,
        answer_details=[details],
    )


def run(browser: str, page: Path, *options: str) -> tuple[str, str]:
    """What the browser says about a page, and its log."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
    profile = f"--user-data-dir={page.parent / 'profile'}"
    done = subprocess.run(
        [browser, *quiet, profile, "--enable-logging=stderr", *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_loads_whole_and_fits(browser: str, report: Path, tmp_path: Path, width: int):
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(
        LOOK.format(page=html.escape(report.read_text(encoding="utf-8")), width=width), encoding="utf-8"
    )
    dom, log = run(browser, wrapper, f"--window-size={width + 100},1000", "--dump-dom")
    measured = json.loads(html.unescape(dom.split("<pre>")[1].split("</pre>")[0]))
    assert measured["title"] == "RoadCue report: waypoint"
    assert measured["images"] == [720, 972, 972]
    assert len(measured["figures"]) == 9
    assert min(measured["figures"]) > 200
    assert measured["scrollWidth"] <= width
    assert measured["outside"] == []
    assert "waypoint" in measured["table"]
    assert "CONSOLE" not in log


def test_the_page_follows_the_colour_scheme_of_the_reader(browser: str, report: Path, tmp_path: Path):
    brightness = []
    for dark, scheme in enumerate(("light", "dark")):
        shot = tmp_path / f"{scheme}.png"
        run(browser, report, f"--blink-settings=preferredColorScheme={1 - dark}", f"--screenshot={shot}")
        brightness.append(np.median(cv2.imread(str(shot))))
    assert brightness[0] > 230
    assert brightness[1] < 50
