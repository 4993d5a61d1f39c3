"""What may stand in a study file? The fields of a study, as frozen models that refuse what they do not know.

Sections that choose something by name (`task`, `network`, `accelerator`, `strategy`, `reward`, `training`) carry the
settings of what they chose beside the name; those are checked against its own fields when the study is built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from coexplore.core.errors import ConfigError, did_you_mean
from coexplore.spaces.decision import Value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_absent(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Leave out what is absent by default; a null that means something stays."""
        document: dict[str, object] = write(self)
        absent = [name for name, field in type(self).model_fields.items() if field.default is None]
        return {name: value for name, value in document.items() if not (value is None and name in absent)}


class _Chosen(_Section):
    """A section that takes further settings along."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue] = Field(init=False)

    @property
    def settings(self) -> dict[str, JsonValue]:
        """What stands there beside the fields of the section."""
        return dict(self.__pydantic_extra__)


class TaskConfig(_Chosen):
    """What the networks are to learn, or what they have learnt."""

    dataset: str | None = None
    """Name of a data set; its settings follow."""
    tabular: str | None = None
    """Path of a table with the accuracies of networks that are trained already; its settings follow."""
    surrogate: str | None = None
    """Path of a trained surrogate, which predicts the accuracies; its settings follow."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_one_of(self, ("dataset", "tabular", "surrogate"))
        return self


class NetworkConfig(_Chosen):
    """A family of networks, or one network."""

    family: str | None = None
    """Name of a family; its settings follow."""
    fixed: str | None = None
    """Name of a preset; its settings follow."""
    onnx: str | None = None
    """Path of a model file."""
    suite: tuple[MemberConfig, ...] | None = None
    """Several networks for which one accelerator is sought."""
    restrict: dict[str, tuple[Value, ...]] = {}
    """Decisions that keep only these values."""
    freeze: dict[str, Value] = {}
    """Decisions that keep one value."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_one_of(self, ("family", "fixed", "onnx", "suite"))
        return self


class MemberConfig(_Section):
    """One network of a suite, or the choice of one."""

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")
    """Letters, digits, `_`, `-` and `.`: a folder of the bundle is called so."""
    network: NetworkConfig
    """A fixed one, or a family of which one is chosen."""
    task: TaskConfig | None = None
    """A table or surrogate of accuracies; needed where the network is not fixed."""
    weight: float = Field(default=1.0, ge=0)
    """Its share in the means of the suite, relative to the other weights; 0 leaves only its constraints."""
    constraints: tuple[ConstraintConfig, ...] = ()
    """On this member alone."""


class AcceleratorConfig(_Chosen):
    """A family of accelerators, or one accelerator."""

    family: str | None = None
    """Name of a family; its settings follow."""
    fixed: str | None = None
    """A preset: `family/preset`, or `family` for its baseline."""
    file: str | None = None
    """Path of a description."""
    restrict: dict[str, tuple[Value, ...]] = {}
    """Decisions that keep only these values."""
    freeze: dict[str, Value] = {}
    """Decisions that keep one value."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_one_of(self, ("family", "fixed", "file"))
        return self


class ObjectiveConfig(_Section):
    """One metric and its direction."""

    maximize: str | None = None
    minimize: str | None = None

    @model_validator(mode="after")
    def _one_direction(self) -> Self:
        if (self.maximize is None) is (self.minimize is None):
            raise ValueError("needs one of maximize and minimize, such as {minimize: latency_s}")
        return self


class ConstraintConfig(_Section):
    """One metric and its bounds, in the metric's unit."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None


class StrategyConfig(_Chosen):
    """How to search."""

    name: str | None = None
    """Name of a strategy; its settings follow. By default `exact` where a fixed network meets accelerators that can all
    be priced, else `two-level`."""


class RewardConfig(_Chosen):
    """One number for strategies that want one."""

    name: str = "objectives"
    """Name of a reward; its settings follow."""


class TrainingConfig(_Chosen):
    """How to train: the settings of the recipe, and when to stop early."""

    halving: dict[str, JsonValue] | None = {}
    """Settings of successive halving; null trains every network to the end."""
    supernet: dict[str, JsonValue] | None = None
    """Settings of weights that all networks share; absent trains every network on its own."""


class BudgetConfig(_Section):
    """What the study may spend. It may grow later, the rest of a study may not change."""

    trials: int = Field(default=100, ge=1)
    """Designs that are evaluated in full."""
    hours: float | None = Field(default=None, gt=0)
    """Wall time of all runs together. With it, how far a study comes depends on the machine."""
    epochs: int | None = Field(default=None, ge=1)
    """Epochs of training, summed over the networks."""
    patience: int = Field(default=1000, ge=1)
    """Designs, priced or trained, before the first that meets the constraints; then the study ends as infeasible."""


class ResidencyConfig(_Section):
    """What stays on chip, as shares of its memory (`coexplore.cost.residency`)."""

    activation_share: float = Field(default=0.25, ge=0, le=1)
    """A tensor between ops stays when it takes at most this share."""
    weight_share: float = Field(default=0.0, ge=0, le=1)
    """The weights stay between inferences when all together take at most this share."""


class MapperConfig(_Chosen):
    """How the mapping of each op is searched, instead of solved: a nested search."""

    search: str
    """Name of a strategy, whose settings follow; `exact` is the engine's own mapper."""
    trials: int = Field(default=250, ge=1)
    """Mappings evaluated for each op on each accelerator."""
    whole_filters: bool = True
    """Whether filter dimensions that the array cannot unroll stay whole in an element."""
    pass_on: bool = True
    """Whether the best mappings on the family's baseline are tried first."""


class CostConfig(_Section):
    """What the prices assume."""

    residency: ResidencyConfig | None = None
    """Absent: every op reads from and writes to main memory."""
    learned: str | None = None
    """Path of a trained cost model, whose predictions are taken for prices; absent: the engine's prices."""
    mapper: MapperConfig | None = None
    """Absent: the engine's own mapper, optimal in its declared mapspace."""
    limit: int | None = Field(default=None, ge=1)
    """Tiles that the engine's own mapper looks at for each mapping; absent: as many as it takes to prove the best."""


class PhasesConfig(_Section):
    """One side after the other: first one for an initial other side, then that other side for what was found."""

    first: Literal["accelerator", "network"] = "accelerator"
    """The side that is designed first."""
    initial: dict[str, Value] = {}
    """Decisions of the other side in the first phase; those left out take the middle one of their values."""
    accelerator_trials: int | None = Field(default=None, ge=1)
    """Trials of the phase of the accelerator; half of the budget by default."""


NetworkConfig.model_rebuild()
MemberConfig.model_rebuild()


class StudyConfig(_Section):
    """A study. `StudyConfig(...)` takes these objects, `parse_config` a document of lists and dicts."""

    name: str = Field(min_length=1, max_length=200)
    task: TaskConfig | None = None
    """Not needed where nothing asks for accuracy."""
    network: NetworkConfig
    accelerator: AcceleratorConfig
    objectives: tuple[ObjectiveConfig, ...] = Field(min_length=1)
    constraints: tuple[ConstraintConfig, ...] = ()
    strategy: StrategyConfig = StrategyConfig()
    reward: RewardConfig = RewardConfig()
    training: TrainingConfig = TrainingConfig()
    mapping_goal: str = "edp"
    """What the mapping of each op minimises: latency, energy or edp."""
    cost: CostConfig | None = None
    """What the prices assume beyond that."""
    mode: Literal["joint", "fixed-accelerator", "hardware-only", "phase"] | None = None
    """Which side is free: both; the network, on the baseline; the accelerator, for the middle network; or one after the
    other. Absent: as the sections say."""
    phases: PhasesConfig | None = None
    """Both sides one after the other instead of together."""
    budget: BudgetConfig = BudgetConfig()
    seed: int = Field(default=0, ge=0, lt=2**63)
    width: int = Field(default=4, ge=1, le=4096)
    """Trials that may be under way at once; decides what each suggestion has heard of, so it decides the result."""
    store: str | None = None
    """URL of a database for the trials; a journal file in the study directory by default."""

    def document(self) -> dict[str, object]:
        """As lists, dicts and scalars; what is not set is left out. `parse_config` reads it back."""
        return self.model_dump(mode="json")


def parse_config(document: Mapping[str, object]) -> StudyConfig:
    """The study a document describes, its names and settings not yet looked up.

    Raises:
        ConfigError: the message begins with the path of the wrong field.
    """
    try:
        return StudyConfig.model_validate_json(json.dumps(document, allow_nan=False))
    except ValidationError as error:
        raise ConfigError(_explain(error.errors())) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"study: {error}; a study is lists, dicts, text, numbers, true and false") from error


def explain_validation(error: ErrorDetails, path: str) -> str:
    """One finding of pydantic as `path: what is wrong`."""
    given = error.get("input")
    shown = "" if isinstance(given, dict | list) else f"is {given!r}; "
    cause = error.get("ctx", {}).get("error")
    if error["type"] == "missing":
        return f"{path}: is missing; add it"
    if cause is not None:
        return f"{path}: {cause}"
    return f"{path}: {shown}{error['msg'][:1].lower()}{error['msg'][1:]}"


_SECTIONS: dict[object, type[BaseModel]] = {
    "objectives": ObjectiveConfig,
    "constraints": ConstraintConfig,
    "budget": BudgetConfig,
    "phases": PhasesConfig,
    "cost": CostConfig,
    "residency": ResidencyConfig,
    "mapper": MapperConfig,
    "suite": MemberConfig,
}


def _explain(errors: list[ErrorDetails]) -> str:
    first = errors[0]
    location = first["loc"]
    path = ".".join(str(part) for part in location) or "study"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if first["type"] == "extra_forbidden":
        model = next((_SECTIONS[part] for part in reversed(location[:-1]) if part in _SECTIONS), StudyConfig)
        return f"{path}: unknown field; {did_you_mean(str(location[-1]), model.model_fields)}{more}"
    if location[:1] == ("constraints",) and location[-1] in ("at_most", "at_least"):
        return f"{path}: is {first['input']!r}; give a plain number in the unit of the metric{more}"
    for assignment in ("freeze", "restrict", "initial"):
        if assignment in location[:-2]:
            path = ".".join(str(part) for part in location[: location.index(assignment) + 2])
            return f"{path}: is {first['input']!r}; give true, false, a number or text"
    return explain_validation(first, path) + more


def _check_one_of(section: _Chosen, sources: tuple[str, ...]) -> None:
    given = [source for source in sources if getattr(section, source) is not None]
    if len(given) == 1:
        return
    listing = ", ".join(sources[:-1]) + f" or {sources[-1]}"
    if given:
        raise ValueError(f"has {' and '.join(given)}; give only one of {listing}")
    for unknown in section.settings:
        raise ValueError(f"needs {listing}; it has {unknown!r}, {did_you_mean(unknown, sources)}")
    raise ValueError(f"needs {listing}")
