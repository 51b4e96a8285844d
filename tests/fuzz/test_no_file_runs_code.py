"""No file runs code: each that is read is replaced by what would touch a canary if anything in it were run."""

import io
import json
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from damaged_files import KINDS
from tiny_vlms import tiny_qwen

from roadcue.errors import RoadCueError
from roadcue.models.auto.loading import load_model, load_processor
from roadcue.models.chat.rendering import render


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A file that is not there, and stays so; whatever looks for modules in the folder would find them."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "canary"
    assert not (tmp_path / "canary").exists()


class _Touches:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def as_bytes(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def archive(canary):
    def zipped(file):
        with zipfile.ZipFile(file, "w") as made:
            made.writestr(str(canary), "out of the folder")
            made.writestr("../canary", "out of the folder")
            made.writestr("archive/data.pkl", pickle.dumps(_Touches(canary)))

    return as_bytes(zipped)


def tarred(canary):
    def tar(file):
        with tarfile.open(fileobj=file, mode="w:gz") as made:
            for name in (str(canary), "../canary"):
                member = tarfile.TarInfo(name)
                member.size = 4
                made.addfile(member, io.BytesIO(b"evil"))

    return as_bytes(tar)


EVIL = {
    "pickle": lambda canary: pickle.dumps(_Touches(canary)),
    "torch.save": lambda canary: as_bytes(lambda file: torch.save({"a": _Touches(canary)}, file)),
    "older torch.save": lambda canary: as_bytes(
        lambda file: torch.save({"a": _Touches(canary)}, file, _use_new_zipfile_serialization=False)
    ),
    ".npy": lambda canary: as_bytes(lambda file: np.save(file, np.array([_Touches(canary)], object))),
    "YAML": lambda canary: f"encoder: !!python/object/apply:os.mkdir ['{canary}']\nhead: none\n".encode(),
    "class_path": lambda canary: f"head:\n  class_path: os.mkdir\n  init_args: {{path: {canary}}}\n".encode(),
    "JSON": lambda canary: json.dumps({"__reduce__": ["os.mkdir", [str(canary)]], "py/object": "os.mkdir"}).encode(),
    "Python": lambda canary: f"__import__('os').mkdir({str(canary)!r})".encode(),
    "zip": archive,
    "tar": tarred,
}


def test_the_canary_would_be_touched(tmp_path):
    pickle.loads(EVIL["pickle"](tmp_path / "canary"))
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("name", KINDS)
def test_of_no_file(name, evil, canary, tmp_path):
    kind = KINDS[name]
    (tmp_path / "files").mkdir()
    kind.write(tmp_path / "files")
    (tmp_path / "files" / kind.damaged).write_bytes(EVIL[evil](canary))
    try:
        kind.read(tmp_path / "files")
    except RoadCueError as error:
        assert "files" in str(error)  # noqa: PT017 - some are skipped, or made again


@pytest.mark.parametrize(
    "keys",
    [
        {"auto_map": dict.fromkeys(("AutoConfig", "AutoModelForImageTextToText", "AutoProcessor"), "evil.Model")},
        {"auto_map": {"AutoConfig": "somebody/else--evil.Config"}, "trust_remote_code": True},
        {"model_file": "evil.py", "_name_or_path": "evil"},
        {"_attn_implementation": "somebody/kernel", "attn_implementation": "somebody/kernel:evil"},
        {"_attn_implementation_internal": "somebody/kernel", "use_kernels": True, "kernel_config": {"a": "evil"}},
        {"quantization_config": {"quant_method": "evil"}},
    ],
)
def test_of_no_key_of_a_checkpoint(keys, canary, tmp_path):
    """Attention kernels of the hub were one (CVE-2026-4372)."""
    folder = tiny_qwen(tmp_path / "model")
    for place in (folder, tmp_path):
        (place / "evil.py").write_text(f"from pathlib import Path\nPath({str(canary)!r}).touch()\n")
    for name in ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"):
        content = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
        (folder / name).write_text(json.dumps(content | keys))
    for load in (lambda: load_model(folder, torch.float32), lambda: load_processor(folder)):
        try:
            load()
        except RoadCueError as error:
            assert str(folder) in str(error)  # noqa: PT017 - or the key has no effect


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.mkdir(canary) }}",
        "{{ ().__class__.__base__.__subclasses__() }}",
        "{% for x in [].__class__.__mro__ %}{{ x }}{% endfor %}",
        "{{ namespace(__class__=1) }}",
        "{% include canary %}",
        "{% import 'os' as os %}{{ os.mkdir(canary) }}",
        "{{ strftime_now.__globals__ }}",
        "{{ raise_exception.__globals__['os'].mkdir(canary) }}",
    ],
)
def test_of_no_chat_template(template, canary):
    try:
        text = render(template, {"canary": str(canary)})
    except Exception:  # whatever a template raises: its caller names the checkpoint
        return
    assert "class" not in text
    assert not Path(canary).exists()
