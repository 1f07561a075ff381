"""Upscales a small face: searches for large faces that downscale to it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.degrade import CustomKernel, Degradation, load_kernel, parse_degradation
from photopulse.errors import PhotopulseError
from photopulse.generators.files.load import load_generator
from photopulse.generators.protocol import Generator
from photopulse.images import synthetic_metadata, write_image
from photopulse.images.given import ImageLike
from photopulse.provenance.marked import marked
from photopulse.provenance.payload import MarkChoice, payload_of
from photopulse.provenance.signing import Signature, seal_created
from photopulse.search.exact import project_exactly
from photopulse.search.fast import FastSettings, FirstAnswer, fast_search
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
    """Settings for upscaling one face.

    Attributes:
        degradation: degradation from which the input resulted, see ``parse_degradation``.
        kernel: file of a blur kernel that replaces the degradation; None for none.
        label: class index for a conditional generator; None for an unconditional one.
        method: search method: ``"fast"`` searches the generator's twins, ``"classic"`` is PULSE as published.
        fast: settings of the fast search.
        classic: settings of the classic search.
        exact: whether the final picture is corrected until it downscales to the input almost exactly.
        mark: ``"on"`` for an invisible mark in the result, which is added before the last corrections.
    """

    degradation: str = "bicubic"
    kernel: Path | None = None
    label: int | None = None
    method: Method = "fast"
    fast: FastSettings = field(default_factory=FastSettings)
    classic: PulseSettings = field(default_factory=PulseSettings)
    exact: bool = False
    mark: MarkChoice = "on"

    def __post_init__(self) -> None:
        parse_degradation(self.degradation, factor=1)
        if self.method not in get_args(Method):
            raise ValueError(f"unknown method {self.method!r}; choose one of {', '.join(get_args(Method))}")

    @property
    def eps(self) -> float:
        """Largest mean squared error of the downscaled image at which a search has converged."""
        return self.fast.eps if self.method == "fast" else self.classic.eps

    @property
    def most_steps(self) -> int:
        """Largest number of states that a search yields, not counting those that are only shown."""
        return self.fast.most_rounds if self.method == "fast" else self.classic.steps


@dataclass(frozen=True, kw_only=True, eq=False)
class UpscaledFace:
    """A synthetic face that downscales to the input, and the facts of its search.

    Attributes:
        image: the face, (1, 3, resolution, resolution) in [0, 1], on the CPU.
        downscaled: the degraded image, (1, 3, h, w), on the CPU, to be compared with the input.
        ws: styles of the face, (1, num_ws, w_dim), on the CPU.
        status: ``"converged"`` if ``downscale_mse`` is at most ``eps``, else ``"not-converged"``.
        downscale_mse: mean squared error between ``downscaled`` and the input, values in [0, 1].
        eps: largest ``downscale_mse`` that counts as converged.
        steps: number of steps of the search; of rounds, for the fast search.
        full_evaluations: number of full passes of the generator.
        surface: root mean square of the surface, the smooth correction that is added at the end, in [0, 1].
        seconds: duration of the search in seconds; that of a batch is divided by its size.
        seed: random seed of the start.
        generator: name of the generator.
        method: name of the search method.
        mark: payload of the invisible mark, see ``provenance.marked``; else ``"off"``, ``"too small"`` or
            ``"too faint"``.
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
    mark: str

    def save(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        signature: Signature | None = None,
        fingerprint: str = "",
    ) -> None:
        """Writes the picture in the format of the suffix, with metadata that mark it as synthetic, signed if wanted.

        Args:
            path: file to write.
            source: name of the input, for the metadata.
            signature: what signs the picture; None leaves it unsigned.
            fingerprint: ``weights_hash`` of the generator, for the credentials.
        """
        metadata = synthetic_metadata(
            generator=self.generator,
            seed=self.seed,
            version=version("photopulse"),
            method=self.method,
            source=source,
        )
        seal = None if signature is None else seal_created(signature, Path(path).name, {self.generator: fingerprint})
        write_image(Path(path), self.image, metadata=metadata, seal=seal)


def upscale(
    face: ImageLike,
    generator: Generator | SearchKit | None = None,
    *,
    count: int = 1,
    seed: int | Sequence[int] = 0,
    settings: UpscaleSettings | None = None,
    on_step: Callable[[SearchState], None] | None = None,
    batch_size: int = 1,
    first: FirstAnswer | None = None,
) -> list[UpscaledFace]:
    """Finds ``count`` different realistic faces that downscale to a small one, or to each of several.

    Args:
        face: a face of h x h px, where h divides the generator's size, as a path, bytes, an open file, a PIL image, an
            array or a tensor, see ``ImageLike``; or several faces as a tensor, (B, 3, h, h).
        generator: generator from ``load_generator``, or its ``SearchKit`` for many calls; the default one if None.
        count: number of results for each face; result k has the seed ``seed + k``, k from 0.
        seed: random seed of the first result: one for all faces, or one for each.
        settings: settings of the search; the defaults if None.
        on_step: called after each step of each search.
        batch_size: number of results that are searched at once, which pays on a GPU. With 1, a result has the same
            bytes whatever is searched before and after it, on one machine and with one number of threads; in a larger
            batch its last digits differ, and a search can amplify them.
        first: for a single face: an object that several calls for the same face share, so that the fast search of
            further results need not find the first one again. The results are the same without it.

    Returns:
        The first result of each face, then the second of each, and so on.

    Raises:
        PhotopulseError: if the picture cannot be read or has an unsuitable size, or the generator does not support the
            settings.
        ValueError: if given pixels have another shape, type or range than those of ``ImageLike``, or the number of
            seeds differs from that of the faces.
    """
    settings, given = settings or UpscaleSettings(), generator or load_generator()
    network = given.generator if isinstance(given, SearchKit) else given
    # Settings are checked before the Gaussian of a new generator is fitted, which takes seconds.
    check_settings(settings, network)
    targets = read_targets(face, resolution=network.resolution)
    kit = given if isinstance(given, SearchKit) else SearchKit.find(given, label=one_hot(settings.label, given))
    seeds = [seed] * len(targets) if isinstance(seed, int) else list(seed)
    if len(seeds) != len(targets) or (first is not None and len(targets) > 1):
        raise ValueError(f"{len(targets)} faces must be given as many seeds, and several faces share no first answer")
    # One result after the other, or batches of them.
    items = [(place, of_face + k) for k in range(count) for place, of_face in enumerate(seeds)]
    firsts = [first or FirstAnswer() for _ in targets]
    answers: list[UpscaledFace] = []
    for start in range(0, len(items), batch_size):
        batch = items[start : start + batch_size]
        places = [place for place, _ in batch]
        known = firsts[places[0]] if batch_size == 1 else None
        answers += _search(targets[places], kit, [of_item for _, of_item in batch], settings, on_step, known)
    return answers


def check_settings(settings: UpscaleSettings, generator: Generator) -> None:
    """Checks settings before the first search, and raises an error if every search of this generator would fail.

    Raises:
        PhotopulseError: if the generator lacks a class or noise layer, a kernel is unusable, or ``exact`` is asked for
            with a degradation that is random or not linear.
    """
    # Class, degradation, then noise layers.
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
    first: FirstAnswer | None,
) -> list[UpscaledFace]:
    """Searches all targets (B, 3, h, h) in one batch, one seed each, and returns the best face of each."""
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
            fast_search(problem, kit, settings.fast, first=first)
            if settings.method == "fast"
            else pulse_search(problem, settings.classic)
        )
        # Search to the end, then correct the picture.
        found = _last(_watched(states, on_step)).best
        image, marks = _marked(found.image, problem, settings)
        finished = _finish(image, problem, settings)
    seconds = (time.perf_counter() - started) / len(seeds)
    return list(_faces(found, finished, marks, problem, settings, seconds))


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


def _marked(image: Tensor, problem: SearchProblem, settings: UpscaleSettings) -> tuple[Tensor, list[str]]:
    """Clamps the pictures of a search to [0, 1] and marks them; returns them and what a report tells of each mark."""
    name = problem.generator.name
    pairs = [
        marked(one[None], payload_of("upscale", generator=name, seed=seed), settings.mark)
        for one, seed in zip(image.clamp(0, 1), problem.seeds, strict=True)
    ]
    return torch.cat([picture for picture, _ in pairs]), [told for _, told in pairs]


def _finish(image: Tensor, problem: SearchProblem, settings: UpscaleSettings) -> Surfaced:
    """Corrects the picture of a search, in [0, 1]: until its error is at most eps, or almost zero."""
    untouched = Surfaced(image=image, strength=image.new_zeros(len(image)))
    if settings.exact:
        exact = project_exactly(image, problem.target, problem.degradation)
        return Surfaced(image=exact, strength=(exact - untouched.image).square().mean((1, 2, 3)).sqrt())
    if settings.method == "classic" or not problem.degradation.is_linear:
        return untouched
    return close_gap(image, problem.target, problem.degradation, eps=_eps(problem, settings))


def _faces(
    found: SearchResult,
    finished: Surfaced,
    marks: Sequence[str],
    problem: SearchProblem,
    settings: UpscaleSettings,
    seconds: float,
) -> Iterator[UpscaledFace]:
    # Errors are measured on the final pictures, which are those that are written.
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
            mark=marks[i],
        )


def _eps(problem: SearchProblem, settings: UpscaleSettings) -> float:
    return reachable_eps(settings.eps, problem) if settings.method == "fast" else settings.eps


def _degradation(settings: UpscaleSettings, *, factor: int) -> Degradation:
    if settings.kernel is not None:
        return CustomKernel(load_kernel(settings.kernel), factor)
    return parse_degradation(settings.degradation, factor=factor)
