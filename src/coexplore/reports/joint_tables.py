"""What was proven of all networks times all accelerators?"""

from __future__ import annotations

from coexplore.studies.joint_solution import JointSolution


def joint_lines(solution: JointSolution) -> tuple[str, ...]:
    """What was looked at, what is out and why, one sentence each."""
    found = len(solution.front)
    what = (
        f"joint front of {found} design{'' if found == 1 else 's'}, proven complete"
        if found
        else "nothing feasible, proven"
    )
    lines = [
        f"{what} over {solution.networks:,} networks x {solution.accelerators:,} accelerators = {solution.pairs:,} "
        "pairs, each op under its best mapping",
        f"{solution.evaluated:,} pairs were added up: {solution.distinct_networks:,} networks differ in what they run, "
        f"{solution.kept_accelerators:,} accelerators are covered by no other",
    ]
    if solution.known < solution.networks:
        lines.append(f"{solution.networks - solution.known:,} networks have no accuracy and are no candidates")
    if solution.decodable < solution.accelerators:
        lines.append(f"{solution.accelerators - solution.decodable:,} points of the space stand for no accelerator")
    if solution.blocked:
        lines.append(f"{solution.blocked:,} pairs of distinct op and accelerator cannot run")
    return tuple(lines)
