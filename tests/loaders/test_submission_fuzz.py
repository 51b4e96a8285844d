"""Random damage to a submission and to the list of its frames: a verdict or BadInput, and nothing else."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import damaged, little_memory  # noqa: F401 - a fixture for all of this module
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.errors import BadInput
from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.frame import parse_name
from roadcue.loaders.waymo_e2e.submission.archive import pack, unpack
from roadcue.loaders.waymo_e2e.submission.check import check_submission
from roadcue.loaders.waymo_e2e.submission.frames import read_frames
from roadcue.loaders.waymo_e2e.submission.write import Entry, encode_submission

WANTED = {("a", 149): "a-149", ("b", 8): "b-008", ("c", 77): "c-077"}
WAYPOINT = np.random.default_rng(0).normal(size=(3, 20, 2)).astype(np.float32)
ENTRY = Entry("me@example.org", "straight on", True, "414M", authors=("A",), public_model_names=("V",))
ARCHIVE = encode_submission(ENTRY, list(WANTED.values()), WAYPOINT, frames_per_shard=2)
SHARDS, _ = unpack(ARCHIVE)
FIRST, LAST = SHARDS
MANY = settings(max_examples=150, deadline=None)


def check(archive: bytes) -> None:
    """Either sentences, or a submission that really is what it should be."""
    verdict = check_submission(archive, WANTED)
    for problem in verdict.problems:
        assert problem.isprintable()
        assert len(problem) < 2000
    if verdict.problems:
        return
    shards = [schema.E2EDChallengeSubmission.FromString(content) for content in unpack(archive)[0].values()]
    predictions = [one for shard in shards for one in shard.predictions]
    assert sorted(one.frame_name for one in predictions) == sorted(WANTED.values())
    for one in predictions:
        assert np.isfinite([one.trajectory.pos_x, one.trajectory.pos_y]).all()
        assert np.shape([one.trajectory.pos_x, one.trajectory.pos_y]) == (2, 20)
    for shard in shards:
        assert shard.account_name
        assert shard.unique_method_name
        assert shard.HasField("uses_public_model_pretraining")


@MANY
@given(st.one_of(damaged(ARCHIVE), st.binary(max_size=200)))
def test_damaged_archive(archive: bytes) -> None:
    check(archive)


@MANY
@given(st.one_of(damaged(gzip.decompress(ARCHIVE)), st.binary(max_size=2000)))
def test_damaged_tar_in_a_sound_gzip(tar: bytes) -> None:
    check(gzip.compress(tar))


@MANY
@given(st.one_of(damaged(SHARDS[FIRST]), st.binary(max_size=200)))
def test_damaged_message_in_a_sound_archive(content: bytes) -> None:
    check(pack({**SHARDS, FIRST: content}))


@MANY
@given(st.text(max_size=90))
def test_any_name_in_the_archive(name: str) -> None:
    try:
        archive = pack({name: SHARDS[FIRST], LAST: SHARDS[LAST]})
    except (ValueError, UnicodeError):  # no name for a tar
        return
    check(archive)


@MANY
@given(st.data())
def test_any_words_about_itself(data: st.DataObject) -> None:
    shard = schema.E2EDChallengeSubmission.FromString(SHARDS[FIRST])
    for field in ("account_name", "unique_method_name", "num_model_parameters"):
        setattr(shard, field, data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=200)))
    shard.predictions[0].frame_name = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
    check(pack({**SHARDS, FIRST: shard.SerializeToString()}))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a-1", "b-002", "7", "a"]) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "b-1", ""]) | st.text(), inner),
)


def read(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        listed = read_frames(path)
    except BadInput as bad:
        assert str(path) in str(bad)  # noqa: PT017 - either way is right
        return
    assert listed
    assert all(parse_name(name) == key for key, name in listed.items())


@MANY
@given(content=ANY_JSON)
def test_any_json_as_a_list_of_frames(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    read(tmp_path_factory.getbasetemp() / "list.json", json.dumps(content))


@MANY
@given(text=st.text() | damaged(json.dumps({"a": 149, "b": ["b-008"]}).encode()).map(lambda b: b.decode("latin-1")))
@pytest.mark.parametrize("name", ["list.json", "list.txt"])
def test_any_text_as_a_list_of_frames(tmp_path_factory: pytest.TempPathFactory, name: str, text: str) -> None:
    read(tmp_path_factory.getbasetemp() / name, text)
