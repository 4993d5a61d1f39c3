"""What may be wrong with a file? Random damage to bytes, to the fields of an ONNX model, and to a YAML document.

Every function takes a generator and gives the same damage for the same seed.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import onnx

EXTREME_INTEGERS = (0, -1, 1, 2, 3, 7, 255, 2**16, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, -(2**31), -(2**63))
"""Sizes, axes and counts that are legal nowhere, or only in odd places."""


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """A file with bytes changed, cut, repeated or filled in."""
    data = bytearray(content)
    kind = rng.randrange(5)
    place = rng.randrange(len(data) + 1)
    length = rng.choice((1, 2, 7, 64, 1000))
    if kind == 0:
        return bytes(data[:place])
    if kind == 1:
        del data[place : place + length]
    elif kind == 2:
        data[place:place] = data[place : place + length] * rng.randint(1, 3)
    elif kind == 3:
        data[place:place] = rng.randbytes(length)
    else:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def damaged_model(model: onnx.ModelProto, rng: random.Random) -> onnx.ModelProto:
    """A model with one to three of its fields changed; its protobuf stays legal."""
    changed = copy.deepcopy(model)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(MODEL_DAMAGES)(changed, rng)
    return changed


def _shapes(model: onnx.ModelProto, rng: random.Random) -> None:
    entry = rng.choice((*model.graph.input, *model.graph.output))
    dims = entry.type.tensor_type.shape.dim
    if not dims or rng.random() < 0.1:
        entry.type.tensor_type.ClearField("shape")
        return
    size = rng.choice(dims)
    if rng.random() < 0.3:
        size.dim_param = rng.choice(("batch", "", "höhe", "x" * 5000))
    else:
        size.dim_value = rng.choice(EXTREME_INTEGERS)


def _stored(model: onnx.ModelProto, rng: random.Random) -> None:
    if not model.graph.initializer:
        return
    array = rng.choice(model.graph.initializer)
    kind = rng.randrange(6)
    if kind == 0 and array.dims:
        array.dims[rng.randrange(len(array.dims))] = rng.choice(EXTREME_INTEGERS)
    elif kind == 1:
        array.data_type = rng.choice((0, 1, 7, 8, 9, 11, 16, 22, 99, -1))
    elif kind == 2:
        array.raw_data = array.raw_data[: rng.randrange(len(array.raw_data) + 1)]
    elif kind == 3:
        array.external_data.add(key="location", value=rng.choice(("weights.bin", "../up", "/etc/hostname", "", "a\0b")))
        array.external_data.add(key="offset", value=rng.choice(("0", "-1", "9" * 30, "x")))
        array.data_location = 1
    elif kind == 4:
        array.dims.append(rng.choice(EXTREME_INTEGERS))
    else:
        array.name = rng.choice((*[other.name for other in model.graph.initializer], "", "new"))


def _attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    if not nodes:
        return
    attribute = rng.choice(rng.choice(nodes).attribute)
    kind = rng.randrange(5)
    if kind == 0 and attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(EXTREME_INTEGERS)
    elif kind == 1:
        attribute.ints.extend(rng.choices(EXTREME_INTEGERS, k=rng.choice((1, 3, 1000))))
    elif kind == 2:
        attribute.i = rng.choice(EXTREME_INTEGERS)
    elif kind == 3:
        attribute.type = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8))
    else:
        del attribute.ints[:]


def _node(model: onnx.ModelProto, rng: random.Random) -> None:
    nodes = model.graph.node
    node = rng.choice(nodes)
    kind = rng.randrange(7)
    if kind == 0:
        node.op_type = rng.choice((*[other.op_type for other in nodes], "Loop", "NonZero", "", "Constant", "Expand"))
    elif kind == 1:
        nodes.remove(node)
    elif kind == 2:
        nodes.add().CopyFrom(node)
    elif kind == 3:
        order = list(nodes)
        rng.shuffle(order)
        del nodes[:]
        nodes.extend(order)
    elif kind == 4:
        node.domain = rng.choice(("com.acme", "ai.onnx", "ai.onnx.ml"))
    elif kind == 5:
        node.name = rng.choice(("", "same", "x" * 10_000, "line\nbreak"))
    else:
        del node.attribute[:]


def _wire(model: onnx.ModelProto, rng: random.Random) -> None:
    nodes = model.graph.node
    node, other = rng.choice(nodes), rng.choice(nodes)
    tensors = [*other.input, *other.output, "", "nowhere", *[entry.name for entry in model.graph.input]]
    if rng.random() < 0.6 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(tensors)
    elif rng.random() < 0.5 and node.output:
        node.output[rng.randrange(len(node.output))] = rng.choice(tensors)
    elif rng.random() < 0.5:
        node.input.append(rng.choice(tensors))
    else:
        model.graph.output[0].name = rng.choice(tensors)


def _numbers(model: onnx.ModelProto, rng: random.Random) -> None:
    """Other contents of a small array of whole numbers: shapes, axes, ends."""
    arrays = [array for array in model.graph.initializer if array.data_type == 7 and len(array.raw_data) >= 8]
    if arrays:
        array = rng.choice(arrays)
        place = 8 * rng.randrange(len(array.raw_data) // 8)
        value = rng.choice(EXTREME_INTEGERS).to_bytes(8, "little", signed=True)
        array.raw_data = array.raw_data[:place] + value + array.raw_data[place + 8 :]


def _metadata(model: onnx.ModelProto, rng: random.Random) -> None:
    node = rng.choice(model.graph.node)
    if node.metadata_props and rng.random() < 0.7:
        rng.choice(node.metadata_props).value = rng.choice(
            ("", "8,8,8", "0,0,0,0", "[" * 5000, "[1e999, 1]", "nan", "x")
        )
    else:
        node.metadata_props.add(key=rng.choice(("coexplore.op", "coexplore.bits", "coexplore.constant")), value="1")


def _version(model: onnx.ModelProto, rng: random.Random) -> None:
    if rng.random() < 0.5:
        model.ir_version = rng.choice((0, 1, 3, 10, 99, 2**40))
    elif model.opset_import:
        model.opset_import[0].version = rng.choice((0, 1, 7, 13, 18, 99, 2**40, -5))


MODEL_DAMAGES: tuple[Callable[[onnx.ModelProto, random.Random], None], ...] = (
    *(_shapes, _stored, _attribute, _node, _wire, _numbers, _metadata, _version),
)
"""What may be changed in a model."""

ODD_SCALARS: tuple[Any, ...] = (
    *(None, True, "", "x" * 3000, "12 kB", "DRAM", [], {}, [[[]]], float("nan"), float("inf"), -float("inf")),
    *(0, -1, 1, 2**31, 2**63, 10**40, 1e-300, 1e300, 0.5, "1e9", "!!python/object:os.system", "é\u2028"),
)
"""Values that belong to no field, or to few."""


def damaged_document(text: str, rng: random.Random) -> bytes:
    """A YAML text with values, keys or structure changed, or with something that YAML can and nobody should."""
    kind = rng.randrange(8)
    if kind == 0:
        return (text + rng.choice(TRAPS)).encode()
    if kind == 1:
        return damaged_bytes(text.encode(), rng)
    document = yaml.safe_load(text)
    for _ in range(rng.randint(1, 3)):
        _change(document, rng)
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True)).encode()


TRAPS = (
    "\nbomb: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n",
    "\nself: &s [*s]\n",
    "\nrun: !!python/object/apply:os.system ['true']\n",
    "\ndeep: " + "[" * 3000,
    "\n" + "a: {" * 2000,
    "\nname: again\nname: again\n",
    "\n? [1, 2]\n: 3\n",
    "\nwhen: 2001-01-01\nbytes: !!binary aGk=\n",
    "\n---\nsecond: document\n",
    "\n\tindented: by a tab\n",
    "\n<<: {format: x}\n",
    "\n\x00",
    "\nnumber: 0x" + "f" * 4000 + "\n",
    "\nsexagesimal: 1:2:3:4:5:6\n",
)
"""What YAML can and nobody should."""


def _change(document: Any, rng: random.Random) -> None:  # noqa: ANN401  a document is of any type
    holders = [node for node in _walk(document) if isinstance(node, dict | list) and node]
    if not holders:
        return
    holder = rng.choice(holders)
    key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(("", "unknown", 3, None, True, f"{key}s"))] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.extend(copy.deepcopy(holder) * rng.choice((1, 50)))
    elif kind == 3:
        holder[key] = copy.deepcopy(rng.choice(holders))
    else:
        holder[key] = copy.deepcopy(rng.choice(ODD_SCALARS))


def _walk(document: Any) -> list[Any]:  # noqa: ANN401  a document is of any type
    found, waiting = [], [document]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
    return found
