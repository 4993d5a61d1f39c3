"""Which search of networks and accelerators comes how near to the truth, after how many accuracies?"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from _joint_runs import Goal, Trace, exact_hardware, fixed, joint, phase
from _joint_world import World

from coexplore.strategies.exact_hardware import ExactHardware

BAR = 0.1
MODES: dict[str, Callable[..., Trace]] = {"joint": joint, "fixed": fixed, "phase": phase}
STRATEGIES = ("random", "evolution", "ppo")
FURTHER = (("joint", "ppo, exploring"), ("joint", "one-shot"), ("fixed", "one-shot"))
"""Phases of one-shot search would look at nothing in the first one."""
OPPONENTS = (("joint", "ppo"), ("joint", "ppo, exploring"), ("joint", "evolution"))
EXACT = {
    "exact-hardware evolution": ExactHardware("evolution"),
    "exact-hardware random": ExactHardware("random"),
    "exact-hardware largest of 16": ExactHardware("random", among=16),
    "exact-hardware learned of 256": ExactHardware("random", among=256, prefer="learned"),
}
"""How networks are suggested. Variants of `learned` were compared on NAS-Bench-201 first, then one was settled on with
the accuracies of Accel-NASBench under another device's latencies."""
JUDGED = "exact-hardware learned of 256"
SHARE = 0.2
"""Of the samples that exact-hardware searches get: each pays for a new network, so more could not meet the bar."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Searches of one kind with several seeds."""

    traces: list[Trace]
    optimum: float
    """Proven accuracy, fraction."""

    @property
    def regret(self) -> float:
        """Median of the points below the optimum at the end."""
        return 100 * (self.optimum - statistics.median(trace.final for trace in self.traces))

    @property
    def evaluations(self) -> float:
        """Median of the accuracies paid for."""
        return statistics.median(trace.evaluations[-1] for trace in self.traces)

    @property
    def trained(self) -> float:
        """Median of the samples that were trained, were every one trained anew."""
        return statistics.median(trace.trained for trace in self.traces)

    def evaluations_until(self, regret: float) -> int | None:
        """Accuracies paid for after which the median regret is no more than this; None where it stays above."""
        most = max(trace.evaluations[-1] for trace in self.traces)
        rows = np.array([_by_evaluations(trace, most) for trace in self.traces])
        reached = np.flatnonzero(100 * (self.optimum - np.median(rows, axis=0)) <= regret + 1e-9)
        return int(reached[0]) + 1 if len(reached) else None

    def document(self) -> dict[str, object]:
        """For the JSON."""
        finals = [100 * (self.optimum - trace.final) for trace in self.traces]
        return {
            "accuracy_median": round(100 * self.optimum - self.regret, 3),
            "regret_median": round(self.regret, 3),
            "regret_range": [round(min(finals), 3), round(max(finals), 3)],
            "evaluations": self.evaluations,
            "trained": self.trained,
            "nothing_legal": sum(trace.final == 0 for trace in self.traces),
        }


def _by_evaluations(trace: Trace, most: int) -> np.ndarray:
    best = np.zeros(most)
    for value, count in zip(trace.best, trace.evaluations, strict=True):
        if count:
            best[count - 1 :] = max(value, float(best[count - 1]))
    return best


def compare(
    world: World, target: dict[str, object], samples: int, seeds: int, *, bar_only: bool, with_violations: bool
) -> dict[str, object]:
    """All searches at one target, or only those that the bar is about."""
    goal, best = Goal(float(target["target_s"])), float(target["joint"]) / 100
    kinds = [(mode, strategy) for strategy in STRATEGIES for mode in MODES] + list(FURTHER)
    runs = {
        f"{mode} {strategy}": Runs([MODES[mode](world, goal, strategy, samples, seed) for seed in range(seeds)], best)
        for mode, strategy in (OPPONENTS if bar_only else kinds)
    }
    few = max(int(samples * SHARE), 1)
    for kind, settings in EXACT.items():
        runs[kind] = Runs([exact_hardware(world, goal, settings, few, seed) for seed in range(seeds)], best)
    document = {
        "target_s": goal.latency_s,
        "searches": {kind: each.document() for kind, each in runs.items()},
        "bar": judge(runs),
    }
    if not bar_only:
        to_phase = {s: samples_to_phase(runs[f"joint {s}"], runs[f"phase {s}"]) for s in STRATEGIES}
        document["samples_to_phase"] = {**to_phase, JUDGED: samples_to_phase(runs[JUDGED], runs["phase ppo"])}
    if with_violations and not bar_only:
        document["violations"] = violations(world, goal, samples, seeds)
    return document


def judge(runs: dict[str, Runs]) -> dict[str, object]:
    """Our bar: accuracies until PPO-joint's final regret, as a share of those that PPO-joint paid for.

    PPO repeats networks. `share` counts each of its networks once, as a study of this package pays for it;
    `share_trained` counts every sample that it had trained, as was published. Both bars are stated.
    """
    ppo = runs["joint ppo"]
    needed = {kind: runs[kind].evaluations_until(ppo.regret) for kind in EXACT}
    share, share_trained = (
        {kind: None if n is None else round(n / max(paid, 1), 4) for kind, n in needed.items()}
        for paid in (ppo.evaluations, ppo.trained)
    )
    return {
        "ppo_regret": round(ppo.regret, 3),
        "ppo_evaluations": ppo.evaluations,
        "ppo_trained": ppo.trained,
        "needed": needed,
        "share": share,
        "share_trained": share_trained,
        "met": within_bar(share[JUDGED]),
        "met_trained": within_bar(share_trained[JUDGED]),
        "others": {kind: against(runs[kind], runs[JUDGED]) for kind in runs if kind.startswith("joint ")},
    }


def against(other: Runs, judged: Runs) -> dict[str, object]:
    """The same bar with another search in place of PPO."""
    needed = judged.evaluations_until(other.regret)
    share = None if needed is None else round(needed / max(other.evaluations, 1), 4)
    return {"needed": needed, "share": share, "met": within_bar(share)}


def within_bar(share: float | None) -> bool:
    """Whether PPO's regret was reached, and with so few accuracies."""
    return share is not None and share <= BAR


def samples_to_phase(joint_runs: Runs, phase_runs: Runs) -> dict[str, float | int | None]:
    """Samples of a search, median over seeds, until the median result of phases at the full budget."""
    wanted = statistics.median(trace.final for trace in phase_runs.traces)
    reached = [trace.samples_until(wanted) for trace in joint_runs.traces]
    known = [samples for samples in reached if samples is not None]
    return {
        "phase_accuracy": 100 * wanted,
        "reached": len(known),
        "median_samples": statistics.median(known) if known else None,
    }


def violations(world: World, goal: Goal, samples: int, seeds: int) -> dict[str, dict[str, float]]:
    """Share of PPO searches under the published rewards whose best-rewarded design breaks a limit."""
    found: dict[str, dict[str, float]] = {}
    for reward in ("hard", "soft"):
        wanted = Goal(goal.latency_s, reward)
        found[reward] = {
            mode: statistics.fmean(
                not MODES[mode](world, wanted, "ppo", samples, seed).chosen[3] for seed in range(seeds)
            )
            for mode in ("joint", "phase")
        }
    return found


def print_searches(name: str, document: dict[str, object]) -> None:
    """A line for each kind of search."""
    print(f"{name}, target {document['target_s'] * 1e3:.4f} ms")
    for kind, one in document["searches"].items():
        low, high = one["regret_range"]
        print(
            f"  {kind:32s} {one['accuracy_median']:6.2f} %, regret {one['regret_median']:5.2f} "
            f"({low:.2f} to {high:.2f}) points after {one['evaluations']:g} accuracies"
        )
    for key in ("bar", "samples_to_phase", "violations"):
        print(f"  {key}: {document.get(key)}", flush=True)
