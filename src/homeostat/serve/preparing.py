"""A model version made ready to run: verified, written out, and with an environment where it is not ours.

Blocks, and takes as long as an installation does. Nothing is unpickled and nothing of the model runs here.
"""

import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from homeostat.capture.code import materialise
from homeostat.capture.installing import failure, installed
from homeostat.codec import mlmodels, model_folders, models
from homeostat.codec.mlmodels import CONSTRAINTS, MLmodel
from homeostat.codec.model_folders import ModelFolder
from homeostat.codec.signatures import Signature
from homeostat.core.digests import Digest, digest_chunks, short
from homeostat.core.errors import NotFound, Unavailable
from homeostat.serve.frames import Load
from homeostat.serve.workers import OURS
from homeostat.store.objects import ObjectStore

_PYFUNC_WORKER = Path(__file__).with_name("pyfunc_worker.py")
_PART_BYTES = 1 << 22


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to start the worker of a model.

    Attributes:
        signature: the columns it needs.
        load: the first frame its worker gets.
        command: that starts a worker which can load it.
    """

    signature: Signature
    load: Load
    command: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether any blank worker of ours will do."""
        return self.command == OURS


def prepare(model: Digest, objects: ObjectStore, folder: Path) -> Prepared:
    """Verify a model's bytes and make ready what its worker needs.

    Args:
        model: digest of a model file, or of the list of files of an MLflow model.
        folder: where code trees (`code/`) and models (`models/`) are written out.

    Raises: NotFound or CorruptObject if an object is gone or damaged. InvalidDeclaration if an MLflow model cannot be served.
        Unavailable if its environment cannot be made, naming what is missing.
    """
    if not model:
        raise NotFound(
            "The files of this version are not kept here, so it cannot be run. Log the model with this server."
        )
    content = objects.read(model)
    if model_folders.is_folder(content):
        return _prepare_folder(model, model_folders.read_folder(content), objects, folder)
    file = models.describe(content)
    code = "" if file.transform is None else str(materialise(file.code, objects, folder / "code"))
    return Prepared(signature=file.signature, load=Load(model=str(objects.path(model)), code=code), command=OURS)


def _prepare_folder(model: Digest, files: ModelFolder, objects: ObjectStore, folder: Path) -> Prepared:
    found = mlmodels.describe_folder(files, objects.read)
    root = _written(model, files, objects, folder / "models")
    python = _environment(model, found, root)
    return Prepared(
        signature=found.inputs,
        load=Load(
            model=str(root), code="", columns=tuple((column.name, column.type) for column in found.inputs.columns)
        ),
        # -I: nothing of this process's paths and variables; -B: the folder stays as it was verified.
        command=(str(python), "-I", "-B", str(_PYFUNC_WORKER)),
    )


def _environment(model: Digest, found: MLmodel, root: Path) -> Path:
    lines = mlmodels.needed(found)
    constraints = root / CONSTRAINTS
    python = ".".join(found.python.split(".")[:2]) or f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        return installed(
            "".join(f"{line}\n" for line in lines),
            python,
            is_lock=False,
            constraints=constraints.read_text() if constraints.is_file() else "",
            folder=root if mlmodels.names_files(lines) else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(
            f"The environment of model {short(model)} cannot be made (Python {python}; {', '.join(lines)}). {failure(error)}"
        ) from error


def _written(model: Digest, files: ModelFolder, objects: ObjectStore, to: Path) -> Path:
    """The folder of a model, every file of it verified now; written anew if anything in it is not as it was."""
    final = to / model
    if final.is_dir():
        if _is_whole(final, files):
            return final
        shutil.rmtree(final, ignore_errors=True)
    incoming = to / f".{model}.{secrets.token_hex(8)}"
    try:
        for path, digest in files.files.items():
            target = incoming / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(objects.path(digest), target)
            if _digest(target) != digest:
                target.write_bytes(objects.read(digest))  # names the damage, or mends it from a remote
            target.chmod(0o444)
        try:
            incoming.rename(final)
        except OSError:
            if not final.is_dir():  # else another process was first, with the same content
                raise
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return final


def _is_whole(folder: Path, files: ModelFolder) -> bool:
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    return there == files.files.keys() and all(_digest(folder / path) == digest for path, digest in files.files.items())


def _digest(path: Path) -> Digest:
    with path.open("rb") as file:
        return digest_chunks(iter(lambda: file.read(_PART_BYTES), b""))
