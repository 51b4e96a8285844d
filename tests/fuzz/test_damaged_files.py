"""Every file that is read, with every damage: refused with its place, the same values, or skipped and counted.

Files without checksums may give other values, as whoever edits them wants it. `benchmarks/campaign.py` does more.
"""

import resource
import shutil
import time
from pathlib import Path

import pytest
from damaged_files import KINDS
from damages import DAMAGES, damaged, outcome

SEEDS, SLOW = 3, ("config.yaml",)


@pytest.fixture(scope="module", autouse=True)
def little_memory():
    """Whoever allocates what a damaged length claims gets a MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + 1024 * 2**20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@pytest.mark.parametrize("name", KINDS)
def test_damage_is_refused_with_its_place_or_without_effect(name, tmp_path):
    kind = KINDS[name]
    kind.write(tmp_path)
    place = tmp_path / kind.damaged
    content, whole = place.read_bytes(), kind.read(tmp_path)
    assert kind.read(tmp_path) == whole
    outcomes = set()
    for damage in DAMAGES:
        for seed in range(1 if name in SLOW else SEEDS):
            place.write_bytes(damaged(content, damage, seed))
            start = time.monotonic()
            try:
                outcomes.add(outcome(kind, tmp_path, whole))
            except Exception as error:
                pytest.fail(f"{name}, {damage!r} by seed {seed}: {type(error).__name__}: {error!s:.500}")
            assert time.monotonic() - start < 20, (damage, seed)
    place.write_bytes(content)
    assert kind.read(tmp_path) == whole
    assert "refused" in outcomes or name == "shard index"  # which is made again


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_file_and_a_folder_in_its_place(name, tmp_path):
    kind = KINDS[name]
    kind.write(tmp_path)
    whole = kind.read(tmp_path)
    (tmp_path / kind.damaged).unlink()
    if name not in ("store skipped", "shard index", "JPEG", "PNG", "WebP"):
        assert outcome(kind, tmp_path, whole) in ("refused", "skipped")
    (tmp_path / kind.damaged).mkdir()
    if name not in ("shard index", "JPEG", "PNG", "WebP", "labels.json"):  # labels may lie in a folder of files
        assert outcome(kind, tmp_path, whole) in ("refused", "skipped")
    shutil.rmtree(tmp_path / kind.damaged)
