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
        "flops-proxy",
        "multiply-accumulates and parameter counts predict the efficiency of a network on the accelerator poorly",
        Mark.VERIFIED,
        "abstract of the MLSys 2022 version (NaaS)",
        "Comparable: that the order by them is far from the order by latency. Networks are those of two public spaces, "
        "latencies those of our cost model. Nothing numeric is published.",
        (
            Figure("Kendall's tau of MACs with latency, NAS-Bench-201, pairs", at("nb201", "joint", "macs"), "{:.3f}"),
            Figure(
                "the same on one accelerator, median", at("nb201", "one_accelerator", "median"), "{:.3f}",
            ),
            Figure("Accel-NASBench's space, pairs", at("accel-nasbench", "joint", "macs"), "{:.3f}"),
            Figure(
                "the same on one accelerator, median", at("accel-nasbench", "one_accelerator", "median"), "{:.3f}",
            ),
            Figure(
                "of parameters, Accel-NASBench's space, pairs",
                at("accel-nasbench", "joint", "parameters"), "{:.3f}",
            ),
        ),
    ),
    Claim(
        "cost-model-learning",
        "a trained cost model predicts the latency of a pair of network and accelerator, for a controller to search by",
        Mark.VERIFIED,
        "summaries of arXiv 2102.08619 by third parties",
        "Comparable: that it can be learnt. Labels are prices of our cost model instead of a simulator, and neither "
        "its layers nor its errors are published.",
        (
            Figure("prices that it learnt from", at("curve", -1, "samples"), "{:,}"),
            Figure("Kendall's tau of its latencies on unseen pairs", at("curve", -1, "kendall_tau"), "{:.3f}"),
            Figure("its median error of latency, %", at("curve", -1, "median_error_percent"), "{:.2f}"),
            Figure("its median error of area, %", at("curve", -1, "area_error_percent"), "{:.3f}"),
            Figure(
                "Kendall's tau on shapes of arrays it has not seen",
                at("curve", -1, "new_shapes", "kendall_tau"), "{:.3f}",
            ),
            Figure("Kendall's tau of multiply-accumulates on the same pairs", at("macs_tau"), "{:.3f}"),
        ),
    ),
    Claim(
        "supernet",
        "one-shot search rests on it: accuracies with shared weights put networks in the order of training them alone",
        Mark.OURS,
        "the premise of TuNAS (CVPR 2020), whose public code the one-shot search follows",
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
        "Nothing of the paper stands beside it. Accuracies are those of the table's shortened training.",
        (
            Figure("Kendall's tau with accuracies it has not seen", at("kendall_tau"), "{:.3f}"),
            Figure("share of them inside its 90 % intervals", at("coverage_90"), "{:.1%}"),
            Figure("networks it was scored on", at("rows_test"), "{:d}"),
        ),
    ),
)  # fmt: skip

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
