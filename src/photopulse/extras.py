"""Packages that photopulse does not need for everything: its extras, and the error where one is missing."""

from collections.abc import Iterable
from importlib.util import find_spec

from photopulse.errors import PhotopulseError


def install_command(extra: str) -> str:
    """Returns the command that installs an extra of photopulse."""
    return f"pip install 'photopulse[{extra}]'"


def is_installed(name: str) -> bool:
    """Tells whether a package is installed, without importing it."""
    return find_spec(name) is not None


def need_packages(what: str, names: Iterable[str], *, extra: str) -> None:
    """Raises PhotopulseError if one of the packages of an extra is missing.

    Args:
        what: what cannot be done without them, e.g. ``"cannot serve"``.
        names: names under which they are imported.
        extra: name of the extra that has them.
    """
    missing = [name for name in names if not is_installed(name)]
    if missing:
        why = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
        raise PhotopulseError(what, why=why, fix=f"run `{install_command(extra)}`")
