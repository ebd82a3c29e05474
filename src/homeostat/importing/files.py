"""A folder in which MLflow keeps its records as files: `meta.yaml` beside one file for each param, tag and metric.

YAML is read by a safe reader: it makes texts, numbers, lists and mappings, and calls nothing.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from homeostat.core.clock import Micros
from homeostat.core.errors import BadData, NotFound
from homeostat.importing import wire
from homeostat.importing.places import ROOTLESS, Folder, Place, local_path, open_place, proxied
from homeostat.importing.records import Experiment, File, Model, Newest, Owner, Registered, Run, Unreadable, Version
from homeostat.registry.logged import Metric
from homeostat.track.blocks import Points
from homeostat.track.records import DatasetInput, ModelOutput

_META = "meta.yaml"
_TRASH = ".trash"
_REGISTRY = "models"
_MOST_META_BYTES = 32 << 20  # a profile of a dataset may have 16 MB
_DEEPEST = 16
_POINTS = 50_000
_MOST_LINE_BYTES = 4096
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROMPT = "mlflow.prompt.is_prompt"
_DELETED = "Deleted_Internal"
_AN_ITEM = (OSError, KeyError, TypeError, ValueError, AttributeError, BadData)


class FileStore:
    """A `Source`."""

    def __init__(self, folder: Path, *, artifacts: str = "") -> None:
        """Args: artifacts: where a server keeps the artifacts of its proxy, a folder or s3:// address.

        Raises: NotFound if the folder is not there. BadData if it is no file store.
        """
        self._root = folder.resolve()
        self._artifacts = artifacts
        self._prompts = self._rootless = 0
        self.address = self._root.as_uri()
        if not self._root.is_dir():
            raise NotFound(
                f"There is no folder {folder}. Give the address that MLFLOW_TRACKING_URI has, or its folder mlruns."
            )
        if not any(self._experiments()) and not (self._root / _REGISTRY).is_dir():
            raise BadData(
                f"{folder} is no file store of MLflow: no folder in it has a {_META}. Give the folder itself, usually named mlruns."
            )

    def experiments(self) -> Iterator[Experiment | Unreadable]:
        for folder in self._experiments():
            try:
                meta = _meta(folder)
                yield Experiment(
                    id=str(meta.get("experiment_id", folder.name)),
                    name=str(meta["name"]),
                    is_deleted=meta.get("lifecycle_stage") == "deleted" or folder.parent.name == _TRASH,
                    created_at=wire.micros(meta.get("creation_time")),
                    updated_at=wire.micros(meta.get("last_update_time"), wire.micros(meta.get("creation_time"))),
                    tags=_texts(folder / "tags"),
                )
            except _AN_ITEM as error:
                yield _unreadable("experiment", folder, error)

    def runs(self, experiment: str) -> Iterator[Run | Unreadable]:
        folder = self._experiment(experiment)
        for one in _folders(folder):
            if (one / _META).is_file() and one.name not in {_REGISTRY, "datasets", "traces", "tags"}:
                try:
                    yield self._run(folder, one, experiment)
                except _AN_ITEM as error:
                    yield _unreadable("run", one, error)

    def history(self, run: Run, key: str) -> Iterator[Points]:
        path = self._experiment(run.experiment) / run.id / "metrics" / key
        part: list[tuple[int, Micros, float]] = []
        try:
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    if line.strip():
                        part.append(_point(line.split(), 3))
                    if len(part) == _POINTS:
                        yield Points.of(*zip(*part, strict=True))
                        part.clear()
        except (OSError, ValueError, IndexError) as error:
            raise BadData(f"{path} cannot be read: {error}.") from error
        if part:
            yield Points.of(*zip(*part, strict=True))

    def models(self, experiment: str) -> Iterator[Model | Unreadable]:
        for folder in _folders(self._experiment(experiment) / _REGISTRY):
            if (folder / _META).is_file():
                try:
                    yield _model(folder, experiment)
                except _AN_ITEM as error:
                    yield _unreadable("model", folder, error)

    def model(self, model_id: str) -> Model | None:
        del model_id  # `models` tells all there are
        return None

    def registered(self) -> Iterator[Registered | Unreadable]:
        for folder in _folders(self._root / _REGISTRY):
            if not (folder / _META).is_file():
                continue
            tags = _texts(folder / "tags")
            if tags.get(_PROMPT) == "true":
                self._prompts += 1
                continue
            versions, last_number = [], 0
            for each in _folders(folder):
                if each.name.startswith("version-") and (each / _META).is_file():
                    try:
                        meta = _meta(each)
                        last_number = max(last_number, int(meta["version"]))
                        if meta.get("current_stage") != _DELETED:
                            versions.append(_version(each, meta))
                    except _AN_ITEM as error:
                        yield _unreadable("version", each, error)
            try:
                yield _registered(folder, tags, versions, last_number)
            except _AN_ITEM as error:
                yield _unreadable("registered model", folder, error)

    def files(self, owner: Owner) -> Iterator[File | Unreadable]:
        place = elsewhere(owner.root, self._artifacts)
        self._rootless += is_absent(place)
        return place.files()

    def content(self, owner: Owner, name: str) -> Iterator[bytes]:
        return elsewhere(owner.root, self._artifacts).content(name)

    def left_out(self) -> dict[str, int]:
        found = {"prompts": self._prompts, ROOTLESS: self._rootless}
        return {kind: count for kind, count in found.items() if count}

    def close(self) -> None:
        pass

    def _experiments(self) -> Iterator[Path]:
        for parent in (self._root, self._root / _TRASH):
            for folder in _folders(parent):
                if (folder / _META).is_file() and (parent != self._root or folder.name not in {_REGISTRY, _TRASH}):
                    yield folder

    def _experiment(self, id_: str) -> Path:
        folder = self._root / id_
        return folder if folder.is_dir() else self._root / _TRASH / id_

    def _run(self, experiment: Path, folder: Path, id_: str) -> Run:
        meta = _meta(folder)
        tags = _texts(folder / "tags")
        ended = meta.get("end_time")
        return Run(
            id=wire.identifier(folder.name),
            experiment=id_,
            name=str(meta.get("run_name") or tags.get("mlflow.runName", ""))[:256],
            user=str(meta.get("user_id") or "")[:256],
            status=wire.run_status(meta.get("status", 1)),
            started_at=wire.micros(meta.get("start_time")),
            finished_at=None if not ended else wire.micros(ended),
            is_deleted=meta.get("lifecycle_stage") == "deleted",
            root=_root(folder, meta.get("artifact_uri")),
            params=_texts(folder / "params"),
            tags=tags,
            metrics=tuple(_newest(key, path) for key, path in _leaves(folder / "metrics")),
            datasets=tuple(_datasets(experiment, folder)),
            models=tuple(
                str(_meta(each)["source_id"])
                for each in _folders(folder / "inputs")
                if _meta(each).get("source_type") == "MODEL_INPUT"
            ),
            outputs=tuple(
                ModelOutput(model_id=str(_meta(each)["destination_id"]), step=int(_meta(each).get("step") or 0))
                for each in _folders(folder / "outputs")
            ),
        )


def elsewhere(root: str, artifacts: str) -> Place:
    """A place that a store names.

    Args: artifacts: where a server keeps the artifacts of its proxy; empty if it was not said.
    Raises: BadData.
    """
    inside = proxied(root)
    if inside is None:
        return open_place(root)
    if not artifacts:
        raise BadData(
            f"{root} is kept by a server. Say where: --artifacts with what --artifacts-destination of `mlflow server` is, a folder or "
            "s3://bucket/prefix; or import from the address of the server."
        )
    if ".." in inside.split("/"):
        raise BadData(f"{root} leads out of the artifacts of its server.")
    return open_place(f"{artifacts.rstrip('/')}/{inside}")


def is_absent(place: Place) -> bool:
    """Whether it is a folder that is not there: of a run without artifacts, or of one whose artifacts are on another machine."""
    return isinstance(place, Folder) and not place.path.is_dir()


def _root(folder: Path, told: Any) -> str:
    """Where the artifacts of a record are: beside it if some are there, for a store may have been moved since."""
    own = folder / "artifacts"
    is_local = local_path(str(told or "")) is not None
    return own.as_uri() if is_local and own.is_dir() and any(own.iterdir()) else str(told or "")


def _model(folder: Path, experiment: str) -> Model:
    meta = _meta(folder)
    id_, run_id = wire.identifier(folder.name), str(meta.get("source_run_id") or "")
    created = wire.micros(meta.get("creation_timestamp"))
    metrics = []
    for key, path in _leaves(folder / "metrics"):
        for line in path.read_text(encoding="utf-8").splitlines():
            fields = line.split(" ")
            step, at, value = _point(fields, 3)
            metrics.append(
                Metric(
                    model_id=id_,
                    run_id=fields[3] if len(fields) > 3 else run_id,
                    key=key,
                    step=step,
                    logged_at=at,
                    value=value,
                    # Names may have spaces, digests have none.
                    dataset_name=" ".join(fields[4:-1]),
                    dataset_digest=fields[-1] if len(fields) > 5 else "",
                )
            )
    return Model(
        id=id_,
        experiment=experiment,
        name=str(meta.get("name", "")),
        model_type=str(meta.get("model_type") or ""),
        source_run_id=run_id,
        status=wire.model_status(meta.get("status", 2)),
        status_message=str(meta.get("status_message") or ""),
        created_at=created,
        updated_at=wire.micros(meta.get("last_updated_timestamp"), created),
        is_deleted=meta.get("lifecycle_stage") == "deleted",
        root=_root(folder, meta.get("artifact_location")),
        params=_texts(folder / "params"),
        tags=_texts(folder / "tags"),
        metrics=tuple(metrics),
    )


def _version(folder: Path, meta: Mapping[str, Any]) -> Version:
    created = wire.micros(meta.get("creation_timestamp"))
    return Version(
        number=int(meta["version"]),
        created_at=created,
        updated_at=wire.micros(meta.get("last_updated_timestamp"), created),
        description=str(meta.get("description") or ""),
        user=str(meta.get("user_id") or ""),
        stage=str(meta.get("current_stage") or "None"),
        source=str(meta.get("source") or ""),
        run_id=str(meta.get("run_id") or ""),
        run_link=str(meta.get("run_link") or ""),
        model_id=str(meta.get("model_id") or ""),
        status=wire.problem(meta.get("status"), meta.get("status_message")),
        tags=_texts(folder / "tags"),
    )


def _registered(folder: Path, tags: dict[str, str], versions: list[Version], last_number: int) -> Registered:
    meta = _meta(folder)
    created = wire.micros(meta.get("creation_timestamp"))
    return Registered(
        name=wire.named(meta["name"]),
        description=str(meta.get("description") or ""),
        created_at=created,
        updated_at=wire.micros(meta.get("last_updated_timestamp"), created),
        tags=tags,
        aliases={alias: int(number) for alias, number in _texts(folder / "aliases").items()},
        versions=tuple(sorted(versions, key=lambda one: one.number)),
        last_number=last_number,
    )


def _datasets(experiment: Path, run: Path) -> Iterator[DatasetInput]:
    for folder in _folders(run / "inputs"):
        used = _meta(folder)
        if used.get("source_type") != "DATASET":
            continue
        meta = _meta(experiment / "datasets" / str(used["source_id"]))
        yield DatasetInput(
            **{
                name: str(meta.get(name) or "")
                for name in ("name", "digest", "source_type", "source", "schema", "profile")
            },
            tags={str(key): str(value) for key, value in (used.get("tags") or {}).items()},
        )


def _point(fields: list[str], most: int) -> tuple[int, Micros, float]:
    """Step, instant and value of a line: instant, value, step if it is said, and what follows."""
    at, value, *rest = fields[:most]
    return int(rest[0]) if rest else 0, wire.micros(at), float(value)


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / _META
    if path.stat().st_size > _MOST_META_BYTES:
        raise BadData(f"{path} is larger than {_MOST_META_BYTES:,} bytes, which no record is")
    raw = path.read_bytes()
    try:
        _check_shallow(path, raw)
        found = yaml.load(raw, Loader=_LOADER)  # noqa: S506  one of the two safe ones
    except yaml.YAMLError as error:
        raise BadData(f"{path} is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict):
        raise BadData(f"{path} holds no record")
    return found


def _check_shallow(path: Path, raw: bytes) -> None:
    """The reader goes as deep as a text does, beyond the end of its stack; and what refers to itself grows without bound.

    Raises: BadData for what MLflow never writes.
    """
    depth = 0
    for event in yaml.parse(raw, Loader=_LOADER):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _DEEPEST or isinstance(event, AliasEvent):
            raise BadData(f"{path} is deeper than {_DEEPEST} levels, or refers to itself, which no record does")


def _texts(folder: Path) -> dict[str, str]:
    """Params or tags: a file each, named as its key."""
    return {key: path.read_text(encoding="utf-8") for key, path in _leaves(folder)}


def _leaves(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files below a folder and their keys; a key with `/` is a file in a folder."""
    waiting = [folder]
    while waiting:
        inner = waiting.pop()
        if inner.is_dir():
            for entry in sorted(os.scandir(inner), key=lambda one: one.name):
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path.relative_to(folder).as_posix(), path


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for entry in sorted(os.scandir(folder), key=lambda one: one.name):
            if entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)


def _newest(key: str, path: Path) -> Newest:
    """The last line of a metric, which tells whether more was logged since; one that is no point is told by `history`."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_LINE_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    try:
        return wire.newest(key, *_point(last.split(), 3))
    except (ValueError, IndexError):
        return Newest(key, 0, Micros(0), last)


def _unreadable(kind: str, folder: Path, error: Exception) -> Unreadable:
    what = f"it has no {error}" if isinstance(error, KeyError) else getattr(error, "message", str(error))
    return Unreadable(kind, folder.name, f"{folder} cannot be read: {what}.")
