"""A submission's bytes, and what the validator says of those that the server would refuse."""

import gzip
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.submission import archive as archives
from roadcue.loaders.waymo_e2e.submission.archive import pack, unpack
from roadcue.loaders.waymo_e2e.submission.check import check_submission
from roadcue.loaders.waymo_e2e.submission.write import Entry, encode_submission, parameter_count

WANTED = {("a", 149): "a-149", ("b", 8): "b-008", ("c", 77): "c-077"}
NAMES = list(WANTED.values())
WAYPOINT = np.random.default_rng(0).normal(size=(3, 20, 2)).astype(np.float32)
ENTRY = Entry("me@example.org", "straight on", True, "414M", ("A", "B"), "home", "it drives", "https://x.org", ("V",))
SHARD = "submission.binproto-00000-of-00001"


def archive(names=NAMES, paths=WAYPOINT, **changes):
    """A submission of these frames, with some of what it says of itself replaced."""
    return encode_submission(replace(ENTRY, **changes), names, paths)


def message(**changes):
    """The one shard of a good submission with some fields replaced; None takes a field out."""
    (content,) = unpack(archive())[0].values()
    shard = schema.E2EDChallengeSubmission.FromString(content)
    for field, value in changes.items():
        shard.ClearField(field)
        if value is not None:
            shard.MergeFrom(schema.E2EDChallengeSubmission(**{field: value}))
    return shard.SerializeToString()


def tar_of(*members):
    """A .tar.gz of TarInfo attributes and contents."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for attributes, content in members:
            member = tarfile.TarInfo()
            for name, value in {"size": len(content), **attributes}.items():
                setattr(member, name, value)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def test_the_fields_have_the_official_numbers():
    numbers = {name: field.number for name, field in schema.E2EDChallengeSubmission.DESCRIPTOR.fields_by_name.items()}
    assert numbers == {
        "predictions": 1,
        "submission_type": 2,
        "account_name": 3,
        "unique_method_name": 4,
        "authors": 5,
        "affiliation": 6,
        "description": 7,
        "method_link": 8,
        "uses_public_model_pretraining": 11,
        "num_model_parameters": 12,
        "public_model_names": 13,
    }
    path = schema.TrajectoryPrediction.DESCRIPTOR.fields_by_name
    assert [(field.name, field.number) for field in path.values()] == [("pos_x", 1), ("pos_y", 2)]
    # 2.5 in both, packed: tag, length, four bytes each
    assert (
        schema.TrajectoryPrediction(pos_x=[2.5], pos_y=[2.5]).SerializeToString().hex() == "0a0400002040120400002040"
    )


def test_what_is_written_is_read_back():
    verdict = check_submission(archive(), WANTED)
    assert (verdict.frames, verdict.shards, verdict.problems) == (3, 1, ())
    ((name, content),) = unpack(archive())[0].items()
    assert name == SHARD
    shard = schema.E2EDChallengeSubmission.FromString(content)
    assert shard.submission_type == shard.E2ED_SUBMISSION
    for field, value in vars(ENTRY).items():
        stored = getattr(shard, field)
        assert (tuple(stored) if isinstance(value, tuple) else stored) == value
    assert [one.frame_name for one in shard.predictions] == NAMES
    read = [np.stack([one.trajectory.pos_x, one.trajectory.pos_y], axis=1) for one in shard.predictions]
    np.testing.assert_array_equal(np.float32(read), WAYPOINT)


def test_what_is_empty_is_not_set():
    (content,) = unpack(encode_submission(Entry("a@b.org", "m", False, "1K"), NAMES, WAYPOINT))[0].values()
    shard = schema.E2EDChallengeSubmission.FromString(content)
    assert {field.name for field, _ in shard.ListFields()} == {
        "predictions",
        "submission_type",
        "account_name",
        "unique_method_name",
        "uses_public_model_pretraining",
        "num_model_parameters",
    }


def test_the_same_submission_is_the_same_bytes():
    assert archive() == archive() != archive(paths=WAYPOINT + 1)
    assert archive()[4:8] == bytes(4), "gzip keeps no time"
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        (member,) = tar.getmembers()
    assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")


def test_many_frames_are_several_shards_that_all_say_the_same_of_themselves():
    split = encode_submission(ENTRY, NAMES, WAYPOINT, frames_per_shard=2)
    shards, faults = unpack(split)
    assert (list(shards), faults) == ([f"submission.binproto-{i:05d}-of-00002" for i in range(2)], [])
    read = [schema.E2EDChallengeSubmission.FromString(content) for content in shards.values()]
    assert [len(shard.predictions) for shard in read] == [2, 1]
    assert {shard.account_name for shard in read} == {"me@example.org"}
    assert check_submission(split, WANTED).problems == ()


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (0, "0K"),
        (1, "1K"),
        (4_198, "5K"),
        (926_248, "927K"),
        (3_344_000, "3344K"),
        (10_000_000, "10M"),
        (413_913_496, "414M"),
        (2_246_272_880, "2246M"),
        (72_000_000_000, "72B"),
        (10**13, "10T"),
    ],
)
def test_parameters_are_an_integer_and_a_suffix(parameters, text):
    assert parameter_count(parameters) == text


NOT_FINITE = np.where(np.arange(40).reshape(20, 2) == 7, np.inf, WAYPOINT)
FIRST, LAST = (SHARD.replace("00000-of-00001", f"0000{number}-of-00002") for number in (0, 1))
EMPTY = message(predictions=None)
REFUSED = {
    "no frame": (
        archive([], WAYPOINT[:0]),
        "Missing 3 sequence names from the submission. Some examples: ['a', 'b', 'c']. Of 3 listed frames 3 are not "
        "there, first 'a-149'",
    ),
    "a missing frame": (
        archive(NAMES[:2], WAYPOINT[:2]),
        "Missing 1 sequence names from the submission. Some examples: ['c']. Of 3 listed frames 1 are not there, "
        "first 'c-077'",
    ),
    "another frame too": (
        archive([*NAMES, "c-078"], WAYPOINT[[0, 1, 2, 2]]),
        "frames that the list does not have: 1, first 'c-078'",
    ),
    "a frame twice": (
        archive([*NAMES, "b-008"], WAYPOINT[[0, 1, 2, 2]]),
        "frames that are there more than once: 1, first 'b-008'",
    ),
    "a frame twice in two shards": (
        pack({FIRST: message(), LAST: message()}),
        "frames that are there more than once: 3, first 'a-149'",
    ),
    "a name without zeros": (
        archive(["a-149", "b-8", "c-77"]),
        "Unknown error: frame names in another form: 2, first 'b-8', which must be 'b-008'",
    ),
    "19 points": (
        archive(paths=WAYPOINT[:, :19]),
        "paths that have 19 x and 19 y, not 20 each: 3, first that of 'a-149'",
    ),
    "no path": (
        pack({SHARD: message(predictions=[{"frame_name": name} for name in NAMES])}),
        "paths that have 0 x and 0 y, not 20 each: 3, first that of 'a-149'",
    ),
    "not finite": (
        archive(paths=NOT_FINITE),
        "paths that have a point that is not finite: 3, first that of 'a-149'",
    ),
    "no account": (
        archive(account_name=""),
        "Missing account_name field from submission: the full e-mail address that you registered with",
    ),
    "no full address": (
        archive(account_name="me"),
        "account_name is 'me', not the full e-mail address that you registered with at waymo.com/open",
    ),
    "no method": (archive(unique_method_name=" "), "Missing unique_method_name field from submission"),
    "parameters in words": (
        archive(num_model_parameters="4.1 M"),
        "num_model_parameters is '4.1 M', not an integer and one of K, M, B, T, such as 200K",
    ),
    "no parameters": (archive(num_model_parameters=""), "Missing num_model_parameters field from submission"),
    "no word about pretraining": (
        pack({SHARD: message(uses_public_model_pretraining=None)}),
        "Missing uses_public_model_pretraining field from submission",
    ),
    "no type": (pack({SHARD: message(submission_type=None)}), "Missing submission_type field from submission"),
    "too many frames": (pack({SHARD: b"\n\0" * 1_000_001}), "it has 1000001 frames, which no test split has"),
    "another message": (
        pack({SHARD: b"\x0a\xff"}),
        f"Unknown error: '{SHARD}' is no E2EDChallengeSubmission message, so it cannot be parsed",
    ),
    "the tutorial's names": (
        pack({"part0": message(), "part1": message()}),
        "No shards found: they must be named NAME.binproto-00000-of-00001; found 'part0', 'part1'",
    ),
    "an empty archive": (pack({}), "No shards found: they must be named NAME.binproto-00000-of-00001"),
    "something else beside the shards": (
        pack({SHARD: message(), "notes.txt": b""}),
        "only shards belong there, named NAME.binproto-00000-of-00001; found 'notes.txt'",
    ),
    "a shard less": (pack({LAST: message()}), f"of 2 shards, numbered from 00000 on, 1 are there: '{LAST}'"),
    "a shard more": (
        pack({SHARD: message(), SHARD.replace("00000", "00001"): EMPTY}),
        f"of 1 shards, numbered from 00000 on, 2 are there: '{SHARD}', ",
    ),
    "two sets": (
        pack({FIRST: message(), LAST: EMPTY, "other" + FIRST: EMPTY, "other" + LAST: EMPTY}),
        f"the shards are not of one set: 'other{FIRST}', 'other{LAST}', '{FIRST}', '{LAST}'",
    ),
    "shards that disagree": (
        pack({FIRST: message(), LAST: message(predictions=None, authors=["C"])}),
        f"authors must be the same in every shard, and differ in '{FIRST}' and '{LAST}'",
    ),
    "not a .tar.gz": (message(), "Unknown error: it is no whole .tar.gz (Not a gzipped file"),
    "a gzip of something else": (
        gzip.compress(b"something else" * 50),
        "Unknown error: it is no whole .tar.gz (invalid header)",
    ),
    "cut off": (
        archive()[:-30],
        "Unknown error: it is no whole .tar.gz (Compressed file ended before the end-of-stream marker was reached)",
    ),
    "cut off inside the tar": (
        gzip.compress(gzip.decompress(archive())[:1024]),
        "Unknown error: it is no whole .tar.gz (",
    ),
    "damage behind the first shard": (
        gzip.compress(gzip.decompress(pack({FIRST: message(), LAST: EMPTY})).replace(LAST.encode(), b"x" * 40)),
        "Unknown error: it is no whole .tar.gz (what is at byte 1536 of the tar is neither a file nor its end)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_server_would_refuse_is_one_sentence(case):
    refused, sentence = REFUSED[case]
    (problem,) = check_submission(refused, WANTED).problems
    assert problem.startswith(sentence)


def test_the_official_tutorials_own_form_is_taken():
    """A folder, owners and times in the tar, a small k."""
    folder = ({"name": "MySubmission", "type": tarfile.DIRTYPE, "mtime": 1.5, "uname": "me"}, b"")
    shard = ({"name": f"MySubmission/{SHARD}", "mtime": 12345}, message(num_model_parameters="200k"))
    assert check_submission(tar_of(folder, shard), WANTED).problems == ()


SPARSE = {"GNU.sparse.map": "0,5", "GNU.sparse.size": "1000000000000"}


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"name": f"../{SHARD}"}, "would be unpacked outside of its folder"),
        ({"name": f"a/../../{SHARD}"}, "would be unpacked outside of its folder"),
        ({"name": f"/tmp/{SHARD}"}, "would be unpacked outside of its folder"),
        ({"name": SHARD, "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "is a link or another thing"),
        ({"name": SHARD, "type": tarfile.LNKTYPE, "linkname": "other"}, "is a link or another thing"),
        ({"name": SHARD, "type": tarfile.FIFOTYPE}, "is a link or another thing"),
        ({"name": SHARD, "type": tarfile.CHRTYPE}, "is a link or another thing"),
        ({"name": SHARD, "pax_headers": SPARSE}, "is a link or another thing"),
        ({"name": "twice/" + SHARD}, "is there twice"),
    ],
)
def test_a_member_that_is_no_plain_file_in_its_folder_is_refused(attributes, fault):
    good = ({"name": f"good/{SHARD}"}, message())
    content = message() if attributes.get("type") is None else b""
    shards, faults = unpack(tar_of(good, (attributes, content)))
    assert list(shards) == [SHARD]
    assert [line for line in faults if fault in line], faults
    if "twice" not in attributes["name"]:
        assert unpack(tar_of((attributes, content)))[0] == {}


def test_a_bomb_is_not_unpacked(monkeypatch):
    sizes = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: sizes.append(size) or read(self, size))
    monkeypatch.setattr(archives, "MAX_BYTES", 2**20)
    (problem,) = check_submission(gzip.compress(bytes(2**24)), WANTED).problems
    assert "more than 1 MB unpacked, which no submission needs" in problem
    assert sizes == [2**20 + 1]


@pytest.mark.timeout(10)
def test_a_tar_that_leads_round_in_a_circle():
    """A negative size: tarfile itself would read this header again and again."""
    first, second = tarfile.TarInfo("a"), tarfile.TarInfo("s")
    second.size = -512
    tar = first.tobuf(tarfile.GNU_FORMAT) + second.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    (problem,) = check_submission(gzip.compress(tar), WANTED).problems
    assert "the header of 's' claims -512 bytes" in problem
