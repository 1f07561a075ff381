"""Loads generators and detectors for a command, and shows a spinner meanwhile."""

from typing import TYPE_CHECKING

from photopulse.cli.progress import spinner

if TYPE_CHECKING:
    from photopulse.faces.detect import FaceDetector
    from photopulse.generators.protocol import Generator


def load_with_progress(name: str, device: str) -> "Generator":
    """Loads a generator by name or path."""
    from photopulse.generators.files.load import load_generator

    with spinner(f"loading {name} (the first time it is fetched and converted)"):
        return load_generator(name, device)


def load_detector() -> "FaceDetector":
    """Loads the face detector."""
    from photopulse.faces.detect import FaceDetector

    with spinner("loading the face detector (the first time it is fetched)"):
        return FaceDetector.load()
