"""From a small face to large ones that downscale to it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.degrade import CustomKernel, Degradation, load_kernel, make_degradation
from photopulse.errors import PhotopulseError
from photopulse.generators.load import load_generator
from photopulse.generators.protocol import Generator
from photopulse.images import synthetic_metadata, write_image
from photopulse.pipeline.inputs import ImageLike, read_target
from photopulse.search.losses import mean_squared_error
from photopulse.search.prior import one_hot
from photopulse.search.prior_cache import find_prior
from photopulse.search.problem import SearchProblem, SearchResult
from photopulse.search.pulse import PulseSettings, SearchState, pulse_search
from photopulse.search.starts import zeroed_indices

Status = Literal["converged", "not-converged"]
Method = Literal["classic"]


@dataclass(frozen=True, kw_only=True)
class UpscaleSettings:
    """How faces are enlarged.

    Attributes:
        degradation: name of the operator that made the input small, see ``DEGRADATION_NAMES``.
        kernel: file of a blur kernel that takes the operator's place.
        label: class of a conditional generator.
        method: ``"classic"`` is PULSE as published.
        search: of the latent space.
    """

    degradation: str = "bicubic"
    kernel: Path | None = None
    label: int | None = None
    method: Method = "classic"
    search: PulseSettings = field(default_factory=PulseSettings)

    def __post_init__(self) -> None:
        make_degradation(self.degradation, factor=1)
        if self.method not in get_args(Method):
            raise ValueError(f"unknown method {self.method!r}; choose one of {', '.join(get_args(Method))}")


@dataclass(frozen=True, kw_only=True, eq=False)
class UpscaledFace:
    """An imaginary face that downscales to the input, with how well it does.

    Attributes:
        image: (1, 3, resolution, resolution) in [0, 1], on the CPU.
        downscaled: the image made small again, (1, 3, h, w), on the CPU: compare it with the input.
        ws: its styles, (1, num_ws, w_dim), on the CPU.
        status: ``"converged"`` if ``downscale_mse`` is at most ``eps``.
        downscale_mse: mean squared error between ``downscaled`` and the input.
        eps: the error that was asked for.
        steps: optimisation steps of the search.
        full_evaluations: full-size images that the search computed.
        seconds: the search took (a batch's time, divided by its items).
        seed: of the search's start.
        generator: name of the generator.
        method: of the search.
    """

    image: Tensor
    downscaled: Tensor
    ws: Tensor
    status: Status
    downscale_mse: float
    eps: float
    steps: int
    full_evaluations: int
    seconds: float
    seed: int
    generator: str
    method: str

    def save(self, path: str | Path, *, source: str | None = None) -> None:
        """Writes the picture with metadata that say that it is synthetic; the suffix chooses the format."""
        metadata = synthetic_metadata(
            generator=self.generator,
            seed=self.seed,
            version=version("photopulse"),
            method=self.method,
            source=source,
        )
        write_image(Path(path), self.image, metadata=metadata)


def upscale(
    face: ImageLike,
    generator: Generator | None = None,
    *,
    count: int = 1,
    seed: int = 0,
    settings: UpscaleSettings | None = None,
    on_step: Callable[[SearchState], None] | None = None,
) -> list[UpscaledFace]:
    """Finds ``count`` different realistic faces that downscale to a small one.

    Args:
        face: a picture file, or pixels (1, 3, h, h) in [0, 1], where h divides the generator's size.
        generator: from ``load_generator``; the default one if None.
        count: answers wanted; answer k is that of the seed ``seed + k``.
        seed: of the first answer.
        settings: of the search.
        on_step: is called after each step of each search.

    Raises:
        PhotopulseError: if the picture cannot be read or has a size that does not fit.
    """
    generator = generator or load_generator()
    settings = settings or UpscaleSettings()
    target = read_target(face, resolution=generator.resolution)
    answers: list[UpscaledFace] = []
    for k in range(count):
        answers += run_search(target, generator, seeds=(seed + k,), settings=settings, on_step=on_step)
    return answers


def check_settings(settings: UpscaleSettings, generator: Generator) -> None:
    """Finds what would make every search of this generator fail, before the first one starts.

    Raises:
        PhotopulseError: for a class or noise layer that the generator lacks, or a kernel that cannot be used.
    """
    one_hot(settings.label, generator)
    _degradation(settings, factor=2)
    try:
        zeroed_indices(settings.search.noise, len(generator.noise_shapes))
    except ValueError as error:
        raise PhotopulseError(
            f"cannot search {generator.name}", why=str(error), fix="give --zero-noise layers that it has"
        ) from error


def run_search(
    target: Tensor,
    generator: Generator,
    *,
    seeds: Sequence[int],
    settings: UpscaleSettings,
    on_step: Callable[[SearchState], None] | None = None,
) -> list[UpscaledFace]:
    """Searches all targets (B, 3, h, h) at once, one seed each, and returns the best face of each."""
    started = time.perf_counter()
    label = one_hot(settings.label, generator)
    degradation = _degradation(settings, factor=generator.resolution // target.shape[-1])
    with ExitStack() as stack:
        if generator.device.type == "cpu":
            stack.enter_context(keep_freed_memory())
        problem = SearchProblem(
            target=target.to(generator.device),
            degradation=degradation,
            generator=generator,
            prior=find_prior(generator, label=label),
            seeds=tuple(seeds),
        )
        best = _last(_watched(pulse_search(problem, settings.search), on_step)).best
    seconds = (time.perf_counter() - started) / len(seeds)
    return list(_faces(best, problem, settings, seconds))


def _watched(states: Iterator[SearchState], on_step: Callable[[SearchState], None] | None) -> Iterator[SearchState]:
    for state in states:
        if on_step is not None:
            on_step(state)
        yield state


def _last(states: Iterator[SearchState]) -> SearchState:
    state = next(states)
    for later in states:
        state = later
    return state


def _faces(
    best: SearchResult, problem: SearchProblem, settings: UpscaleSettings, seconds: float
) -> Iterator[UpscaledFace]:
    # The verdict is on what is written, so on clamped pixels.
    images = best.image.clamp(0, 1)
    downscaled = problem.degradation(images)
    errors = [error.item() for error in mean_squared_error(downscaled, problem.target)]
    for i, seed in enumerate(problem.seeds):
        yield UpscaledFace(
            image=images[i : i + 1].cpu(),
            downscaled=downscaled[i : i + 1].cpu(),
            ws=best.ws[i : i + 1].cpu(),
            status="converged" if errors[i] <= settings.search.eps else "not-converged",
            downscale_mse=errors[i],
            eps=settings.search.eps,
            steps=settings.search.steps,
            full_evaluations=best.full_evaluations,
            seconds=seconds,
            seed=seed,
            generator=problem.generator.name,
            method=settings.method,
        )


def _degradation(settings: UpscaleSettings, *, factor: int) -> Degradation:
    if settings.kernel is not None:
        return CustomKernel(load_kernel(settings.kernel), factor)
    return make_degradation(settings.degradation, factor=factor)
