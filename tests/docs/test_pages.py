"""What README and docs name is there: files, links, options, targets; and the README stays one screen."""

import json
import re
import tomllib
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pages import PROGRAMS, README, ROOT, blocks, made_by, options_of, pages, prose, spans, unknown_options

import roadcue
from roadcue.heads.cue.rules import IN_THE_WAY, walking_cues
from roadcue.heads.cue.walker import WALKER_AT_S, WALKER_OFFSET_M
from roadcue.heads.field.labels import OUTPUTS, encode_fields
from roadcue.heads.registry import field_names
from roadcue.loaders.manifest.convert import convert
from roadcue.loaders.manifest.line import OPTIONAL, REQUIRED, parse_line
from roadcue.loaders.poses import LONGEST_GAP_S, read_poses
from roadcue.loaders.sensation.states import KEYS
from roadcue.loaders.sensation.states import parse_line as parse_states
from roadcue.prompts.annotation import NEAR_COLUMNS, ROAD_POSITIONS, SIDEWALK_POSITIONS
from roadcue.schema import PAST_STATES, STATE_NUMBERS, STEP_S, WAYPOINTS

RECORD, OWN_DATA, PLUGINS, HEADS, PREDICTIONS = (
    ROOT / "docs" / f"{name}.md" for name in ("record", "own_data", "plugins", "heads", "predictions")
)
MADE = ("runs/", "worlds/", "my/", "pictures/", "my_head.py", "labels/", "images/", "org/", "openai/")
"""What the commands make, folders of data, and names on the model hub."""

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
each_page = pytest.mark.parametrize("page", pages(), ids=[page.stem for page in pages()])


def tables(text: str) -> list[str]:
    return re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_one_screen_with_one_table_and_the_table_is_the_records():
    assert len(README.read_text().splitlines()) <= 150
    (table,) = tables(README.read_text())
    assert table in RECORD.read_text()


def test_every_page_of_docs_is_linked_from_the_readme():
    assert set((ROOT / "docs").glob("*.md")) <= set(pages())


@each_page
def test_every_path_that_is_named_exists(page: Path):
    named = re.findall(r"(?<![\w./<$-])(?:\w[\w-]*/)+[\w.-]*|\b\w+\.(?:py|sh)\b", "\n".join(spans(page)))
    elsewhere = [path for path in named if not path.startswith(MADE) and not (ROOT / path).exists()]
    assert elsewhere == []


def test_the_map_of_ordinary_changes_is_long_and_in_places_that_exist():
    rows = tables((ROOT / "docs/architecture.md").read_text())[-1].splitlines()[2:]
    assert len(rows) >= 60
    assert [row for row in rows if not re.search(r"\| .*`[\w/.]+`", row)] == []


@each_page
def test_every_link_leads_somewhere(page: Path):
    for link in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@each_page
def test_every_option_and_target_that_is_named_exists(page: Path):
    known = frozenset().union(*map(options_of, PROGRAMS))
    for span in spans(page):
        if span.startswith("python "):
            assert unknown_options(span.split()) == set(), span
        elif not span.startswith(("benchmarks/", "--quiet")):
            assert set(re.findall(r"(?<!\S)--[a-z][\w.]*", span)) <= known, span
    for target in re.findall(r"`make (\w+)", page.read_text()):
        made_by(target)


@each_page
def test_every_number_is_filled_in(page: Path):
    assert re.findall(r"\b[A-Z]+_(?:TABLE|RATIO|PARAMETERS)\b|\bTODO\b|\bXX+\b", page.read_text()) == []


def test_the_line_of_a_manifest_has_its_keys():
    line = json.loads(blocks(OWN_DATA, "json")[0])
    assert set(REQUIRED) <= line.keys() <= {*REQUIRED, *OPTIONAL}
    assert all(f"| `{key}` | required |" in OWN_DATA.read_text() for key in REQUIRED)
    assert all(f"| `{key}` | optional |" in OWN_DATA.read_text() for key in OPTIONAL)


def test_the_lines_with_labels_alone_are_a_manifest_s_and_two_of_them_have_a_cue():
    lines = [json.loads(line) for line in blocks(OWN_DATA, "jsonl")[0].splitlines()]
    labels = [encode_fields(parse_line(line, "docs/own_data.md")[0].fields) for line in lines]
    cues = walking_cues(*map(torch.stack, zip(*labels, strict=True)))
    assert (cues[:, 0] >= 0).tolist() == [True, True, False]


def test_the_keys_of_labels_are_those_that_heads_read_and_those_of_a_cue_are_marked():
    (table,) = [one for one in tables(OWN_DATA.read_text()) if "`sidewalk_pos`" in one.splitlines()[2]]
    rows = [row.split("|")[1:4] for row in table.splitlines()[2:]]
    keys = [re.findall(r"`(\w+)`", row[0]) for row in rows]
    assert sorted(chain(*keys)) == sorted(field_names())
    assert sorted(chain(*keys[:-1])) == sorted(OUTPUTS)
    assert [len(key) for key, row in zip(keys, rows, strict=True) if "a cue needs" in row[2]] == [1, 1, 6]
    assert keys[2] == [NEAR_COLUMNS[kind] for kind in IN_THE_WAY]
    assert set(re.findall(r"`(\w[\w ]*)`", rows[0][1])) == set(SIDEWALK_POSITIONS)
    assert set(re.findall(r"`(\w[\w ]*)`", rows[1][1])) == set(ROAD_POSITIONS)


def test_the_spreadsheet_becomes_a_manifest_in_which_three_lines_have_a_cue(tmp_path):
    table = blocks(OWN_DATA, "csv")[0]
    (tmp_path / "labels.csv").write_text(table)
    (tmp_path / "front").mkdir()
    for name in re.findall(r"^front/\d+\.jpg", table, re.MULTILINE):
        (tmp_path / name).write_bytes(b"a picture, which nobody reads")
    made = convert(tmp_path / "labels.csv", tmp_path, tmp_path / "out")
    lines = [json.loads(line) for line in made.manifest.read_text().splitlines()]
    labels = [encode_fields(line["fields"]) for line in lines]
    cues = walking_cues(*map(torch.stack, zip(*labels, strict=True)))
    assert (cues[:, 0] >= 0).tolist() == [True, True, True, False]
    assert {line["sequence"] for line in lines} == {"walk 1", "walk 2"}


def test_the_log_of_poses_has_past_states_of_both_pictures_at_five_metres_a_second(tmp_path):
    (tmp_path / "poses.csv").write_text(blocks(PREDICTIONS, "csv")[0])
    log = read_poses(tmp_path / "poses.csv")
    times = log.times_of([tmp_path / "pictures" / name for name in ("a.jpg", "b.jpg")])
    assert times == [103.9, 104.0]
    for past in map(log.past, times):
        np.testing.assert_allclose(past[:, 2:4], [[5, 0]] * PAST_STATES, atol=0.01)
    assert f"have a pose each second, better each {STEP_S} s" in PREDICTIONS.read_text()
    assert LONGEST_GAP_S == 1


def test_the_calibration_is_one_that_a_manifest_may_hold_and_looks_straight_ahead():
    line = json.loads(blocks(OWN_DATA, "json")[0]) | {"past": [[0] * STATE_NUMBERS] * PAST_STATES, "future": None}
    line["calibration"] = json.loads(blocks(OWN_DATA, "json")[1])
    (calibration,) = parse_line(line, "docs/own_data.md")[0].calibration.values()
    pixels, in_front = calibration.project(calibration.extrinsic[:3, 3] + [[10, 0, 0], [-10, 0, 0]])
    assert in_front.tolist() == [True, False]
    assert pixels[0].tolist() == [960, 640]


def test_the_line_of_a_walk_s_states_has_its_keys():
    line = json.loads(blocks(OWN_DATA, "json")[2])
    assert tuple(line) == KEYS
    path = {"past": [[0] * STATE_NUMBERS] * PAST_STATES, "future": [[0] * 2] * WAYPOINTS}
    assert parse_states(json.dumps(line | path), "docs/own_data.md", {"0001.jpg"}).time_s == 1.25


def test_what_a_walker_s_deviation_is_has_the_thresholds_of_the_code():
    assert f"({WALKER_OFFSET_M:g} m beside his heading after {WALKER_AT_S:g} s" in HEADS.read_text()


def test_the_entry_points_are_of_groups_that_are_read():
    from roadcue.heads.registry import HEADS
    from roadcue.loaders.registry import DATASETS
    from roadcue.models.registry import CAPTIONERS, ENCODERS

    groups = {registry.group for registry in (HEADS, ENCODERS, CAPTIONERS, DATASETS)}
    (block,) = blocks(PLUGINS, "toml")
    assert tomllib.loads(block)["project"]["entry-points"].keys() <= groups
    assert {span for span in spans(PLUGINS) if re.fullmatch(r"roadcue\.\w+s", span)} == groups


def test_the_citation_names_the_version_that_there_is():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == roadcue.__version__
    assert cited["license"] == "Apache-2.0"
