"""The .tar.gz around a submission's shards. It is packed and looked through in memory; nothing of it touches a disk.

The server finds shards by their names. tutorial_vision_based_e2e_driving.ipynb calls them part0, and is answered "No
shards found"; what is found is called NAME.binproto-00000-of-00001 (waymo-open-dataset, issues 936 and 950).
"""

import gzip
import io
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

MAX_BYTES = 64 * 2**20
"""Of an archive, packed and unpacked. The 1,505 frames that count are 0.3 MB, all 203,776 of the test split 45 MB."""

_SHARD = re.compile(r"(?P<set>.+)\.binproto-(?P<number>\d{5})-of-(?P<of>\d{5})", re.ASCII | re.DOTALL)
_FORM = "NAME.binproto-00000-of-00001"
_SHOWN = 5


def shard_name(number: int, of: int) -> str:
    """The name of one of `of` shards."""
    return f"submission.binproto-{number:05d}-of-{of:05d}"


def pack(shards: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of {name: content}, the same bytes for the same shards: no time and no user is in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in shards.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def unpack(archive: bytes) -> tuple[dict[str, bytes], list[str]]:
    """The content of every shard by its name, and what is wrong with the archive, a sentence each.

    Shards may lie in a folder, as in the tutorial. Never raises, whatever the bytes are.
    """
    shards: dict[str, bytes] = {}
    others: list[str] = []
    problems: list[str] = []
    try:
        unpacked = _unzip(archive)
        for member in _members(unpacked):
            name = PurePosixPath(member.name).name
            if fault := _fault(member):
                problems.append(f"{_shown(member.name)} {fault}")
            elif member.isdir():
                continue
            elif not _SHARD.fullmatch(name):
                others.append(member.name)
            elif name in shards:
                problems.append(f"the shard {_shown(name)} is there twice")
            else:
                shards[name] = unpacked[member.offset_data : member.offset_data + member.size]
    except Exception as error:  # damage makes gzip and tarfile raise a dozen kinds
        return {}, [f"Unknown error: it is no whole .tar.gz ({error})"]
    if not shards:
        instead = f"; found {_few(others)}" if others else ""
        problems.insert(0, f"No shards found: they must be named {_FORM}{instead}")
    elif others:
        problems.insert(0, f"only shards belong there, named {_FORM}; found {_few(others)}")
    return shards, [*problems[:_SHOWN], *_incomplete(list(shards))]


def _unzip(archive: bytes) -> bytes:
    """All that is in a gzip; ValueError when that is too much."""
    with gzip.GzipFile(fileobj=io.BytesIO(archive)) as file:
        unpacked = file.read(MAX_BYTES + 1)
    if len(unpacked) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES // 2**20} MB unpacked, which no submission needs")
    return unpacked


def _members(unpacked: bytes) -> Iterator[tarfile.TarInfo]:
    """Everything in a tar, which must end as it should; ValueError, or whatever tarfile raises, when it does not."""
    with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as tar:
        reached = -1
        while (member := tar.next()) is not None:
            if not reached < tar.offset <= len(unpacked):  # a negative size would lead round in a circle
                raise ValueError(f"the header of {_shown(member.name)} claims {member.size} bytes")
            reached = tar.offset
            yield member
        if unpacked[tar.offset :].strip(b"\0"):
            raise ValueError(f"what is at byte {tar.offset} of the tar is neither a file nor its end")


def _fault(member: tarfile.TarInfo) -> str | None:
    """Why a member cannot be taken, or None."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return "would be unpacked outside of its folder"
    if not member.isdir() and (member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse()):
        return "is a link or another thing than a plain file"
    return None


def _incomplete(names: list[str]) -> list[str]:
    """What is wrong with the numbers of the shards."""
    matches = [match for match in map(_SHARD.fullmatch, names) if match]
    if not matches:
        return []
    if len({(match["set"], match["of"]) for match in matches}) > 1:
        return [f"the shards are not of one set: {_few(sorted(names))}"]
    of, numbers = int(matches[0]["of"]), sorted(int(match["number"]) for match in matches)
    if numbers != list(range(of)):
        return [f"of {of} shards, numbered from 00000 on, {len(numbers)} are there: {_few(sorted(names))}"]
    return []


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(_shown, names[:_SHOWN])) + more


def _shown(name: str) -> str:
    """A name from the archive, safe for a terminal."""
    return repr(name[:80])
