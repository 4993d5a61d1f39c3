"""How does a study file with a suite become a problem? Each member as a study of its own, and what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coexplore.accelerators.fpga_pipeline import FpgaPipeline
from coexplore.core.errors import ConfigError
from coexplore.core.hashing import content_hash
from coexplore.design import NETWORK, DesignSpace
from coexplore.objectives.objective import Constraint, Objective
from coexplore.spaces.space import factor
from coexplore.strategies.exact import Exact
from coexplore.studies.config import build_constraints, build_objectives, resolve
from coexplore.studies.joint_optimum import why_unordered
from coexplore.studies.problem import Problem
from coexplore.studies.schema import (
    BudgetConfig,
    ConstraintConfig,
    MemberConfig,
    ObjectiveConfig,
    RewardConfig,
    StrategyConfig,
    StudyConfig,
    TrainingConfig,
)
from coexplore.studies.sides import accelerator_side, network_side, restrictions
from coexplore.studies.sources import CostPricer
from coexplore.studies.suite import why_unanswered
from coexplore.studies.suite_members import CHIP_METRICS

EXACT = "exact"
_BUT = "strategy.name: is exact, but "
"""What the study of a member says where it cannot be solved; a suite is always solved."""


@dataclass(frozen=True, slots=True)
class SuiteMember:
    """One network of a suite, or the choice of one."""

    name: str
    weight: float
    problem: Problem
    """Its networks, its accuracies and its limits."""

    @property
    def is_free(self) -> bool:
        """Whether its network may vary."""
        return factor(self.problem.space, NETWORK).size > 1


@dataclass(frozen=True)
class SuiteProblem:
    """A suite without its files and its progress."""

    members: tuple[SuiteMember, ...]
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]

    @property
    def designs(self) -> DesignSpace:
        """Of the first member; the accelerators are those of all."""
        return self.members[0].problem.designs

    @property
    def pricer(self) -> CostPricer:
        """The same for all members."""
        pricer = self.members[0].problem.pricer
        assert isinstance(pricer, CostPricer)
        return pricer

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of everything that decides a result."""
        members = tuple((member.name, member.weight, member.problem.fingerprint) for member in self.members)
        return content_hash((members, self.objectives, self.constraints))


@dataclass(frozen=True, slots=True)
class ResolvedSuite:
    """A suite with every setting written out, and the problem it poses."""

    config: StudyConfig
    problem: SuiteProblem


def resolve_suite(config: StudyConfig, data_root: Path | None = None) -> ResolvedSuite:
    """Look every name of a suite up, and check what belongs together.

    Args:
        config: whose network is a suite.
        data_root: folder that relative paths of tables start from; else the environment variable `COEXPLORE_DATA`.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
        DataError: a table or surrogate cannot be found or read.
    """
    sections = config.network.suite or ()
    _check_sections(config, sections)
    objectives, constraints = build_objectives(config), build_constraints(config)
    found = [_member(config, number, section, data_root) for number, section in enumerate(sections)]
    members = tuple(member for member, _ in found)
    free = any(member.is_free for member in members)
    rated = any(member.problem.accuracy is not None and member.weight > 0 for member in members)
    for path, some in (("objectives", ()), ("constraints", constraints)):
        if reason := why_unanswered(objectives, some, free=free, rated=rated):
            raise ConfigError(f"{path}: {reason}")
    own = [
        section.model_copy(update={"network": resolved.network, "task": resolved.task})
        for section, (_, resolved) in zip(sections, found, strict=True)
    ]
    first = found[0][1]
    network = config.network.model_copy(update={"suite": tuple(own)})
    written = {"network": network, "accelerator": first.accelerator, "strategy": first.strategy}
    return ResolvedSuite(config.model_copy(update=written), SuiteProblem(members, objectives, constraints))


def _check_sections(config: StudyConfig, sections: Sequence[MemberConfig]) -> None:
    """Refuse what a suite has no use for, and members that are none."""
    network, plays_no_part = config.network, "plays no part where a suite is solved; leave it out"
    for name in (*network.settings, *(name for name in ("restrict", "freeze") if getattr(network, name))):
        raise ConfigError(f"network.{name}: a suite has no settings of its own; give them to network.suite.0.network")
    if config.task is not None:
        raise ConfigError("task: a suite has none of its own; give each member that may vary its table of accuracies")
    for name in ("phases", "mode"):
        if getattr(config, name) is not None:
            raise ConfigError(f"{name}: {plays_no_part}")
    if config.strategy.name not in (None, EXACT):
        raise ConfigError(f"strategy.name: is {config.strategy.name!r}; a suite is solved, give exact or leave it out")
    for section, default in (("reward", RewardConfig()), ("training", TrainingConfig())):
        if getattr(config, section) != default:
            raise ConfigError(f"{section}: {plays_no_part}")
    for setting in ("learned", "mapper", "limit"):
        if config.cost is not None and getattr(config.cost, setting) is not None:
            raise ConfigError(f"cost.{setting}: a suite is solved at the engine's prices; leave it out")
    if not sections:
        raise ConfigError("network.suite: has no members; give at least one network")
    for number, member in enumerate(sections):
        if member.name in [other.name for other in sections[:number]]:
            raise ConfigError(f"network.suite.{number}.name: {member.name!r} stands there twice; give each its own")
    if not any(member.weight for member in sections):
        raise ConfigError(
            "network.suite.0.weight: every weight is 0, so no accelerator is better than another; raise one"
        )
    family, _ = accelerator_side(config.accelerator)
    restrictions(config.accelerator, family, "accelerator")
    if isinstance(family, FpgaPipeline):
        raise ConfigError("accelerator.family: a suite needs accelerators described level by level, no pool of FPGAs")


def _member(
    config: StudyConfig, number: int, section: MemberConfig, data_root: Path | None
) -> tuple[SuiteMember, StudyConfig]:
    """A member, and its study with every setting written out."""
    path = f"network.suite.{number}"
    if section.network.suite is not None:
        raise ConfigError(f"{path}.network.suite: a member of a suite is no suite; list its members beside the others")
    if section.task is not None and section.task.dataset is not None:
        raise ConfigError(f"{path}.task.dataset: nothing is trained for a suite; give a table or a surrogate instead")
    if section.task is None and any(limit.metric == "accuracy" for limit in section.constraints):
        raise ConfigError(f"{path}.task: is missing; a limit on accuracy needs a table or a surrogate")
    for index, limit in enumerate(section.constraints):
        if limit.metric in CHIP_METRICS:
            raise ConfigError(
                f"{path}.constraints.{index}.metric: {limit.metric} is that of the one accelerator; put the limit into "
                "the constraints of the study"
            )
    if section.task is None and section.network.family is not None and _may_vary(section):
        raise ConfigError(
            f"{path}.task: is missing; a network that may vary needs a table or a surrogate of accuracies"
        )
    try:
        resolved = resolve(_alone(config, section), data_root)
    except ConfigError as error:
        told = str(error)
        told = f": {told.removeprefix(_BUT)}" if told.startswith(_BUT) else f".{told}"
        raise ConfigError(f"{path}{told}") from error
    assert isinstance(resolved.problem.strategy, Exact)
    if reason := why_unordered([], resolved.problem.constraints):
        raise ConfigError(f"{path}.constraints: {reason}")
    return SuiteMember(section.name, section.weight, resolved.problem), resolved.config


def _may_vary(section: MemberConfig) -> bool:
    try:
        family, _ = network_side(section.network, None)
        kept = dict(restrictions(section.network, family, NETWORK))
    except ConfigError:
        return False  # the section has an error of its own, which is told with its path
    return any(len(kept.get(f"{NETWORK}.{one.name}", one.values)) > 1 for one in family.space.decisions)


def _alone(config: StudyConfig, section: MemberConfig) -> StudyConfig:
    """The study of a member on its own: of all its networks on all accelerators."""
    wishes: tuple[ObjectiveConfig, ...] = (ObjectiveConfig(minimize="energy_j"),)
    if section.task is not None:
        wishes = (ObjectiveConfig(maximize="accuracy"), *wishes)
    limits: tuple[ConstraintConfig, ...] = section.constraints
    strategy = StrategyConfig(name=EXACT, **config.strategy.settings)
    return config.model_copy(
        update={
            "network": section.network, "task": section.task, "objectives": wishes, "constraints": limits,
            "strategy": strategy, "budget": BudgetConfig(), "seed": 0, "width": 1, "store": None,
        }
    )  # fmt: skip
