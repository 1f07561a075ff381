"""PULSE as a method to compare, with the course of its search."""

import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version

from torch import Tensor

from photopulse.generators.load import load_generator
from photopulse.generators.protocol import Generator
from photopulse.images import synthetic_metadata
from photopulse.pipeline.fingerprint import weights_hash
from photopulse.pipeline.inputs import target_sizes
from photopulse.pipeline.measure import own_niqe
from photopulse.pipeline.method import CurvePoint, Enlarged, MethodOptions
from photopulse.pipeline.upscale import UpscaleSettings, run_search
from photopulse.search.prior_cache import find_prior
from photopulse.search.pulse import PulseSettings, SearchState

CURVE_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """Classic PULSE: the generator's face that downscales to the input."""

    options: MethodOptions
    steps: int = PulseSettings().steps
    name: str = "pulse"

    def native_size(self, small: int, size: int) -> int | None:
        """Returns the generator's size, if the input and the result are a fraction of it."""
        resolution = self._generator.resolution
        return resolution if small in target_sizes(resolution) and resolution % size == 0 else None

    def fingerprint(self) -> str:
        """Returns the settings and a hash of the generator's weights."""
        return f"{asdict(self._settings)} {self._generator.name} {weights_hash(self._generator)}"

    def __call__(self, small: Tensor, size: int, seed: int) -> Enlarged:  # noqa: ARG002
        """Searches for (1, 3, h, h) in [0, 1]; the result has the generator's size."""
        generator = self._generator
        find_prior(generator)  # Its first fit takes a while, and belongs to loading.
        recorder = _Recorder(steps=self.steps, started=time.perf_counter())
        (face,) = run_search(
            small,
            generator,
            seeds=(seed,),
            settings=self._settings,
            on_step=recorder.add if self.options.curves else None,
        )
        return Enlarged(
            image=face.image.float(),
            seconds=face.seconds - recorder.paused,
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

    @property
    def _settings(self) -> UpscaleSettings:
        return UpscaleSettings(degradation=self.options.degradation, search=PulseSettings(steps=self.steps))

    @cached_property
    def _generator(self) -> Generator:
        return load_generator(self.options.generator, self.options.device)


@dataclass(kw_only=True)
class _Recorder:
    """Measures the best image of a search at its first, every tenth and its last step, the clock stopped meanwhile."""

    steps: int
    started: float
    paused: float = 0
    points: list[CurvePoint] = field(default_factory=list[CurvePoint])

    def add(self, state: SearchState) -> None:
        if state.step not in (1, self.steps) and state.step % CURVE_STEPS:
            return
        error = state.best.downscale_mse.item()  # Waits for the device, so the clock is right.
        now = time.perf_counter()
        image = state.best.image.clamp(0, 1).cpu()
        point = CurvePoint(
            step=state.step,
            seconds=now - self.started - self.paused,
            downscale_mse=error,
            niqe=own_niqe(image),
        )
        self.points.append(point)
        self.paused += time.perf_counter() - now
