from __future__ import annotations

import copy
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import Dim, Operand
from coexplore.core.errors import CoexploreError, MappingError, WorkloadError
from coexplore.cost.mapping import LevelMapping, Loop, SpatialLoop
from coexplore.cost.presets.timeloop_mapping import read_nest, read_problem

CONVOLUTION = {
    "shape": {
        "dimensions": ["C", "M", "R", "S", "N", "P", "Q"],
        "coefficients": [
            {"name": "Wstride", "default": 1},
            {"name": "Hstride", "default": 1},
            {"name": "Wdilation", "default": 3},
            {"name": "Hdilation", "default": 1},
        ],
        "data_spaces": [
            {"name": "Weights", "projection": [[["C"]], [["M"]], [["R"]], [["S"]]], "read_write": False},
            {
                "name": "Inputs",
                "projection": [
                    [["N"]],
                    [["C"]],
                    [["R", "Wdilation"], ["P", "Wstride"]],
                    [["S", "Hdilation"], ["Q", "Hstride"]],
                ],
                "read_write": False,
            },
            {"name": "Outputs", "projection": [[["N"]], [["M"]], [["Q"]], [["P"]]], "read_write": True},
        ],
    },
    "instance": {"C": 3, "M": 32, "R": 5, "S": 3, "N": 2, "P": 14, "Q": 7, "Wstride": 2, "Hdilation": 4},
}

NEST = """\
DRAM [ Weights:1440 (1440) Inputs:9999 (9999) Outputs:6272 (6272) ]
-------------------------------------------------------------------
| for P in [0:7)
|   for N in [0:2)

buffer [ Inputs:100 (100) Outputs:64 (64) ]
-------------------------------------------
|     for M in [0:8) (Spatial-X)
|       for Q in [0:7) (Spatial-Y)
|         for C in [0:3) (Spatial-Y)

wires [ ]
input_spad [ Inputs:10 (10) ]
weight_spad [ Weights:60 (60) ]
-------------------------------
|           for R in [0:5)
|             for P in [0:2)
|               for S in [0:3)
|                 for M in [0:4)
|                   << Compute >>
"""


def changed(**parts):
    document = copy.deepcopy(CONVOLUTION)
    for path, value in parts.items():
        *outer, last = path.split("__")
        target = document
        for key in outer:
            target = target[key]
        target[last] = value
    return document


def test_a_convolution_keeps_its_sizes_strides_and_dilations():
    problem = read_problem(CONVOLUTION)
    loops = problem.loops
    sizes = (loops.N, loops.G, loops.K, loops.C, loops.P, loops.Q, loops.R, loops.S)
    assert sizes == (2, 1, 32, 3, 14, 7, 5, 3)
    assert (loops.stride, loops.dilation) == ((2, 1), (3, 4))
    assert problem.dims["M"] is Dim.K
    assert problem.operands == {"Weights": Operand.WEIGHT, "Inputs": Operand.INPUT, "Outputs": Operand.OUTPUT}


def test_a_matrix_product_of_any_names_becomes_rows_inner_and_columns():
    spaces = [
        {"name": "A", "projection": [[["i"]], [["j"]]]},
        {"name": "B", "projection": [[["j"]], [["k"]]]},
        {"name": "Z", "projection": [[["i"]], [["k"]]], "read_write": True},
    ]
    shape = {"dimensions": ["i", "j", "k"], "data_spaces": spaces}
    problem = read_problem({"shape": shape, "instance": {"i": 5, "j": 6, "k": 7}})
    assert problem.operands == {"A": Operand.INPUT, "B": Operand.WEIGHT, "Z": Operand.OUTPUT}
    assert problem.dims == {"i": Dim.N, "j": Dim.C, "k": Dim.K}
    assert (problem.loops.N, problem.loops.C, problem.loops.K) == (5, 6, 7)


def test_a_dimension_of_all_tensors_is_a_group():
    document = changed()
    for space in document["shape"]["data_spaces"]:
        space["projection"] = [rank for rank in space["projection"] if rank not in ([["M"]], [["C"]])] + [[["C"]]]
    problem = read_problem({**document, "shape": {**document["shape"], "dimensions": ["C", "R", "S", "N", "P", "Q"]}})
    assert (problem.loops.G, problem.loops.K, problem.loops.C) == (3, 1, 1)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "not a Timeloop problem"),
        ({"shape": {}}, "not a Timeloop problem.*KeyError"),
        (changed(instance__P=0), "P is 0"),
        (changed(instance__Wstride=-1), "Wstride is -1"),
        (changed(instance__M=2**40), "M is 1099511627776"),
        (changed(shape__data_spaces=CONVOLUTION["shape"]["data_spaces"][:2]), "two must be read and one"),
        (changed(shape__dimensions=["C", "M", "R", "S", "N", "P", "Q", "T"], instance__T=2), "'T'"),
    ],
)
def test_a_problem_of_another_kind_is_refused_by_name(document, message):
    with pytest.raises(WorkloadError, match=message):
        read_problem(document)


def test_a_nest_becomes_levels_and_loops():
    accelerator, mapping = read_nest(NEST, read_problem(CONVOLUTION))
    dram, buffer, wires, input_spad, weight_spad = accelerator.levels
    assert [level.name for level in accelerator.levels] == ["DRAM", "buffer", "wires", "input_spad", "weight_spad"]
    assert set(dram.keeps) == set(Operand)
    assert set(buffer.keeps) == {Operand.INPUT, Operand.OUTPUT}
    assert wires.keeps == ()
    assert (input_spad.keeps, weight_spad.keeps) == ((Operand.INPUT,), (Operand.WEIGHT,))
    assert [(axis.name, axis.size) for axis in buffer.fanout] == [("buffer-X", 8), ("buffer-Y", 21)]
    assert mapping.levels[0] == LevelMapping((Loop(Dim.P, 7), Loop(Dim.N, 2)))
    assert mapping.levels[1].spatial == (
        SpatialLoop("buffer-X", Dim.K, 8),
        SpatialLoop("buffer-Y", Dim.Q, 7),
        SpatialLoop("buffer-Y", Dim.C, 3),
    )
    assert [loop.dim for loop in mapping.levels[4].temporal] == [Dim.R, Dim.P, Dim.S, Dim.K]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no level found"),
        (NEST.replace("for N in", "for B in"), "loops over 'B'"),
        (NEST.replace("Weights:60", "Filters:60"), "keeps 'Filters'"),
        (NEST.replace("[0:7)\n|   for", "[0:8,6)\n|   for"), "shorter last iteration"),
    ],
)
def test_a_nest_of_another_problem_is_refused_by_name(text, message):
    with pytest.raises(MappingError, match=message):
        read_nest(text, read_problem(CONVOLUTION))


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["C", "P", "R"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "projection", "read_write", "C", "P", "R", "default"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)
FIELDS = ["shape", "instance", "shape__dimensions", "shape__coefficients", "shape__data_spaces", "instance__P"]


@given(st.dictionaries(st.sampled_from(FIELDS[::-1]), junk, max_size=2))
def test_any_other_document_is_read_or_refused(parts):
    document = changed(**dict(sorted(parts.items(), key=lambda item: -len(item[0]))))
    with suppress(CoexploreError):
        read_problem(document)


@given(st.lists(st.sampled_from(NEST.splitlines()), max_size=20), st.text(max_size=20))
def test_any_other_nest_is_read_or_refused(lines, tail):
    with suppress(CoexploreError):
        read_nest("\n".join([*lines, tail]), read_problem(CONVOLUTION))
