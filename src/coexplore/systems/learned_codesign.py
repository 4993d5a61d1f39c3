"""What do Shi et al. claim of learned co-design (accelerators and mappings of fixed networks), and what comes out?

References:
    Shi2020: Z. Shi et al., arXiv 2010.02075, NeurIPS 2020 workshop ML for Systems.

Departures: mappings are solved by default, and searched only where that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from coexplore.systems.system import Claim, Figure, Mark, Result, System, at, enter


def _reduction(model: str) -> Callable[[Result], object]:
    """By what share the best design found lowers the energy-delay product of the preset."""
    find = at("models", f"codesign-{model}", "best_over_preset")

    def read(result: Result) -> object:
        found = find(result)
        return 1 - found if isinstance(found, int | float) else None

    return read


def _evaluations(method: str) -> Callable[[Result], object]:
    """Median evaluations until within 5 % of the optimum, of the outer problem."""
    return _until(at("outer", "median_evaluations", method), at("outer", "evaluations"))


def _mappings(method: str) -> Callable[[Result], object]:
    """Likewise of the inner problem, for one layer."""
    layer = ("inner", "codesign-mlp/wide")
    return _until(at(*layer, "median_evaluations", method), at(*layer, "trials"))


def _until(find: Callable[[Result], object], budget: Callable[[Result], object]) -> Callable[[Result], object]:
    def read(result: Result) -> object:
        found = find(result)
        return f"more than {budget(result)}" if found is None and budget(result) else found

    return read


CLAIMS = (
    Claim(
        "edp",
        "the energy-delay product of the designs found is 18 % (ResNet) and 40 % (DQN) better than that of hand-tuned "
        "designs; results on an MLP and a Transformer are good, too",
        Mark.VERIFIED,
        "abstract of arXiv 2010.02075",
        "Comparable: that there is something to gain over Eyeriss at equal processing elements. Not comparable: the "
        "sizes. Layers, tool, technology and space are others, and Eyeriss has its own best mappings here.",
        (
            Figure("lower than Eyeriss, ResNet", _reduction("resnet"), "{:.1%}", "18 %", 0.18, full_only=True),
            Figure("lower than Eyeriss, DQN", _reduction("dqn"), "{:.1%}", "40 %", 0.40, full_only=True),
            Figure("lower than Eyeriss, MLP", _reduction("mlp"), "{:.1%}"),
            Figure("lower than Eyeriss, Transformer", _reduction("transformer"), "{:.1%}", full_only=True),
            Figure("least EDP of a searched mapping over that of the solved one", at("least_searched_over_solved")),
        ),
    ),
    Claim(
        "sample-efficiency",
        "the method rests on it: a surrogate on features comes near the optimum in fewer evaluations than random draws",
        Mark.OURS,
        "the outer problem priced whole, so that its optimum is known",
        "Nothing is published to stand beside it.",
        (
            Figure("evaluations until within 5 % of the proven optimum, features", _evaluations("feature_bo"), "{:g}"),
            Figure("the same by relax and round", _evaluations("relax_and_round"), "{:g}"),
            Figure("the same by random search", _evaluations("random"), "{:g}"),
            Figure("accelerators of the space", at("outer", "accelerators"), "{:,}"),
            Figure("mappings until within 5 %, a layer of the MLP, features", _mappings("feature_bo"), "{:g}"),
            Figure("the same by random search", _mappings("random"), "{:g}"),
        ),
    ),
    Claim(
        "feasibility",
        "the space is mostly infeasible, and its constraints are to be used",
        Mark.VERIFIED,
        "abstract of arXiv 2010.02075",
        "Comparable: whether a learnt model of feasibility saves infeasible evaluations. What is infeasible differs: "
        "here it is what the filters of a layer need in the scratchpads.",
        (
            Figure("share of the space that is infeasible", at("infeasible_share"), "{:.0%}", "most"),
            Figure(
                "infeasible evaluations per feasible one, feasibility learnt",
                at("infeasible_per_feasible", "feature_bo"), "{:.2f}",
            ),
            Figure(
                "the same, not learnt", at("infeasible_per_feasible", "feature_bo_without"), "{:.2f}",
            ),
            Figure("the same by random search", at("infeasible_per_feasible", "random"), "{:.2f}"),
            Figure("p that learning it pays fewer", at("fewer_infeasible_than", "feature_bo_without", "p"), "{:.2g}"),
        ),
    ),
)  # fmt: skip

SYSTEM = enter(
    System(
        "learned_codesign",
        "Shi et al. 2020, learned co-design of accelerators and mappings (arXiv 2010.02075)",
        terms=(
            ("hardware, software", "accelerator, mapping"),
            ("hand-tuned design", "presets `eyeriss-168` and `eyeriss-256` (accelerators/eyeriss.py)"),
            ("hardware space", "accelerator family `eyeriss-like` (accelerators/eyeriss_like.py)"),
            ("software space of a layer", "cost/mapping_space.py; feasible points are built, not drawn and rejected"),
            ("bilevel optimisation", "the strategy of the study outside, inside it studies/mapping_search.py"),
            ("Bayesian optimisation on features", "strategy `feature-bo` (strategies/feature_bo.py)"),
            ("unknown constraint", "feasibility that `feature-bo` learns from what was infeasible"),
        ),
        studies=("examples/learned_codesign/nested_bo.yaml",),
        claims=CLAIMS,
    )
)
