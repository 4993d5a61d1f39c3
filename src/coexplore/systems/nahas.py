"""What do Zhou et al. claim of NAHAS (networks and an edge accelerator searched together), and what comes out here?

References:
    Zhou2021: Y. Zhou et al., Rethinking co-design of neural architectures and hardware accelerators, arXiv 2102.08619.
    Bender2020: G. Bender et al., Can weight sharing outperform random architecture search? (TuNAS), CVPR 2020.

Departures: the cost of an accelerator is computed, not learnt; the value lists of its knobs are defaults to override.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from coexplore.systems.system import Claim, Figure, Mark, Result, System, at, between, enter

TABLES = ("nb201", "accel-nasbench")
"""Of joint_vs_fixed: NAS-Bench-201 and Accel-NASBench."""


def _searches(result: Result) -> list[Result]:
    """One entry for each table and latency target."""
    found = [at("tables", table, "searches")(result) for table in TABLES]
    return [row for rows in found if isinstance(rows, list) for row in rows]


def _samples_saved(result: Result) -> object:
    """Budget of PPO over the samples that joint PPO needs for what PPO in phases ends with; median over targets."""
    needed = [at("samples_to_phase", "ppo", "median_samples")(row) for row in _searches(result)]
    budget = result.get("samples")
    ratios = [budget / n for n in needed if isinstance(n, int | float) and n and isinstance(budget, int)]
    return statistics.median(ratios) if ratios else None


def _violations(mode: str) -> Callable[[Result], object]:
    """Share of PPO's searches whose chosen design breaks a limit, over targets and both rewards."""

    def read(result: Result) -> object:
        found = [at("violations", reward, mode)(row) for row in _searches(result) for reward in ("hard", "soft")]
        return statistics.fmean(share for share in found if isinstance(share, int | float)) if found else None

    return read


def _bar(result: Result) -> object:
    """Targets at which exact-hardware search is at joint PPO's regret with a tenth of its accuracies."""
    met = [at("bar", "met")(row) for row in _searches(result)]
    return f"{sum(one is True for one in met)} of {len(met)}" if met else None


CLAIMS = (
    Claim(
        "joint-vs-fixed",
        "joint search gains 0.5 to 1 % top-1 on ImageNet at all latency targets over platform-aware search, needs 2 "
        "times fewer samples than searching both sides independently, and breaks the latency limit in 1 of 4 searches "
        "instead of 3; up to 2 times less energy at equal accuracy",
        Mark.VERIFIED,
        "abstracts of the ICLR 2021 submission and of arXiv 2102.08619",
        "Comparable: the sign of every gain, and that joint search cannot lose. Not comparable: the sizes. Networks "
        "are those of two tables, latencies those of our cost model, and the baseline's bandwidth and what stays on "
        "chip are not published: gains are ranges over both, and over five latency targets.",
        (
            Figure(
                "proven gain of joint over fixed, points of accuracy",
                between("gain_points", text="{:+.2f}"), published="+0.5 to +1 (top-1)",
            ),
            Figure(
                "energy of fixed over joint at its accuracy", between("energy_ratio"), published="up to 2",
            ),
            Figure(
                "samples saved by joint PPO until the result of phases", _samples_saved, "{:.2g} times", "2 times", 2.0,
            ),
            Figure("joint PPO's searches that break a limit", _violations("joint"), "{:.0%}", "1 of 4", 0.25),
            Figure("those of PPO in phases", _violations("phase"), "{:.0%}", "3 of 4", 0.75),
            Figure("targets where exact-hardware search needs a tenth of joint PPO's accuracies", _bar),
        ),
    ),
    Claim(
        "fused-crossover",
        "the space of networks must fit the hardware: fused inverted bottlenecks are often faster, but too costly in "
        "narrow and deep late stages, and groups lie in between",
        Mark.VERIFIED,
        "abstract of arXiv 2102.08619; README of the Edge TPU networks in tensorflow/models",
        "Comparable: where along the network fused blocks win. The accelerator there is a product, here the edge array "
        "under two assumptions on what stays on chip; shares are ranges over accelerators and assumptions.",
        (
            Figure(
                "shapes of early stages where fused is as fast",
                between("fused_at_least_as_good_share", "latency_s", "early", text="{:.0%}"), published="often",
            ),
            Figure(
                "shapes of late stages where fused is as fast",
                between("fused_at_least_as_good_share", "latency_s", "late", text="{:.0%}"), published="too costly",
            ),
            Figure(
                "early stages, by energy", between("fused_at_least_as_good_share", "energy_j", "early", text="{:.0%}"),
            ),
            Figure(
                "late stages, by energy", between("fused_at_least_as_good_share", "energy_j", "late", text="{:.0%}"),
            ),
        ),
        plot_option="--plot",
    ),
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
        "price-s1-s3",
        "the accelerator of a network can be solved instead of searched: every op of S1 to S3 is priced on all of them",
        Mark.OURS,
        "the premise of exact-hardware search here",
        "Nothing is published to stand beside it: the paper samples pairs and simulates each.",
        (
            Figure("seconds to price all ops on all accelerators", at("wall_s"), "{:.1f}"),
            Figure("ops", at("ops"), "{:d}"),
            Figure("accelerators", at("accelerators"), "{:d}"),
            Figure("random pairs answered per second afterwards", at("pairs_per_s"), "{:,}"),
        ),
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
            ("multi-trial search", "strategy `ppo` (strategies/ppo.py)"),
            (
                "one-shot search",
                "strategy `one-shot` (strategies/one_shot.py) on shared weights (accuracy/supernet.py)",
            ),
            ("trained cost model", "an alternative to the computed cost (cost/learned.py)"),
        ),
        studies=tuple(
            f"examples/nahas/{study}.yaml"
            for study in ("ppo_joint", "one_shot", "exact_hardware", "joint_exact", "segmentation")
        ),
        claims=CLAIMS,
    )
)
