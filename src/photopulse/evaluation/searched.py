"""The fast and the classic search, as methods for comparison, with the course of each search."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final

from torch import Tensor

from photopulse.evaluation.method import Made, MethodOptions, Size
from photopulse.evaluation.records import CurvePoint
from photopulse.evaluation.sets import own_niqe
from photopulse.images import synthetic_metadata
from photopulse.search.problem import SearchState
from photopulse.upscaling.inputs import target_sizes
from photopulse.upscaling.keys import run_key
from photopulse.upscaling.upscale import UpscaledFace, UpscaleSettings, upscale

CURVE_STEPS: Final[Mapping[str, int]] = {"classic": 10, "fast": 1}


@dataclass(frozen=True, kw_only=True)
class Searched:
    """PULSE, fast or classic: the generator's face that downscales to the input."""

    name: str
    settings: UpscaleSettings
    options: MethodOptions

    def native_size(self, small: int, size: int) -> int | None:
        """Returns the generator's resolution; None unless the sides of the input and the result divide it."""
        resolution = self.options.search_kit.generator.resolution
        return resolution if small in target_sizes(resolution) and resolution % size == 0 else None

    def fingerprint(self) -> str:
        """Returns the key of the settings and the weights: the generator's and, for the fast search, its twins'."""
        return run_key(self.options.search_kit, self.settings)

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:  # noqa: ARG002
        """Searches for a face that downscales to (1, 3, h, h) in [0, 1]; the result has the generator's resolution."""
        kit = self.options.search_kit
        kit.twins_for(given.shape[-1])  # Loads the twins before the clock starts.
        # Search, and record the course if it is wanted.
        recorder = _Recorder(every=CURVE_STEPS[self.settings.method], started=time.perf_counter())
        on_step = recorder.add if self.options.curves else None
        (face,) = upscale(given, kit, seed=seed, settings=self.settings, on_step=on_step)
        seconds = face.seconds - recorder.paused
        if self.options.curves:
            recorder.finish(face, seconds)
        return Made(
            image=face.image.float(),
            seconds=seconds,
            converged=face.status == "converged",
            curve=tuple(recorder.points),
            metadata=synthetic_metadata(
                generator=face.generator,
                seed=seed,
                version=version("photopulse"),
                method=face.method,
                source=None,
            ),
        )


@dataclass(kw_only=True)
class _Recorder:
    """Measures a search's best image at its first step, at every few steps and at its end, with the clock stopped."""

    every: int
    started: float
    paused: float = 0
    points: list[CurvePoint] = field(default_factory=list[CurvePoint])

    def add(self, state: SearchState) -> None:
        if state.step == 1 or state.step % self.every == 0:
            error = state.best.downscale_mse.item()  # Waits for the device, so the clock is right.
            now = time.perf_counter()
            self._measure(state.step, now - self.started - self.paused, error, state.best.image)
            self.paused += time.perf_counter() - now

    def finish(self, face: UpscaledFace, seconds: float) -> None:
        self._measure(face.steps, seconds, face.downscale_mse, face.image)

    def _measure(self, step: int, seconds: float, error: float, image: Tensor) -> None:
        niqe = own_niqe(image.clamp(0, 1).cpu())
        point = CurvePoint(step=step, seconds=seconds, downscale_mse=error, niqe=niqe)
        self.points = [*(known for known in self.points if known.step < step), point]
