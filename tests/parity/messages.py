"""Any protobuf message: filled with random values, and as plain values that JSON carries exactly.

Runs under the official package's old protobuf and under ours, so it asks only for what both have.
"""

import math
import random
import struct
from collections.abc import Callable
from typing import Any, Literal

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def drawn_float(rng: random.Random, kind: Literal["f", "d"] = "f") -> float:
    """A finite float of any sign and magnitude, subnormals too; `kind` "f" has 32 bits, "d" 64."""
    value = math.nan
    while not math.isfinite(value):
        (value,) = struct.unpack(kind, rng.randbytes(struct.calcsize(kind)))
    return value


_DRAWN: dict[int, Callable[[random.Random], Any]] = {
    FieldDescriptor.CPPTYPE_INT32: lambda rng: rng.randrange(-(2**31), 2**31),
    FieldDescriptor.CPPTYPE_INT64: lambda rng: rng.randrange(-(2**63), 2**63),
    FieldDescriptor.CPPTYPE_UINT32: lambda rng: rng.randrange(2**32),
    FieldDescriptor.CPPTYPE_UINT64: lambda rng: rng.randrange(2**64),
    FieldDescriptor.CPPTYPE_FLOAT: drawn_float,
    FieldDescriptor.CPPTYPE_DOUBLE: lambda rng: drawn_float(rng, "d"),
    FieldDescriptor.CPPTYPE_BOOL: lambda rng: rng.random() < 0.5,
}


def fill(message: Message, rng: random.Random) -> None:
    """Set four fifths of a message's fields, and of its messages' fields, to random values."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.2:
            continue
        value = getattr(message, field.name)
        repeated = hasattr(value, "extend")
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            for part in [value.add() for _ in range(rng.randrange(3))] if repeated else [value]:
                part.SetInParent()
                fill(part, rng)
        elif repeated:
            value.extend(_drawn(field, rng) for _ in range(rng.randrange(4)))
        else:
            setattr(message, field.name, _drawn(field, rng))


def _drawn(field: FieldDescriptor, rng: random.Random) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.randbytes(rng.randrange(40))
    if field.type == FieldDescriptor.TYPE_STRING:
        return "".join(rng.choices("roadROAD 0123-_äß道", k=rng.randrange(20)))
    return _DRAWN[field.cpp_type](rng)


def plain(value: Any) -> Any:
    """A message as a dict of the fields that are present; floats and bytes as hexadecimal text, so exact."""
    if isinstance(value, Message):
        return {field.name: plain(part) for field, part in value.ListFields()}
    if isinstance(value, (float, bytes)):
        return value.hex()
    if hasattr(value, "extend"):
        return [plain(part) for part in value]
    return value
