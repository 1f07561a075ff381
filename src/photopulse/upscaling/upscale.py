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
from photopulse.degrade import CustomKernel, Degradation, load_kernel, parse_degradation
from photopulse.errors import PhotopulseError
from photopulse.generators.files.load import load_generator
from photopulse.generators.protocol import Generator
from photopulse.images import synthetic_metadata, write_image
from photopulse.images.given import ImageLike
from photopulse.search.exact import project_exactly
from photopulse.search.fast import FastSettings, fast_search
from photopulse.search.kit import SearchKit
from photopulse.search.losses import mean_squared_error
from photopulse.search.prior import one_hot
from photopulse.search.problem import SearchProblem, SearchResult, SearchState
from photopulse.search.pulse import PulseSettings, pulse_search
from photopulse.search.starts import zeroed_indices
from photopulse.search.surface import Surfaced, close_gap
from photopulse.search.twin_search import reachable_eps
from photopulse.upscaling.inputs import read_targets

Status = Literal["converged", "not-converged"]
Method = Literal["fast", "classic"]


@dataclass(frozen=True, kw_only=True)
class UpscaleSettings:
    """How faces are enlarged.

    Attributes:
        degradation: what made the input small, see ``parse_degradation``.
        kernel: file of a blur kernel that takes the degradation's place.
        label: class of a conditional generator.
        method: ``"fast"`` searches the generator's twins, ``"classic"`` is PULSE as published.
        fast: of the fast search.
        classic: of the classic one.
        exact: correct the picture at last, so that it downscales to the input almost exactly.
    """

    degradation: str = "bicubic"
    kernel: Path | None = None
    label: int | None = None
    method: Method = "fast"
    fast: FastSettings = field(default_factory=FastSettings)
    classic: PulseSettings = field(default_factory=PulseSettings)
    exact: bool = False

    def __post_init__(self) -> None:
        parse_degradation(self.degradation, factor=1)
        if self.method not in get_args(Method):
            raise ValueError(f"unknown method {self.method!r}; choose one of {', '.join(get_args(Method))}")

    @property
    def eps(self) -> float:
        """Mean squared error of the downscaled image at which a face is close enough."""
        return self.fast.eps if self.method == "fast" else self.classic.eps

    @property
    def together(self) -> int:
        """How many answers to one face are best searched at once: the classic search would only need more memory."""
        return 8 if self.method == "fast" else 1

    @property
    def most_steps(self) -> int:
        """How many states a search yields at most, those to show not counted."""
        return self.fast.most_rounds if self.method == "fast" else self.classic.steps


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
        steps: of the search: for the fast one, its rounds.
        full_evaluations: full-size images that the search computed.
        surface: root mean square of the smooth correction that was added at last, [0, 1].
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
    surface: float
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
    generator: Generator | SearchKit | None = None,
    *,
    count: int = 1,
    seed: int | Sequence[int] = 0,
    settings: UpscaleSettings | None = None,
    on_step: Callable[[SearchState], None] | None = None,
) -> list[UpscaledFace]:
    """Finds ``count`` different realistic faces that downscale to a small one, or to each of several.

    Args:
        face: a face of h x h px, where h divides the generator's size, as a path, bytes, an open file, a PIL image, an
            array or a tensor, see ``ImageLike``; several faces as a tensor, (B, 3, h, h), are searched at once.
        generator: from ``load_generator``, or for many calls its ``SearchKit``; the default generator if None.
        count: answers wanted to each face; answer k is that of the seed ``seed + k``.
        seed: of the first answer: the same for all faces, or one for each.
        settings: of the search.
        on_step: is called after each step of each search.

    Returns:
        The first answer to each face, then the second to each, and so on.

    Raises:
        PhotopulseError: if the picture cannot be read or has a size that does not fit, or the settings suit no
            search of the generator.
        ValueError: if given pixels have another shape, type or range than those of ``ImageLike``, or the seeds are not
            as many as the faces.
    """
    settings, given = settings or UpscaleSettings(), generator or load_generator()
    network = given.generator if isinstance(given, SearchKit) else given
    # What cannot be searched is found out before the Gaussian of a new generator is fitted.
    check_settings(settings, network)
    targets = read_targets(face, resolution=network.resolution)
    kit = given if isinstance(given, SearchKit) else SearchKit.find(given, label=one_hot(settings.label, given))
    seeds = [seed] * len(targets) if isinstance(seed, int) else list(seed)
    answers: list[UpscaledFace] = []
    for first in range(0, count, settings.together):
        some = range(first, min(first + settings.together, count))
        some_seeds = [of_face + k for k in some for of_face in seeds]
        answers += _search(targets.repeat(len(some), 1, 1, 1), kit, some_seeds, settings, on_step)
    return answers


def check_settings(settings: UpscaleSettings, generator: Generator) -> None:
    """Finds what would make every search of this generator fail, before the first one starts.

    Raises:
        PhotopulseError: for a class or noise layer that the generator lacks, a kernel that cannot be used, or an exact
            answer to what cannot be answered exactly.
    """
    one_hot(settings.label, generator)
    degradation = _degradation(settings, factor=2)
    if settings.exact and (not degradation.is_linear or degradation.expected_error() > 0):
        raise PhotopulseError(
            f"cannot fit exactly what {settings.degradation} made small",
            why="noise and JPEG left errors in it, which an exact answer would copy",
            fix="leave --exact out",
        )
    try:
        zeroed_indices(settings.classic.noise, len(generator.noise_shapes))
    except ValueError as error:
        raise PhotopulseError(
            f"cannot search {generator.name}", why=str(error), fix="give --zero-noise layers that it has"
        ) from error


def _search(
    target: Tensor,
    kit: SearchKit,
    seeds: Sequence[int],
    settings: UpscaleSettings,
    on_step: Callable[[SearchState], None] | None,
) -> list[UpscaledFace]:
    """Searches all targets (B, 3, h, h) at once, one seed each, and returns the best face of each."""
    started = time.perf_counter()
    generator = kit.generator
    with ExitStack() as stack:
        if generator.device.type == "cpu":
            stack.enter_context(keep_freed_memory())
        problem = SearchProblem(
            target=target.to(generator.device),
            degradation=_degradation(settings, factor=generator.resolution // target.shape[-1]),
            generator=generator,
            prior=kit.prior,
            seeds=tuple(seeds),
        )
        states = (
            fast_search(problem, kit, settings.fast)
            if settings.method == "fast"
            else pulse_search(problem, settings.classic)
        )
        found = _last(_watched(states, on_step)).best
        finished = _finish(found.image, problem, settings)
    seconds = (time.perf_counter() - started) / len(seeds)
    return list(_faces(found, finished, problem, settings, seconds))


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


def _finish(image: Tensor, problem: SearchProblem, settings: UpscaleSettings) -> Surfaced:
    """Clamps what a search found and closes the gap to the input: as far as eps asks, or all of it."""
    untouched = Surfaced(image=image.clamp(0, 1), strength=image.new_zeros(len(image)))
    if settings.exact:
        exact = project_exactly(image, problem.target, problem.degradation)
        return Surfaced(image=exact, strength=(exact - untouched.image).square().mean((1, 2, 3)).sqrt())
    if settings.method == "classic" or not problem.degradation.is_linear:
        return untouched
    return close_gap(image, problem.target, problem.degradation, eps=_eps(problem, settings))


def _faces(
    found: SearchResult, finished: Surfaced, problem: SearchProblem, settings: UpscaleSettings, seconds: float
) -> Iterator[UpscaledFace]:
    # The verdict is on what is written.
    images = finished.image
    downscaled = problem.degradation(images)
    errors = [error.item() for error in mean_squared_error(downscaled, problem.target)]
    eps = _eps(problem, settings)
    for i, seed in enumerate(problem.seeds):
        yield UpscaledFace(
            image=images[i : i + 1].cpu(),
            downscaled=downscaled[i : i + 1].cpu(),
            ws=found.ws[i : i + 1].cpu(),
            status="converged" if errors[i] <= eps else "not-converged",
            downscale_mse=errors[i],
            eps=eps,
            steps=found.steps,
            full_evaluations=found.full_evaluations,
            surface=finished.strength[i].item(),
            seconds=seconds,
            seed=seed,
            generator=problem.generator.name,
            method=settings.method,
        )


def _eps(problem: SearchProblem, settings: UpscaleSettings) -> float:
    return reachable_eps(settings.eps, problem) if settings.method == "fast" else settings.eps


def _degradation(settings: UpscaleSettings, *, factor: int) -> Degradation:
    if settings.kernel is not None:
        return CustomKernel(load_kernel(settings.kernel), factor)
    return parse_degradation(settings.degradation, factor=factor)
