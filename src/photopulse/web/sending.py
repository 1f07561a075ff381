"""Sends pictures: one file, or several as a ZIP archive, even if they are deleted meanwhile."""

import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from photopulse.runs.names import unique_stems
from photopulse.web.refusals import RefusedError
from photopulse.web.tasks import Result
from photopulse.web.uploads import media_type

CANNOT_PACK = "cannot pack the results"
_CHUNK = 2**18  # Bytes.
_MOST_PACKED = 2**29  # Bytes: an archive takes as much room again as its pictures.


def missing(why: str) -> RefusedError:
    """Returns the error for a picture that is not there."""
    return RefusedError(404, "cannot find that result", why=why, fix="see the job's results")


def send_picture(path: Path, *, name: str | None = None) -> StreamingResponse:
    """Returns a response with a picture; one that is downloaded has a ``name``.

    The file is opened here, so that the response is complete even if the job is deleted while it is being sent.

    Raises:
        RefusedError: if there is no such file any more.
    """
    try:
        kind, file = media_type(path), path.open("rb")
    except Exception as error:
        if path.exists():
            raise
        raise missing("it was deleted") from error
    return _streamed(file, kind, name)


def send_archive(results: Sequence[Result], folder: Path, name: str) -> StreamingResponse:
    """Returns a response with all pictures in one archive, which is made in a nameless file in ``folder``.

    Pictures are stored as they are, because they are compressed already. Those of equal names get numbers.

    Raises:
        RefusedError: if a picture was deleted meanwhile, or they have more than 512 MiB together.
    """
    _check_size(results)
    archive = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    stems = unique_stems([Path(result.name) for result in results])
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as entries:
            for result, stem in zip(results, stems, strict=True):
                entries.write(result.path, f"{stem}{Path(result.name).suffix}")
    except OSError as error:
        archive.close()
        if all(result.path.exists() for result in results):
            raise
        raise _one_deleted() from error
    archive.seek(0)
    return _streamed(archive, "application/zip", name)


def _check_size(results: Sequence[Result]) -> None:
    try:
        total = sum(result.path.stat().st_size for result in results)
    except FileNotFoundError as error:
        raise _one_deleted() from error
    if total > _MOST_PACKED:
        why = f"they have more than {_MOST_PACKED // 2**20} MiB together"
        raise RefusedError(413, CANNOT_PACK, why=why, fix="fetch them one by one, or fewer at a time")


def _one_deleted() -> RefusedError:
    return missing("one was deleted meanwhile")


def _streamed(file: IO[bytes], kind: str, name: str | None) -> StreamingResponse:
    headers = {"Content-Length": str(os.fstat(file.fileno()).st_size)}
    if name is not None:
        headers["Content-Disposition"] = _attachment(name)
    return StreamingResponse(_chunks(file), media_type=kind, headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _attachment(name: str) -> str:
    """Returns the header for a download under a name (RFC 6266), in which everything but letters may be anything."""
    quoted = quote(name, safe="")
    plain = name == quoted
    return f'attachment; filename="{name}"' if plain else f"attachment; filename*=utf-8''{quoted}"
