"""Declaring steps and pipelines.

A step is a function whose result is kept. Called anywhere it is a plain call; called while a workspace runs a pipeline it
goes to the run, which answers with a `Handle`. In both cases arguments and result are checked against the type
hints, so a unit test of a step sees what a run sees.
"""

import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeVar, get_args, overload

from homeostat.codec.tables import Table
from homeostat.core.durations import duration_us
from homeostat.core.errors import InvalidDeclaration, MissingColumn, WrongType
from homeostat.core.ids import check_name
from homeostat.pipelines.boundary import conform
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.resources import memory_bytes

Where = Literal["inline", "process"]
P = ParamSpec("P")
R = TypeVar("R")

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Caller(Protocol):
    """A run in progress, as its steps see it."""

    def call(self, step: "Step[..., Any]", arguments: dict[str, Any]) -> Any:
        """Answer a call of `step`: a handle, or a tuple of them."""
        ...


_caller: ContextVar[Caller | None] = ContextVar("homeostat_caller", default=None)
_run: ContextVar[TrackedRun | None] = ContextVar("homeostat_run", default=None)


@contextmanager
def answered_by(caller: Caller | None, run: TrackedRun) -> Iterator[None]:
    """Calls of steps in this block go to `caller` (None: they are plain calls), and `current_run` is `run`."""
    tokens = _caller.set(caller), _run.set(run)
    try:
        yield
    finally:
        _caller.reset(tokens[0])
        _run.reset(tokens[1])


def current_run() -> TrackedRun | None:
    """The tracked run this code belongs to, if a workspace runs it. `current_run().log(loss=0.3)` reaches it."""
    return _run.get()


class Step(Generic[P, R]):
    """A function whose result is kept, by what it was made of. Made by `step`.

    Attributes:
        function: the function itself.
        cpu: threads that numerical libraries may use; None leaves them alone.
        retries: how often it is tried again when it raises.
        env: environment variables it reads; their values count like arguments.
        strict: whether it fails when it reads what is neither an argument nor declared.
        timeout_us: how long a try may take; None for as long as it wants.
        memory_bytes: what it needs of the machine's memory; None if that is nobody's concern.
        executor: where it runs: `inline`, in the process and thread of the run, or `process`, in one of its own.
        columns: of a table parameter the columns that the step is given, and that count.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        cpu: int | None = None,
        retries: int = 0,
        env: Sequence[str] = (),
        strict: bool = False,
        timeout: str | None = None,
        memory: str | None = None,
        executor: Where | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.function = function
        self.name = check_name("step", function.__name__)
        self.cpu = cpu
        self.retries = retries
        self.env = tuple(env)
        self.strict = strict
        self.timeout_us = None if timeout is None else duration_us(timeout)
        self.memory_bytes = None if memory is None else memory_bytes(memory)
        apart = timeout is not None or memory is not None
        self.executor: Where = executor or ("process" if apart else "inline")
        self.columns = {name: tuple(names) for name, names in (columns or {}).items()}
        self.signature = inspect.signature(function)
        _check_step(self)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        arguments = self.bind(args, kwargs)
        caller = _caller.get()
        if caller is None:
            return self.execute(self.conform(arguments))
        answer: R = caller.call(self, arguments)
        return answer

    def map(self, *shared: Any, **varied: Sequence[Any]) -> list[R]:
        """Call the step once for each item of the lists: `train.map(rows, seed=[1, 2, 3])`.

        Args:
            shared: positional arguments, the same in every call.
            varied: for each named parameter the values it takes, call by call.

        Raises: InvalidDeclaration if the lists are not equally long.
        """
        lengths = {name: len(values) for name, values in varied.items()}
        if len(set(lengths.values())) != 1:
            raise InvalidDeclaration(
                f"{self.name}.map goes through its named lists side by side, so it needs at least one and all equally "
                f"long; got {lengths}. Give what stays the same by position."
            )
        call = typing.cast("Callable[..., R]", self)
        return [
            call(*shared, **dict(zip(varied, values, strict=True))) for values in zip(*varied.values(), strict=True)
        ]

    @functools.cached_property
    def hints(self) -> dict[str, Any]:
        """Resolved type hints, by parameter and `return`.

        Raises: InvalidDeclaration naming what cannot be resolved.
        """
        return _hints(self.function)

    @property
    def output_hints(self) -> tuple[Any, ...] | None:
        """Hints of the outputs if the step returns a tuple of fixed length, else None."""
        hint = self.hints.get("return", Any)
        parts = typing.get_args(hint)
        if typing.get_origin(hint) is tuple and parts and Ellipsis not in parts:
            return parts
        return None

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by parameter, defaults included.

        Raises: TypeError as Python does if they do not fit.
        """
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def conform(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check arguments against the hints.

        Raises: WrongType naming the step, the parameter, what it takes and what it got.
        """
        checked = {
            name: conform(value, self.hints.get(name, Any), f"Step {self.name}, parameter {name}")
            for name, value in arguments.items()
        }
        return checked | {name: self.chosen(name, checked[name]) for name in self.columns}

    def chosen(self, name: str, rows: Any) -> Table:
        """Of the rows of a parameter the columns that the step is given.

        Raises: WrongType if it is no table. MissingColumn if it lacks one.
        """
        if not isinstance(rows, Table):
            raise WrongType(
                f"Step {self.name}, parameter {name}: columns= needs a table, got {type(rows).__name__}. Annotate it as Table."
            )
        wanted = self.columns[name]
        missing = [column for column in wanted if column not in rows.columns]
        if missing:
            raise MissingColumn(
                f"Step {self.name}, parameter {name}: no column {', '.join(map(repr, missing))}. There are: "
                f"{', '.join(rows.columns)}."
            )
        return Table(rows.arrow().select(wanted), origin=rows.origin)

    def execute(self, arguments: Mapping[str, Any]) -> R:
        """Call the function with checked arguments and check what it returns."""
        bound = inspect.BoundArguments(self.signature, dict(arguments))
        result = self.function(*bound.args, **bound.kwargs)
        checked: R = conform(result, self.hints.get("return", Any), f"Step {self.name}, result")
        return checked

    def __repr__(self) -> str:
        return f"<step {self.name}>"


class Pipeline:
    """A function that calls steps. Called plainly it is that function. Made by `pipeline`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = check_name("pipeline", function.__name__)
        self.signature = inspect.signature(function)
        functools.update_wrapper(self, function)

    @functools.cached_property
    def hints(self) -> dict[str, Any]:
        """Resolved type hints, by parameter and `return`.

        Raises: InvalidDeclaration naming what cannot be resolved.
        """
        return _hints(self.function)

    @property
    def path(self) -> str:
        """Where another process finds it: `module:name`."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by parameter, defaults included, checked against the hints.

        Raises: InvalidDeclaration if they are not those it takes. WrongType if one has another type.
        """
        try:
            bound = self.signature.bind(**arguments)
        except TypeError as error:
            raise InvalidDeclaration(
                f"Pipeline {self.name}{self.signature} cannot be called with {sorted(arguments)}: {error}."
            ) from error
        bound.apply_defaults()
        return {
            name: conform(value, self.hints.get(name, Any), f"Pipeline {self.name}, parameter {name}")
            for name, value in bound.arguments.items()
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(
    *,
    cpu: int | None = None,
    retries: int = 0,
    env: Sequence[str] = (),
    strict: bool = False,
    timeout: str | None = None,
    memory: str | None = None,
    executor: Where | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...


def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    cpu: int | None = None,
    retries: int = 0,
    env: Sequence[str] = (),
    strict: bool = False,
    timeout: str | None = None,
    memory: str | None = None,
    executor: Where | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Any:
    """Make a function a step: `@step`, or `@step(cpu=1, retries=2, env=["TZ"])`.

    Args:
        function: at the top level of a module of the project; no generator, no coroutine, no `*args` or `**kwargs`.
        cpu: threads that numerical libraries (BLAS, OpenMP) may use in it. Part of the key: it can change the result.
        retries: how often it is tried again when it raises.
        env: environment variables it reads; a change of one runs the step again.
        strict: fail when it reads a file, a variable or a socket that is neither argument nor declared. Otherwise files
            and variables it reads are noted, and a change of one runs the step again.
        timeout: such as `30m`: how long a try may take. A step with a limit runs in a process of its own, which is
            killed at the limit.
        memory: such as `4 GiB`: what it needs. It then runs in a process of its own, and never beside steps that together
            need more than the machine has.
        executor: `process` runs it in a process of its own, beside other such steps that do not depend on it, as long as
            the `cpu` (1 if not given) and `memory` of all fit the machine; it starts in about a second. `inline`
            runs it where the pipeline runs. Default: `process` with a timeout or memory, else `inline`.
        columns: by table parameter the columns it reads: `columns={"rows": ["origin", "delay"]}`. It is given only these,
            in this order, and a change of others does not run it again.

    Raises: InvalidDeclaration if the function cannot be a step. InvalidDuration if the timeout is none.
    """
    if function is None:
        return lambda wrapped: Step(
            wrapped,
            cpu=cpu,
            retries=retries,
            env=env,
            strict=strict,
            timeout=timeout,
            memory=memory,
            executor=executor,
            columns=columns,
        )
    return Step(function)


def pipeline(function: Callable[..., Any]) -> Pipeline:
    """Make a function that calls steps a pipeline: `@pipeline`."""
    return Pipeline(function)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError as error:
        raise InvalidDeclaration(
            f"A type hint of {function.__qualname__} cannot be resolved: {error}. Import it at run time, not only under "
            f"TYPE_CHECKING."
        ) from error


def _check_step(step: Step[..., Any]) -> None:
    function = step.function
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise InvalidDeclaration(
            f"Step {step.name} is a generator or coroutine, whose result cannot be kept. Return a list."
        )
    variadic = [str(parameter) for parameter in step.signature.parameters.values() if parameter.kind in _VARIADIC]
    if variadic:
        raise InvalidDeclaration(
            f"Step {step.name} takes {', '.join(variadic)}; its inputs must be known by name. Take a list or a dict."
        )
    if step.retries < 0 or (step.cpu is not None and step.cpu < 1):
        raise InvalidDeclaration(
            f"Step {step.name} has retries={step.retries} and cpu={step.cpu}; needed are retries >= 0 and cpu >= 1."
        )
    if step.executor not in get_args(Where):
        raise InvalidDeclaration(
            f"Step {step.name} has executor={step.executor!r}; there are {', '.join(get_args(Where))}."
        )
    if step.executor == "inline" and step.timeout_us is not None:
        raise InvalidDeclaration(
            f"Step {step.name} has a timeout, and only a process of its own can be stopped. Leave out executor='inline'."
        )
    unknown = sorted(set(step.columns) - set(step.signature.parameters))
    if unknown:
        raise InvalidDeclaration(
            f"Step {step.name}{step.signature} has no parameter {', '.join(unknown)} whose columns could be chosen."
        )
