"""A system: the declaration of one model, everything it must hold to, and how it is kept there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from homeostat.core.clock import DAY
from homeostat.core.durations import duration_us
from homeostat.core.errors import InvalidDeclaration, NotAllowed
from homeostat.core.ids import check_name
from homeostat.loop.declaration import (
    LOOK_EVERY,
    DataWindow,
    Declaration,
    Registered,
    Retrain,
    Rollout,
    retrain,
    rollout,
)
from homeostat.monitor.setpoints import Setpoint
from homeostat.pipelines.steps import Pipeline
from homeostat.registry.gate import Gate, ReproducibleGate, SlicesGate, check_gates


@dataclass(frozen=True, kw_only=True)
class System:
    """What the user declares: `hs.System(name=..., pipeline=..., data=..., setpoints=..., ...)`.

    Attributes:
        pipeline: an `@hs.pipeline` that takes the datasets named in `data` and returns an `hs.Candidate`; or `hs.registered(label=...)`
            if MLflow clients register its versions.
        data: dataset name -> the window of it that a training sees; of registered versions, the one with the labelled rows they are
            judged on.
        entity: the raw column that decides which arm answers a row, so that an entity stays with its arm.
        look_every: how often the loop looks when nothing else wakes it, in event time; each look writes a decision.
    Raises: InvalidDeclaration if it contradicts itself. InvalidName.
    """

    name: str
    pipeline: Pipeline | Registered
    data: Mapping[str, DataWindow]
    gates: Sequence[Gate] = ()
    rollout: Rollout = field(default_factory=rollout)
    setpoints: Sequence[Setpoint] = ()
    retrain: Retrain = field(default_factory=retrain)
    entity: str = ""
    look_every: str = LOOK_EVERY

    def __post_init__(self) -> None:
        check_name("system", self.name)
        check_gates(self.gates)
        if not self.data:
            raise InvalidDeclaration(
                f"System {self.name!r} names no data. Say which datasets its pipeline takes: data={{'flights': hs.window(last='56d', on='scheduled')}}."
            )
        if isinstance(self.pipeline, Registered):
            self._check_registered()
        names = [setpoint.name for setpoint in self.setpoints]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidDeclaration(f"System {self.name!r} declares setpoint {twice[0]!r} twice. Keep one.")
        if not 0 < self.look_every_us <= DAY:
            raise InvalidDeclaration(
                f"System {self.name!r} looks every {self.look_every!r}; more than nothing and at most a day is allowed."
            )

    @property
    def training(self) -> Pipeline:
        """The pipeline that trains its models.

        Raises: NotAllowed if clients register them.
        """
        if isinstance(self.pipeline, Registered):
            raise NotAllowed(
                f"System {self.name!r} trains nothing: MLflow clients register its versions under its name. Log a model with "
                f"registered_model_name={self.name!r}."
            )
        return self.pipeline

    def _check_registered(self) -> None:
        if len(self.data) != 1:
            raise InvalidDeclaration(
                f"System {self.name!r} names {len(self.data)} datasets: {', '.join(self.data)}. Registered versions are judged on "
                f"one, the labelled rows."
            )
        if any(isinstance(gate, ReproducibleGate) for gate in self.gates):
            raise InvalidDeclaration(
                f"System {self.name!r} has a gate 'reproducible', but its versions are not trained here, so they cannot be made again. "
                f"Leave the gate out."
            )

    @property
    def look_every_us(self) -> int:
        return duration_us(self.look_every)

    @property
    def declaration(self) -> Declaration:
        return Declaration(
            name=self.name,
            pipeline="" if isinstance(self.pipeline, Registered) else self.pipeline.path,
            registered=self.pipeline if isinstance(self.pipeline, Registered) else None,
            data=dict(self.data),
            gates=tuple(self.gates),
            rollout=self.rollout,
            setpoints=tuple(self.setpoints),
            retrain=self.retrain,
            entity=self.entity,
            look_every_us=self.look_every_us,
        )

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """Columns by which some gate slices the evaluation."""
        return tuple(dict.fromkeys(gate.by for gate in self.gates if isinstance(gate, SlicesGate)))
