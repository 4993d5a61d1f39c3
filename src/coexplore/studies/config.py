"""How does a study file become a problem? Reads it, looks every name up, and checks what belongs together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.family import BASELINE, as_chip
from coexplore.accelerators.fpga_pipeline import FpgaPipeline
from coexplore.accuracy.data import DATASETS, Dataset, DatasetSettings
from coexplore.accuracy.evaluator import TrainingEvaluator
from coexplore.accuracy.halving import Halving
from coexplore.accuracy.supernet import check_shared
from coexplore.accuracy.supernet_training import Sharing
from coexplore.accuracy.surrogate_evaluator import PredictionSettings
from coexplore.accuracy.tabular import TableSettings
from coexplore.accuracy.training import Recipe
from coexplore.core.errors import AcceleratorError, ConfigError, EvaluationError, UnknownNameError, did_you_mean
from coexplore.cost.boards import BOARD_METRICS
from coexplore.cost.model import CHIP_METRICS, Goal
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.design import ACCELERATOR, NETWORK, DesignSpace
from coexplore.objectives.metrics import METRICS, Direction, Source
from coexplore.objectives.objective import Constraint, Objective, check_consistent
from coexplore.objectives.reward import REWARDS, Reward, build_reward
from coexplore.strategies.settings import make_settings as make_strategy
from coexplore.strategies.strategy import STRATEGIES, SearchByLooks, StrategySettings
from coexplore.studies.exact import check as check_exact
from coexplore.studies.exact import why_not
from coexplore.studies.learned_pricer import learned_pricer
from coexplore.studies.limited_pricer import LimitedPricer
from coexplore.studies.mapping_search import MappingSearch
from coexplore.studies.modes import in_mode
from coexplore.studies.phases import Phases
from coexplore.studies.problem import AccuracySource, Pricer, Problem, asks_for_accuracy
from coexplore.studies.rated import check_listed
from coexplore.studies.schema import CostConfig, NetworkConfig, StudyConfig, parse_config
from coexplore.studies.searched_pricer import SearchedPricer
from coexplore.studies.settings import make_settings, settings_document
from coexplore.studies.shared_source import SharedAccuracy
from coexplore.studies.sides import (
    DataShape,
    Settings,
    accelerator_side,
    check_reads,
    look_up,
    network_side,
    restrictions,
)
from coexplore.studies.sources import BoardsPricer, CostPricer, RealTraining, SurrogateAccuracy, TableAccuracy
from coexplore.studies.yaml_file import apply_overrides, read_study_file

__all__ = [
    "StudyConfig",
    "build",
    "build_constraints",
    "build_designs",
    "build_objectives",
    "load_config",
    "parse_config",
    "resolve",
]

SEARCH, EXACT = "two-level", "exact"
"""The strategies of studies that name none."""
EXACT_HARDWARE = "exact-hardware"
AREA_TARGET = "area_target_mm2"
"""Setting of rewards that may be the word `baseline`, which stands for the area of that preset."""


def load_config(path: Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """The study in a file; `build` then looks its names up.

    Args:
        path: a YAML file. Paths in it start from its folder.
        overrides: each `path=value`, such as `budget.trials=20`.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
        StoreError: the file is absent or unreadable.
    """
    config = parse_config(apply_overrides(read_study_file(path), overrides))
    folder = path.absolute().parent
    network, accelerator = _from_folder(config.network, folder), config.accelerator
    if accelerator.file is not None:
        accelerator = accelerator.model_copy(update={"file": os.path.join(folder, accelerator.file)})
    cost = config.cost
    if cost is not None and cost.learned is not None:
        cost = cost.model_copy(update={"learned": os.path.join(folder, cost.learned)})
    return config.model_copy(update={"network": network, "accelerator": accelerator, "cost": cost})


def _from_folder(network: NetworkConfig, folder: Path) -> NetworkConfig:
    """The same networks, with paths of model files that start from a folder."""
    if network.onnx is not None:
        return network.model_copy(update={"onnx": os.path.join(folder, network.onnx)})
    if network.suite is None:
        return network
    members = (one.model_copy(update={"network": _from_folder(one.network, folder)}) for one in network.suite)
    return network.model_copy(update={"suite": tuple(members)})


@dataclass(frozen=True, slots=True)
class Resolved:
    """A study with every setting written out, and the problem it poses."""

    config: StudyConfig
    """Poses the same problem, also when defaults have changed since."""
    problem: Problem


def build(config: StudyConfig, data_root: Path | None = None) -> Problem:
    """The problem a study poses; see `resolve`."""
    return resolve(config, data_root).problem


def resolve(config: StudyConfig, data_root: Path | None = None) -> Resolved:
    """Look every name of a study up, and check what belongs together. Loads the data where the study has a task.

    Args:
        config: from `load_config` or `parse_config`.
        data_root: folder that relative paths of data start from; else the environment variable `COEXPLORE_DATA`.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
        DataError: the data cannot be found or read.
        MissingExtraError: something is not installed.
    """
    objectives, constraints = build_objectives(config), build_constraints(config)
    goal, chosen = _goal(config), _strategy(config)
    task = _task(config)
    data = task.load(data_root) if task else None
    table, surrogate = _table(config), _surrogate(config)
    designs, written_out = _designs(config, data)
    if config.mode is not None:
        return resolve(in_mode(config, designs), data_root)
    reward = _reward(config, designs, objectives, constraints)
    pricer = _pricer(config, designs, goal)
    strategy = chosen or _default_strategy(designs, objectives, constraints, pricer)
    source: AccuracySource | None = None
    if table is not None and asks_for_accuracy(objectives, constraints):
        source = _looked_up(designs, table, data_root)
    elif surrogate is not None and asks_for_accuracy(objectives, constraints):
        source = _predicted(designs, surrogate, data_root)
    elif asks_for_accuracy(objectives, constraints):
        if task is None or data is None:
            raise ConfigError("task: is missing; accuracy needs data to train on, such as task: {dataset: digits}")
        check_reads(designs.decode(next(designs.space.enumerate())).network.workload(), _shape(data))
        looks = strategy.looks if isinstance(strategy, SearchByLooks) else 0
        if config.training.supernet is None:
            training = source = _training(config, task, data, data_root)
            written_out["training"] = _training_document(training)
        else:
            shared = source = _shared(config, designs, looks, task, data, data_root)
            written_out["training"] = _shared_document(shared)
    if isinstance(strategy, SearchByLooks) and not isinstance(source, SharedAccuracy):
        raise ConfigError(
            f"strategy.name: {_strategy_name(strategy)} looks at networks that share weights; it needs accuracy among "
            "the objectives, a data set, and training: {supernet: {}}"
        )
    if task is not None:
        written_out["task"] = settings_document(task)
    for read in (table, surrogate):
        if read is not None:
            written_out["task"] = {name: value for name, value in settings_document(read).items() if name != "path"}
    written_out["strategy"] = {"name": _strategy_name(strategy), **settings_document(strategy)}
    written_out["reward"] = _reward_settings(reward)
    problem = Problem(designs, objectives, constraints, reward, strategy, pricer, source, config.seed, config.width)
    check_exact(problem)
    resolved = _with_settings(config, written_out)
    if resolved.phases is not None:
        Phases(resolved, designs).first_phase()
    return Resolved(resolved, problem)


def _pricer(config: StudyConfig, designs: DesignSpace, goal: Goal) -> Pricer:
    """What prices the designs, which must measure all that is asked for."""
    on_boards = isinstance(designs.accelerator_family, FpgaPipeline)
    asked = [(f"objectives.{n}", s.minimize or s.maximize) for n, s in enumerate(config.objectives)]
    asked += [(f"constraints.{n}.metric", section.metric) for n, section in enumerate(config.constraints)]
    measured = BOARD_METRICS if on_boards else CHIP_METRICS
    for path, name in asked:
        if name not in measured and METRICS.get(str(name)).source is Source.COST:
            hardware = "FPGAs" if on_boards else "accelerators"
            raise ConfigError(f"{path}: {name} is not measured of {hardware}; these are: {', '.join(sorted(measured))}")
    if config.cost is not None and config.cost.learned is not None:
        if on_boards or config.cost != CostConfig(learned=config.cost.learned):
            raise ConfigError("cost.learned: goes with accelerators and with no other setting of cost; leave one out")
        return learned_pricer(config.cost.learned, designs)
    searched = searched_pricer(config, designs, goal)
    limit = limit_of(config)
    if not on_boards:
        if limit is not None:
            return LimitedPricer(goal, residency_of(config), limit)
        return searched or CostPricer(goal, residency_of(config))
    if limit is not None:
        raise ConfigError("cost.limit: is not for FPGAs, whose tilings are solved; leave it out")
    if searched is not None:
        raise ConfigError("cost.mapper: is not for FPGAs, whose tilings are solved; leave it out")
    if config.cost is not None and config.cost.residency is not None:
        raise ConfigError("cost.residency: is not for FPGAs, whose stages hand tensors on themselves; leave it out")
    return BoardsPricer()


def searched_pricer(config: StudyConfig, designs: DesignSpace, goal: Goal) -> SearchedPricer | None:
    """What searches the mappings of a study; None where they are solved.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
    """
    mapper = config.cost.mapper if config.cost is not None else None
    if mapper is None:
        return None
    if config.strategy.name == EXACT:
        raise ConfigError("cost.mapper: is not for strategy.name: exact, which solves the mappings; leave it out")
    if residency_of(config) != MAIN_MEMORY:
        raise ConfigError("cost.residency: is not for mappings that are searched; leave it or cost.mapper out")
    strategy: StrategySettings | None = None
    if mapper.search != EXACT:
        look_up(STRATEGIES, mapper.search, "cost.mapper.search")
        strategy = make_strategy(mapper.search, mapper.settings, "cost.mapper")
    elif mapper.settings:
        raise ConfigError(f"cost.mapper.{min(mapper.settings)}: the engine's own mapper has no settings; leave it out")
    family = designs.accelerator_family
    baseline = family.decode(family.presets[BASELINE]) if mapper.pass_on and family.space.size > 1 else None
    reference = baseline if isinstance(baseline, Accelerator) else None
    try:
        search = MappingSearch(strategy, mapper.trials, mapper.whole_filters, goal, config.seed, reference)
    except ConfigError as error:
        raise ConfigError(f"cost.mapper.{error}") from error
    return SearchedPricer(search)


def residency_of(config: StudyConfig) -> Residency:
    """What a study assumes to stay on chip."""
    chosen = config.cost.residency if config.cost is not None else None
    return MAIN_MEMORY if chosen is None else Residency(chosen.activation_share, chosen.weight_share)


def limit_of(config: StudyConfig) -> int | None:
    """How many tiles the search for a mapping looks at; None: as many as there are.

    Raises:
        ConfigError: the study asks for proofs, or for mappings that another strategy searches.
    """
    limit = config.cost.limit if config.cost is not None else None
    if limit is None or config.cost is None:
        return None
    if config.cost.mapper is not None:
        raise ConfigError("cost.limit: is not for mappings that cost.mapper searches, which has trials; leave one out")
    if config.strategy.name in (EXACT, EXACT_HARDWARE):
        raise ConfigError(
            f"cost.limit: is not for strategy.name: {config.strategy.name}, whose proofs rest on the best mappings; "
            "leave it out, or take another strategy"
        )
    return limit


def _with_settings(config: StudyConfig, settings: Mapping[str, Settings]) -> StudyConfig:
    document = config.document()
    for section, values in settings.items():
        chosen = document.get(section)
        assert isinstance(chosen, dict)
        document[section] = chosen | values
    return parse_config(document)


def build_designs(config: StudyConfig) -> DesignSpace:
    """The designs of a study whose settings are written out; needs no data.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
    """
    return _designs(config, None)[0]


def build_objectives(config: StudyConfig) -> tuple[Objective, ...]:
    """What a study wants.

    Raises:
        ConfigError: an unknown metric, one that stands there twice, or one pushed the wrong way.
    """
    found: list[Objective] = []
    for index, section in enumerate(config.objectives):
        word = "minimize" if section.maximize is None else "maximize"
        name = section.minimize if section.maximize is None else section.maximize
        assert name is not None
        metric = look_up(METRICS, name, f"objectives.{index}.{word}")
        if metric.direction is not Direction(word):
            raise ConfigError(
                f"objectives.{index}.{word}: {name} is better the other way; write {{{metric.direction.value}: {name}}}"
            )
        if any(objective.metric == name for objective in found):
            raise ConfigError(f"objectives.{index}.{word}: {name} stands there twice")
        found.append(Objective(name, metric.direction))
    return tuple(found)


def build_constraints(config: StudyConfig) -> tuple[Constraint, ...]:
    """The limits of a study.

    Raises:
        ConfigError: an unknown metric, a limit without a bound, or limits that contradict each other.
    """
    found = []
    for index, section in enumerate(config.constraints):
        look_up(METRICS, section.metric, f"constraints.{index}.metric")
        try:
            found.append(Constraint(section.metric, section.at_most, section.at_least))
        except ConfigError as error:
            raise ConfigError(f"constraints.{index}: {error}") from error
    check_consistent(found)
    return tuple(found)


def _designs(config: StudyConfig, data: Dataset | None) -> tuple[DesignSpace, dict[str, Settings]]:
    network, network_settings = network_side(config.network, _shape(data) if data else None)
    accelerator, accelerator_settings = accelerator_side(config.accelerator)
    kept = restrictions(config.network, network, NETWORK) + restrictions(config.accelerator, accelerator, ACCELERATOR)
    return DesignSpace(network, accelerator, kept), {NETWORK: network_settings, ACCELERATOR: accelerator_settings}


def _task(config: StudyConfig) -> DatasetSettings | None:
    if config.task is None or config.task.dataset is None:
        return None
    kind = look_up(DATASETS, config.task.dataset, "task.dataset")
    return make_settings(kind, config.task.settings, "task", f"data set {config.task.dataset!r}")


def _table(config: StudyConfig) -> TableSettings | None:
    if config.task is None or config.task.tabular is None:
        return None
    given: Settings = {"path": config.task.tabular, **config.task.settings}
    if "accuracy" not in given:
        raise ConfigError("task.accuracy: is missing; name the column with the accuracies that the search may see")
    return make_settings(TableSettings, given, "task", "a table of accuracies")


def _looked_up(designs: DesignSpace, settings: TableSettings, data_root: Path | None) -> TableAccuracy:
    try:
        table = settings.load(data_root)
    except ConfigError as error:
        raise ConfigError(f"task.{error}") from error
    source = TableAccuracy(settings, table.identity, data_root)
    try:
        check_listed(designs, table)
    except EvaluationError as error:
        raise ConfigError(
            f"network: {error}; take the family of the table, or a column `task.key` that names it"
        ) from error
    return source


def _surrogate(config: StudyConfig) -> PredictionSettings | None:
    if config.task is None or config.task.surrogate is None:
        return None
    given: Settings = {"path": config.task.surrogate, **config.task.settings}
    return make_settings(PredictionSettings, given, "task", "a surrogate of accuracy")


def _predicted(designs: DesignSpace, settings: PredictionSettings, data_root: Path | None) -> SurrogateAccuracy:
    evaluator = settings.load(data_root)
    try:
        evaluator.evaluate(designs.decode(next(designs.space.enumerate())).network.workload())
    except EvaluationError as error:
        raise ConfigError(f"network: {error}") from error
    return SurrogateAccuracy(settings, evaluator.identity, data_root)


def _shape(data: Dataset) -> DataShape:
    return DataShape(data.name, data.input_shape, data.classes, data.label_shape)


def _training(config: StudyConfig, task: DatasetSettings, data: Dataset, data_root: Path | None) -> RealTraining:
    recipe = _recipe(config)
    wanted = config.training.halving
    halving = None if wanted is None else make_settings(Halving, wanted, "training.halving", "successive halving")
    return RealTraining(task, recipe, halving, TrainingEvaluator(data, recipe).identity, data_root)


def _recipe(config: StudyConfig) -> Recipe:
    given: Settings = {"seed": config.seed, **config.training.settings}
    return make_settings(Recipe, given, "training", "the training recipe")


def _shared(
    config: StudyConfig,
    designs: DesignSpace,
    looks: int,
    task: DatasetSettings,
    data: Dataset,
    data_root: Path | None,
) -> SharedAccuracy:
    """Weights that all networks share, trained before the search, or by its looks where there are any."""
    if looks and "epochs" in config.training.settings:
        raise ConfigError("training.epochs: is not for a search that trains as it looks; set strategy.steps instead")
    sharing = make_settings(Sharing, config.training.supernet or {}, "training.supernet", "shared weights")
    try:
        space = designs.network_space
        source = SharedAccuracy(task, designs.network_family, space, _recipe(config), sharing, looks, "", data_root)
        check_shared(designs.network_family, space)
    except EvaluationError as error:
        raise ConfigError(f"network: {error}") from error
    return replace(source, identity=source.identity_of(data))


def _shared_document(source: SharedAccuracy) -> Settings:
    recipe = {name: value for name, value in settings_document(source.recipe).items() if name != "epochs"}
    if not source.looks:
        recipe["epochs"] = source.recipe.epochs
    return {"halving": None, "supernet": settings_document(source.sharing), **recipe}


def _training_document(training: RealTraining) -> Settings:
    halving = None if training.halving is None else settings_document(training.halving)
    return {"halving": halving, **settings_document(training.recipe)}


def _strategy(config: StudyConfig) -> StrategySettings | None:
    """What the study file chose; None where it says nothing."""
    if config.strategy.name is None and not config.strategy.settings:
        return None
    name = config.strategy.name or SEARCH
    look_up(STRATEGIES, name, "strategy.name")
    try:
        return make_strategy(name, config.strategy.settings)
    except UnknownNameError as error:
        raise ConfigError(f"strategy.controller: {error}") from error


def _default_strategy(
    designs: DesignSpace, objectives: Sequence[Objective], constraints: Sequence[Constraint], pricer: Pricer
) -> StrategySettings:
    """No search where everything can be priced."""
    return make_strategy(SEARCH if why_not(designs, objectives, constraints, pricer) else EXACT, {})


def _strategy_name(strategy: StrategySettings) -> str:
    return next(name for name in STRATEGIES if STRATEGIES.get(name) is type(strategy))


def _reward(
    config: StudyConfig, designs: DesignSpace, objectives: Sequence[Objective], constraints: Sequence[Constraint]
) -> Reward:
    look_up(REWARDS, config.reward.name, "reward.name")
    settings = config.reward.settings
    if settings.get(AREA_TARGET) == BASELINE:
        settings[AREA_TARGET] = _baseline_area_mm2(designs)
    try:
        return build_reward(config.reward.name, settings, objectives, constraints)
    except UnknownNameError as error:
        raise ConfigError(f"reward.metric: {error}") from error


def _baseline_area_mm2(designs: DesignSpace) -> float:
    """Of the baseline of the accelerators, so that a joint search does not grow the chip."""
    family = designs.accelerator_family
    try:
        return as_chip(family.decode(family.presets[BASELINE])).area_mm2
    except (KeyError, AcceleratorError) as error:
        raise ConfigError(
            f"reward.{AREA_TARGET}: is {BASELINE}, but these accelerators have none with an area; give square "
            "millimetres"
        ) from error


def _reward_settings(reward: Reward) -> Settings:
    """What was set or derived, without what comes from the study itself."""
    own = {
        name: value for name, value in settings_document(reward).items() if name not in ("objectives", "constraints")
    }
    return {name: value for name, value in own.items() if value is not None}


def _goal(config: StudyConfig) -> Goal:
    goals = {str(goal.value): goal for goal in Goal}
    if config.mapping_goal not in goals:
        raise ConfigError(
            f"mapping_goal: unknown goal {config.mapping_goal!r}; {did_you_mean(config.mapping_goal, goals)}"
        )
    return goals[config.mapping_goal]
