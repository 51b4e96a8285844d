"""SPICE with a stand-in for `java`: how it is called, what is made of its answers, what is said when it fails."""

import json
import math
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from roadcue.errors import BadInput
from roadcue.metrics.captions import spice as module
from roadcue.metrics.captions.spice import CORENLP, spice

JAVA = """#!{python}
import json, os, sys, time
words = sys.argv[1:]
place = words.index("edu.anu.spice.SpiceScorer")
given, out = words[place + 1], words[words.index("-out") + 1]
rows = json.load(open(given))
json.dump([words, rows, os.getcwd()], open({heard!r}, "w"))
scores = [dict(image_id=row["image_id"], scores=dict(All=dict(f=len(row["test"]) / 100))) for row in rows]
{then}
json.dump(scores[::-1], open(out, "w"))
"""


@pytest.fixture
def java(tmp_path, monkeypatch):
    """A `java` that scores a hundredth of a caption's letters, after lines of Python; what it was given."""

    def java(then=""):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        file = folder / "java"
        file.write_text(JAVA.format(python=sys.executable, heard=str(tmp_path / "heard.json"), then=then))
        file.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return lambda: json.loads((tmp_path / "heard.json").read_text())

    return java


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package's folder with empty jars."""
    folder = tmp_path / "pycocoevalcap"
    (folder / "spice" / "lib").mkdir(parents=True)
    for name in ("spice-1.0.jar", "lib/guava-19.0.jar"):
        (folder / "spice" / name).touch()
    found = SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(module, "find_spec", lambda name: found)
    return folder / "spice"


@pytest.fixture
def corenlp(tmp_path):
    folder = tmp_path / "corenlp"
    folder.mkdir()
    for name in CORENLP:
        (folder / name).touch()
    return folder


def test_each_caption_has_its_score_whatever_the_order_and_the_program_is_called_as_it_must_be(
    java, package, corenlp
):
    heard = java()
    scores = spice(["A red car.", "left"], [["The car", "a car"], ["left"]], corenlp)
    np.testing.assert_allclose(scores, [0.09, 0.04])
    words, rows, folder = heard()
    assert rows[0] == {"image_id": 0, "test": "a red car", "refs": ["the car", "a car"]}
    jars = words[words.index("-cp") + 1].split(":")
    assert [jar.rpartition("/")[2] for jar in jars] == ["spice-1.0.jar", "guava-19.0.jar", *CORENLP]
    opened = [word for word in words if word.startswith("--add-opens=")]
    assert len(opened) == 7
    assert "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED" in opened
    assert "--add-opens=java.sql/java.sql=ALL-UNNAMED" in opened
    assert {"-Xmx4G", "-subset", "-silent"} <= {*words}
    assert words[words.index("-cache") + 1] == f"{folder}/cache"
    assert not package.parent.parent.joinpath("cache").exists()


def test_two_processes_have_a_cache_each_and_none_is_left(java, package, corenlp, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    heard = java()
    folders = []
    for _ in range(2):
        spice(["a"], [["a"]], corenlp)
        folders.append(heard()[2])
    assert folders[0] != folders[1]
    assert not [*tmp_path.glob("spice-*")]


def test_without_its_library_there_is_no_cache(java, package, corenlp, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    heard = java()
    spice(["a"], [["a"]], corenlp)
    assert "-cache" not in heard()[0]


@pytest.mark.parametrize("line_break", "\n\r\x0b\x0c\x1c\x85\u2028\u2029")
def test_no_line_break_reaches_the_program(java, package, corenlp, line_break):
    heard = java()
    spice([f"a car{line_break}left"], [[f"a{line_break}{line_break}bike"]], corenlp)
    assert heard()[1] == [{"image_id": 0, "test": "a car left", "refs": ["a bike"]}]


@pytest.mark.parametrize("nothing", ["None", "float('nan')", "'NaN'"])
def test_where_nothing_is_told_there_is_no_score(java, package, corenlp, nothing):
    java(f"scores[0]['scores']['All']['f'] = {nothing}")
    scores = spice(["", "left"], [[""], ["left"]], corenlp)
    assert math.isnan(scores[0])
    assert scores[1] == 0.04


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ("sys.exit('Exception in thread main: no memory')", "failed with exit code 1 .*no memory"),
        ("sys.exit(3)", "failed with exit code 3"),
        ("scores.pop()", "without a score of each of the 2 captions"),
        ("sys.exit(0)", "without a score of each"),
        ("scores = [1]", "without a score of each"),
        ("scores[0] = {}", "without a score of each"),
    ],
)
def test_a_program_that_fails_is_said_to(java, package, corenlp, then, message):
    java(then)
    with pytest.raises(BadInput, match=message):
        spice(["a", "b"], [["a"], ["b"]], corenlp)


def test_a_program_that_never_ends_is_stopped(java, package, corenlp):
    java("time.sleep(100)")
    start = time.perf_counter()
    with pytest.raises(BadInput, match="did not end within 2 s, and was stopped"):
        spice(["a"], [["a"]], corenlp, limit_s=1, limit_s_each=1)
    assert time.perf_counter() - start < 30


def test_each_thing_that_is_missing_is_said_in_a_sentence(java, package, corenlp, tmp_path, monkeypatch):
    def refused(match):
        with pytest.raises(BadInput, match=match) as refusal:
            spice(["a"], [["a"]], corenlp)
        assert "\n" not in str(refusal.value)

    java()
    (corenlp / CORENLP[1]).unlink()
    refused(
        r"corenlp: SPICE needs stanford-corenlp-3.6.0-models.jar in this folder; both are in https://nlp.stanford"
    )
    (package / "spice-1.0.jar").unlink()
    refused(r"lacks spice-1.0.jar .*pip install")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    refused("needs the program in pycocoevalcap.*pip install")
    (tmp_path / "bin" / "java").write_bytes(b"\x7fELF")
    monkeypatch.setattr(module, "_jars", lambda corenlp: [])
    refused("cannot be run .*mend Java's installation")
    monkeypatch.setenv("PATH", str(tmp_path))
    refused("no `java` on the PATH")
