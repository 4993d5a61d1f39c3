"""What do Jiang et al. claim of co-exploration (networks and pools of FPGAs found together), and what comes out here?

References:
    Jiang2020: W. Jiang et al., Hardware/software co-exploration of neural architectures, IEEE TCAD 2020, arXiv
        1907.04650.
    Jiang2019: W. Jiang et al. (FNAS), DAC 2019, arXiv 1901.11211.
    HotNAS2020: W. Jiang et al. (HotNAS), IEEE TCAD 2020, arXiv 2007.09087, and its public code.
    Jiang2018: W. Jiang et al., IEEE TCAD 37(11), 2018: heterogeneous FPGA pipelines under a timing constraint.

Departures: docs/fpga_studies.md, docs/fpga.md.
"""

from __future__ import annotations

from coexplore.systems.system import Claim, Figure, Mark, Result, System, at, enter


def _trainings_saved(result: Result) -> object:
    """Networks trained on fixed hardware over those of co-exploration, until as accurate and as fast."""
    fixed, ours = at("trained_until_fixed", "fixed")(result), at("trained_until_fixed", "exact")(result)
    return fixed / ours if isinstance(fixed, float | int) and isinstance(ours, float | int) and ours else None


def _worst_overshoot(result: Result) -> object:
    """Latency of the best network of accuracy-only search over the requirement, where it is largest."""
    rows = result.get("requirements")
    found = [row["overshoot"] for row in rows if "overshoot" in row] if isinstance(rows, list) else []
    return max(found, default=None)


def _most_violations(result: Result) -> object:
    rows = result.get("requirements")
    found = [row["fnas_violations"] for row in rows if "fnas_violations" in row] if isinstance(rows, list) else []
    return max(found, default=None)


CLAIMS = (
    Claim(
        "modes",
        "at the accuracy of hardware-aware search on fixed FPGAs: 35.24 % more throughput, 54.05 % better energy "
        "efficiency, 136 times less search time (ImageNet)",
        Mark.VERIFIED,
        "abstract of arXiv 1907.04650",
        "Comparable: which mode is ahead at equal training budget. Not comparable: data set, networks, FPGAs and their "
        "powers; search time is a count of trainings here and hours of GPUs there; fixed hardware here may cut anew "
        "for every network and must meet the requirement, there it does neither.",
        (
            Figure(
                "throughput at no less accuracy, over fixed hardware",
                at("gain_at_equal_accuracy", "exact", "throughput"), "x {:.3f}", "x 1.3524", 1.3524,
            ),
            Figure(
                "GOPS/W at no less accuracy, over fixed hardware",
                at("gain_at_equal_accuracy", "exact", "gops_per_w"), "x {:.3f}", "x 1.5405", 1.5405,
            ),
            Figure(
                "search saved until as accurate and as fast as fixed hardware", _trainings_saved,
                "{:.3g} times fewer trainings", "136 times fewer GPU hours",
            ),
            Figure(
                "the same gains of one after the other: throughput",
                at("gain_at_equal_accuracy", "sequential", "throughput"), "x {:.3f}",
            ),
            Figure(
                "the same gains of one after the other: GOPS/W",
                at("gain_at_equal_accuracy", "sequential", "gops_per_w"), "x {:.3f}",
            ),
        ),
    ),
    Claim(
        "fnas",
        "accuracy-only search overshoots a latency requirement by up to 7.81 times; FNAS meets it, loses less than 1 % "
        "of accuracy, and searches up to 11.13 times faster",
        Mark.VERIFIED,
        "abstract of arXiv 1901.11211",
        "Comparable: how the three figures grow with a tighter requirement. Not comparable: a part of the published "
        "MNIST space with short trainings, latencies with the layers one after the other (the scheduler that overlaps "
        "them is not public; what is printed has the other bound, too), and savings counted in trainings. No violation "
        "is no finding: latency is exact by its own rules.",
        (
            Figure("largest overshoot of accuracy-only search", _worst_overshoot, "x {:.2f}", "up to x 7.81", 7.81),
            Figure("largest share of FNAS's trainings beyond the requirement", _most_violations, "{:.1%}", "none"),
            Figure("largest loss of accuracy by FNAS", at("largest_loss"), "{:.2%}", "below 1 %"),
            Figure("most trainings saved", at("most_saved"), "x {:.2f}", "up to x 11.13 (time)", 11.13),
            Figure("most multiply-accumulates saved", at("most_saved_macs"), "x {:.2f}", "up to x 11.13 (time)", 11.13),
        ),
        folder_option="--out",
    ),
    Claim(
        "golden",
        "latencies of AlexNet, ResNet-18, MobileNetV2, MnasNet, SqueezeNet and VGG by the closed form of a tile engine",
        Mark.VERIFIED,
        "HotNAS (arXiv 2007.09087), Table II, and result files and formulas of its public code",
        "Comparable to the digit under the published rules, traps included; the VGG values are weaker evidence, "
        "because no source states their designs. The consistent rules are ours.",
        (
            Figure("published values checked", at("checked"), "{:d}"),
            Figure("of these equal, as their source demands", at("exact"), "{:d}"),
            Figure("of these in every digit", at("of_these_in_every_digit"), "{:d}"),
        ),
    ),
    Claim(
        "dse-speed",
        "the authors' log says 1,283 s for the 5,184 tile designs of ResNet-18",
        Mark.VERIFIED,
        "results/exploration_res of the public code of HotNAS (arXiv 2007.09087)",
        "The same grid and formulas. Not the same machine, and their loop runs the network's forward pass again for "
        "every design.",
        (
            Figure("designs", at("designs"), "{:d}", "5,184", 5184.0),
            Figure("seconds for all of them", at("wall_s"), "{:.4g}", "1,283", 1283.0),
            Figure("fastest of them, ms at 100 MHz, memory not enforced", at("optimum_ms"), "{:.3f}"),
        ),
    ),
    Claim(
        "partition",
        "cutting a network into stages and choosing an FPGA for each is NP-hard, and a dynamic programme solves it",
        Mark.VERIFIED,
        "abstract of W. Jiang et al., IEEE TCAD 37(11), 2018",
        "Comparable: that the programme is optimal, here by trying every pipeline. Its published savings are over "
        "other baselines on other workloads, so none is repeated.",
        (
            Figure("random cases", at("cases"), "{:d}"),
            Figure("of these equal to trying every pipeline", at("equal"), "{:d}"),
            Figure("throughput that a greedy walk loses, mean", at("greedy_mean_loss"), "{:.1%}"),
            Figure("throughput that a split by work loses, mean", at("by_work_mean_loss"), "{:.1%}"),
        ),
    ),
    Claim(
        "boards",
        "pipelines rest on it: the closed form ranks networks as real boards do",
        Mark.OURS,
        "AMD's tables of Vitis AI frame rates; formulas of HotNAS (arXiv 2007.09087)",
        "Only the order of the networks: the measured overlay is another architecture (8 bits, several engines).",
        (
            Figure("boards and networks compared", at("n"), "{:d}"),
            Figure("rank correlation, median over boards", at("median_rho_model"), "{:.3f}"),
            Figure("the same by multiply-accumulates alone", at("median_rho_macs"), "{:.3f}"),
        ),
    ),
)  # fmt: skip

SYSTEM = enter(
    System(
        "coexplore",
        "Jiang et al. 2019, co-exploration of networks and FPGAs (arXiv 1907.04650)",
        terms=(
            ("controller", "strategy `reinforce` with a recurrent policy (strategies/recurrent_policy.py)"),
            ("fast exploration", "prices inside strategy `two-level`; `fast_steps` for the published form"),
            ("slow exploration", "trials: networks that are trained"),
            ("pool of FPGAs", "accelerator family `fpga-pool`"),
            ("pipeline stages and their FPGAs", "solved exactly for every network (cost/pipeline.py)"),
            ("tiling of a stage", "solved exactly within a grid (cost/fpga_search.py)"),
            ("required throughput", "`throughput_per_s` of the pool"),
            ("pipeline efficiency, utilisation", "metric `pipeline_efficiency`"),
            ("reward of accuracy and utilisation", "reward `convex`, its weight `beta`"),
            ("OptSW, OptHW", "the design of the front with the best accuracy, with the best `pipeline_efficiency`"),
            ("hardware-aware NAS; sequential", "`freeze: {pipeline: fixed}`; `phases: {first: network}`"),
        ),
        studies=tuple(
            f"examples/fpga/{mode}.yaml" for mode in ("accuracy_only", "fixed_hardware", "sequential", "co_exploration")
        ),
        claims=CLAIMS,
    )
)
