"""What do Zhou et al. claim of NAHAS (networks and an edge accelerator searched together), and what comes out here?

References:
    Zhou2021: Y. Zhou et al., Rethinking co-design of neural architectures and hardware accelerators, arXiv 2102.08619.
    Bender2020: G. Bender et al., Can weight sharing outperform random architecture search? (TuNAS), CVPR 2020.

Departures: the cost of an accelerator is computed, not learnt; the value lists of its knobs are defaults to override.
"""

from __future__ import annotations

from coexplore.systems.system import Claim, Figure, Mark, System, at, enter

CLAIMS = (
    Claim(
        "supernet",
        "one-shot search rests on it: accuracies with shared weights put networks in the order of training them alone",
        Mark.OURS,
        "the premise of Bender2020, whose public code the one-shot search follows",
        "Nothing is published to stand beside it: another data set and another space. The bar is the order by "
        "multiply-accumulates, which costs nothing.",
        (
            Figure("Kendall's tau, shared weights with training alone", at("kendall_tau"), "{:.3f}"),
            Figure("its 90 % interval from", at("kendall_tau_90", 0), "{:.3f}"),
            Figure("to", at("kendall_tau_90", 1), "{:.3f}"),
            Figure("Kendall's tau of multiply-accumulates with training alone", at("tau_macs"), "{:.3f}"),
            Figure("networks compared", at("networks"), "{:d}"),
        ),
        folder_option="--out",
    ),
    Claim(
        "surrogate",
        "studies of ImageNet rest on it: accuracies of networks never trained, by a model of Accel-NASBench's table",
        Mark.OURS,
        "table of Ahmad et al., Accel-NASBench, DAC 2024",
        "Nothing of Zhou2021 stands beside it. Accuracies are those of the table's shortened training.",
        (
            Figure("Kendall's tau with accuracies it has not seen", at("kendall_tau"), "{:.3f}"),
            Figure("share of them inside its 90 % intervals", at("coverage_90"), "{:.1%}"),
            Figure("networks it was scored on", at("rows_test"), "{:d}"),
        ),
    ),
)

SYSTEM = enter(
    System(
        "nahas",
        "Zhou et al. 2021, NAHAS: networks and an edge accelerator searched together (arXiv 2102.08619)",
        terms=(
            ("accelerator search space", "accelerator family `edge-array` (accelerators/edge_array.py)"),
            ("S1, S2, S3", "network families `nahas-s1`, `nahas-s2`, `nahas-s3` (networks/nahas.py)"),
            ("reward", "`weighted-product-hard`, `weighted-product-soft`, `absolute` (objectives/reward.py)"),
            ("area target", "the `area_target_mm2` of a reward, or a constraint on `area_mm2`"),
            ("platform-aware NAS", "`accelerator: {fixed: edge-array/baseline}`"),
            ("joint search; phases", "both sides free; `phases`"),
        ),
        studies=("examples/quickstart.yaml",),
        claims=CLAIMS,
    )
)
