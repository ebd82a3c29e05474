"""A run, as the code that is being tracked sees it. Imports nothing heavy: this is what a training script pays for."""

import getpass
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from homeostat.core.clock import Clock, Micros
from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound, ResourceError, UserError
from homeostat.core.ids import RunId, new_id
from homeostat.track import media
from homeostat.track.outbox import LIMIT, MOST_CHARACTERS, Outbox
from homeostat.track.ports import Destination
from homeostat.track.records import (
    DEFAULT_EXPERIMENT_NAME,
    ArtifactKept,
    DatasetUsed,
    Event,
    Finished,
    Noted,
    ParamsSet,
    RunStatus,
    Started,
    Surrounded,
    Tagged,
)
from homeostat.track.spool import Spool, frame

_ENDINGS: dict[str, RunStatus] = {"finished": "finished", "failed": "failed"}
_MOST_NAME = 1024  # characters of an artifact's name
_CHUNK_BYTES = 1 << 20
_logger = logging.getLogger("homeostat.track")


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """What a run begins with.

    Attributes:
        first: said before anything else.
        params: those it has already, flat, as JSON.
        next_steps: of metrics it has already.
        experiment: its name; parts of the run belong there too.
        is_captured: whether what surrounds it is still to be found out.
    """

    id: RunId
    name: str
    first: tuple[Event, ...]
    params: dict[str, str] = {}
    next_steps: dict[str, int] = {}
    experiment: str = DEFAULT_EXPERIMENT_NAME
    is_captured: bool = False


class Run:
    """One execution, open until `finish`. Any thread of the process that started it may log."""

    def __init__(
        self, destination: Destination, folder: Path, clock: Clock, begins: Beginning, whole: "Run | None" = None
    ) -> None:
        """Write what it begins with to a spool in `folder`, and ship that in the background.

        Args:
            whole: the run it is part of, if what surrounds that one surrounds it too.

        Raises: ResourceError if the spool cannot be written.
        """
        self.id = begins.id
        self.name = begins.name
        self.experiment = begins.experiment
        self._destination = destination
        self._folder = folder
        self._clock = clock
        self._now = clock.now
        self._whole = whole
        self._capturing = threading.Lock()
        self._is_captured = not begins.is_captured
        self._params = dict(begins.params)
        self._surroundings: Mapping[str, Any] = {}
        self._is_open = True
        try:
            spool = Spool.create(folder, begins.id)
            spool.append(b"".join(frame(event) for event in begins.first))
        except OSError as error:
            raise ResourceError(
                f"Run {begins.name!r} cannot start: its spool in {folder} cannot be written ({error.strerror}). "
                f"Free some space there, or make the folder writable."
            ) from error
        later = self._capture if begins.is_captured else _nothing
        self._outbox = Outbox(destination, folder, spool, begins.next_steps, self._abandon, later)
        self._said = self._outbox.said
        self._say = self._said.append

    def log(self, step: int | None = None, **metrics: float) -> None:
        """Add a point to each metric. Never blocks and never raises: what is no number is dropped, counted and said.

        Args:
            step: without it each metric counts its own, from 0.
            metrics: values, NaN and infinities too; anything `float()` takes (an array or tensor of one element).
        """
        for value in metrics.values():
            # A float cannot change any more; a tensor can, before the thread gets to see it.
            if type(value) is not float:
                metrics = self._numbers(metrics)
                break
        if not metrics:
            # A dict in the first place, as other trackers have it, would be taken for a step that nothing belongs to.
            if isinstance(step, Mapping):
                values = {str(key): value for key, value in step.items()}
                self.log(values.pop("step", None), **values)
        elif not self._is_open:
            _logger.warning("%s is finished: %s was not logged.", self.id, ", ".join(metrics))
        elif len(self._said) < LIMIT:
            self._say((self._now(), step, metrics))
        else:
            self._outbox.dropped += 1

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """`log` for metrics whose names are no names of Python: `{"val/loss": 0.3}`."""
        self.log(step, **values)

    def params(self, values: Mapping[str, Any] | None = None, /, **params: Any) -> None:
        """Set params: `params(lr=0.1)`, or `params(vars(args))`. Nested dicts become dotted keys; each is written once.

        Raises: UserError if one has another value already.
        """
        flat = dict(flat_params({**(values or {}), **params}))
        for key, value in flat.items():
            known = self._params.setdefault(key, value)
            if known != value:
                raise UserError(
                    f"Param {key!r} of {self.id} is {known} and cannot become {value}: a run has one set of params. "
                    f"Start another run, or log what changes as a metric or tag."
                )
        self._check_open()
        self._say(ParamsSet(params=flat))

    def tag(self, key: str, value: str) -> None:
        """Set a tag; a later value replaces it."""
        self._check_open()
        self._say(Tagged(key=word("tag", key), value=str(value)))

    def note(self, text: str) -> None:
        """Say in words what this run is about; a later note replaces it."""
        self._check_open()
        self._say(Noted(text=text))

    def dataset(self, name: str, *, digest: str = "", context: str = "") -> None:
        """Say which data the run reads: `run.dataset("flights@12", context="training")`.

        Args:
            name: of a dataset's version, or of anything else that is data to you.
            digest: of its content; for a version it is not needed.
            context: what it is used for.
        """
        self._check_open()
        base, _, version = name.rpartition("@")
        is_ours = bool(base) and version.isdecimal()
        self._say(
            DatasetUsed(
                at=self._now(),
                name=word("dataset", base if is_ours else name),
                digest=digest or (version if is_ours else ""),
                source_type="homeostat" if is_ours else "local",
                source=name,
                context=context,
            )
        )

    def artifact(self, name: str, source: str | Path | bytes, media_type: str = "") -> None:
        """Keep a file, the files of a directory, or bytes, under `name`. The content is durable when this returns.

        Args:
            name: a path with `/`, relative and without `..`.
            media_type: such as `image/png`; without it, what the name says.
        Raises: NotFound if there is no such file. DiskFull if it does not fit. UserError for a name that is no such path.
        """
        self._check_open()
        if not isinstance(source, bytes | str | Path):
            raise UserError(
                f"A {type(source).__name__} is no file: give a path or bytes. For others there are run.json, text, table, "
                f"figure, image, audio and model."
            )
        if not isinstance(source, bytes) and Path(source).is_dir():
            folder = Path(source)
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                self.artifact(f"{name}/{path.relative_to(folder).as_posix()}", path)
            return
        objects = self._destination.objects
        digest = objects.put(source if isinstance(source, bytes) else contents(Path(source)))
        kept = ArtifactKept(
            name=media.checked_name(name, _MOST_NAME),
            digest=digest,
            size_bytes=objects.path(digest).stat().st_size,
            media_type=media_type or media.type_of(name),
        )
        self._say(kept)

    def text(self, name: str, text: str) -> None:
        """Keep a text under `name`."""
        self.artifact(name, text.encode())

    def json(self, name: str, value: Any) -> None:
        """Keep a dict, list or other plain value as JSON; scalars of numpy and torch are numbers, anything else is its text."""
        self._keep(media.document(name, value))

    def figure(self, name: str, figure: Any) -> None:
        """Keep a figure of matplotlib (as PNG, or as `name` ends: .svg, .pdf, .jpg) or of plotly (as its JSON, or .html).

        Raises: UserError if it is neither, or cannot be written in that way.
        """
        self._keep(media.figure(name, figure))

    def image(self, name: str, image: Any) -> None:
        """Keep an image: a file, of Pillow, or an array or tensor (height, width), (height, width, 1, 3 or 4) or with the
        channels first; floats are from 0 to 1.

        Raises: UserError if it is neither. NotFound if there is no such file.
        """
        if isinstance(image, str | Path | bytes):
            self.artifact(name, image)
        else:
            self._keep(media.image(name, image))

    def table(self, name: str, rows: Any) -> None:
        """Keep a small table as JSON: a frame of polars or pandas, a table of Arrow, a dict of columns, a list of dicts.

        Raises: UserError if it is none of these. Large tables belong into a dataset.
        """
        self._keep(media.table(name, rows))

    def audio(self, name: str, sound: Any, rate: int = 44_100) -> None:
        """Keep a sound: a file, bytes, or samples at `rate` a second, (frames,) or (frames, channels).

        Floats are from -1 to 1, whole numbers as they are in a file of 16 or 32 bits.

        Raises: UserError, NotFound.
        """
        if isinstance(sound, str | Path | bytes):
            self.artifact(name, sound)
        else:
            self._keep(media.audio(name, sound, rate))

    def model(self, name: str, model: Any, example: Any = None) -> None:
        """Keep a model with its signature: the columns of `example`, or those that the estimator says it was fitted with.

        Args:
            model: an `hs.Model`; an estimator of scikit-learn, XGBoost or LightGBM, also one for several classes, clusters or
                transforms; a booster; a module of torch; a graph of ONNX; a function of a module of yours, called with a
                polars.DataFrame.
            example: rows it takes: a frame of polars or pandas, a table of Arrow, an array, a tensor, a dict of columns. The
                first of them are kept beside the model.

        Raises: InvalidDeclaration if it cannot be a model, or says no columns and there is no example.
        """
        self._check_open()
        content = self._destination.encode_model(model, example, Digest(self._surroundings.get("code", "")))
        self.artifact(f"{name}/model.msgpack", content, media.MODEL)
        if example is not None:
            self.table(f"{name}/input_example.json", media.head(example))

    def part(
        self,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        began_at: Micros | None = None,
    ) -> "Run":
        """Begin a run that is part of this one, such as a trial or a fold. It lasts until its `finish`.

        It belongs to the same experiment and has the same surroundings, which are not looked for again: a part costs some
        10 ms where a run of its own costs some 100.

        Args:
            began_at: when, if that was before now.
        Raises: UserError for a name that cannot be one. ResourceError if its spool cannot be written.
        """
        self._check_open()
        at = self._now() if began_at is None else began_at
        started = Started(
            id=RunId(new_id("run", at)),
            at=at,
            name=word("run", name),
            kind="run",
            system="",
            parent=self.id,
            surroundings={},
            experiment=self.experiment,
            user=getpass.getuser(),
            source=sys.argv[0],
        )
        said, flat = begin_with(params or {}, tags or {})
        begins = Beginning(
            id=started.id,
            name=name,
            first=(started, *said),
            params=flat,
            experiment=self.experiment,
            is_captured=True,
        )
        return Run(self._destination, self._folder, self._clock, begins, self)

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """Close the run as `finished` or `failed` and wait until the database holds it, if it can be reached.

        Finishing twice changes nothing.

        Raises: UserError if `status` is another word.
        """
        ended = _ENDINGS.get(status)
        if ended is None:
            raise UserError(f"A run ends as 'finished' or 'failed', not as {status!r}.")
        if not self._is_open:
            return
        self._is_open = False
        self._outbox.close(
            lambda: Finished(at=self._now(), status=ended, error=error or "", dropped=self._outbox.dropped)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            self.finish("failed", "".join(traceback.format_exception(kind, error, trace)))

    def flush(self) -> bool:
        """Bring what was said so far to where it goes. Returns: whether it is there."""
        return self._outbox.flush()

    def surrounded_by(self) -> Mapping[str, Any]:
        """What surrounds it: found out once, by whoever asks first, its own thread or that of a part. Takes its time."""
        with self._capturing:
            if not self._is_captured:
                whole = self._whole
                self._surroundings = self._destination.capture() if whole is None else whole.surrounded_by()
                self._is_captured = True
            return self._surroundings

    def _keep(self, kept: media.Content) -> None:
        self.artifact(kept.name, kept.content, kept.media_type)

    def _capture(self) -> Event | None:
        found = self.surrounded_by()
        return Surrounded(at=self._now(), surroundings=msgspec.to_builtins(dict(found))) if found else None

    def _abandon(self) -> None:
        self.finish("failed", "The program ended without finishing this run.")

    def _check_open(self) -> None:
        if not self._is_open:
            raise UserError(f"{self.id} is finished: nothing can be added. Start another run.")

    def _numbers(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        found = {}
        for key, value in metrics.items():
            try:
                found[key] = float(value)
            except (TypeError, ValueError, RuntimeError):  # torch raises RuntimeError for a tensor of several elements
                self._outbox.dropped += 1
                _logger.warning("Metric %r of %s is no number and was dropped: %.100r", key, self.id, value)
        return found


def word(kind: str, text: str) -> str:
    """A name or key that fits its column. Raises: UserError."""
    if not 0 < len(text) <= MOST_CHARACTERS:
        raise UserError(
            f"{text[:40]!r} cannot name a {kind}: it has {len(text)} characters, 1 to {MOST_CHARACTERS} fit."
        )
    return text


def flat_params(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and JSON values."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from flat_params(value, f"{prefix}{key}.")
        else:
            yield word("param", f"{prefix}{key}"), msgspec.json.encode(value, enc_hook=_plain).decode()


def begin_with(params: Mapping[str, Any], tags: Mapping[str, str]) -> tuple[Sequence[Event], dict[str, str]]:
    """Params and tags as a run's first words, and the params, flat."""
    flat = dict(flat_params(params))
    said = [Tagged(key=word("tag", key), value=str(value)) for key, value in tags.items()]
    return [ParamsSet(params=flat), *said] if flat else said, flat


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's; anything else as its text."""
    return value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else repr(value)


def _nothing() -> None:
    return None


def contents(path: Path) -> Iterator[bytes]:
    """A file in parts. Raises: NotFound if it is none."""
    if not path.is_file():
        raise NotFound(f"There is no file {path} to keep as an artifact.")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
