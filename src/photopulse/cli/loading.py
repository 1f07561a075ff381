"""Loading what a command needs, with a word on what takes long."""

from collections.abc import Generator as Yields
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photopulse.cli.console import is_interactive, stderr_console

if TYPE_CHECKING:
    from photopulse.faces.detect import FaceDetector
    from photopulse.generators.protocol import Generator


def load_with_progress(name: str, device: str) -> "Generator":
    """Loads a generator by name or path."""
    from photopulse.generators.files.load import load_generator

    with _spinner(f"loading {name} (the first time it is fetched and converted)"):
        return load_generator(name, device)


def load_detector() -> "FaceDetector":
    """Loads the face detector."""
    from photopulse.faces.detect import FaceDetector

    with _spinner("loading the face detector (the first time it is fetched)"):
        return FaceDetector.load()


@contextmanager
def _spinner(what: str) -> "Yields[None]":
    if not is_interactive():
        yield
        return
    with stderr_console().status(what):
        yield
