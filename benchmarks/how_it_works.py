"""The figures and the tables of docs/how-it-works.md: one face by both searches, eight answers, two optimisers.

    python benchmarks/how_it_works.py -o docs/images [--face examples/face_16.png] [--steps 100] [--numbers FILE]

All is measured in one process, one after the other, models loaded and warmed up before. Writes ``trajectory.jpg``,
``error_against_time.jpg`` and ``answers.jpg`` and prints the tables. With ``--numbers``, what was measured is kept in
FILE; where FILE is there already, nothing is measured anew.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from how_it_works_figures import CELL, draw_answers, draw_errors, draw_trajectory
from torch import Tensor

from photopulse import PulseSettings, UpscaleSettings, load_generator
from photopulse.degrade import Bicubic
from photopulse.generators.twin import Twin
from photopulse.metrics import diversity
from photopulse.search.fast import FastSettings
from photopulse.search.kit import SearchKit
from photopulse.search.lbfgs import BatchedLBFGS
from photopulse.search.prior import to_ws
from photopulse.search.problem import SearchState
from photopulse.upscaling.inputs import read_target
from photopulse.upscaling.upscale import upscale

ANSWERS = 8
EVALUATIONS = 40  # Of the first search of the twin, as in the fast search.
OFFSETS = 0.45  # Of the layers, as in the fast search.
Measured = dict[str, Any]


def main() -> None:
    """Parses the arguments, measures or reads what was measured, draws, prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the figures")
    parser.add_argument("--face", type=Path, default=Path(__file__).parents[1] / "examples" / "face_16.png")
    parser.add_argument("--steps", type=int, default=100, help="of the classic search")
    parser.add_argument("--numbers", type=Path)
    arguments = parser.parse_args()
    if arguments.numbers and arguments.numbers.exists():
        measured = torch.load(arguments.numbers, weights_only=True)
    else:
        measured = measure(arguments.face, arguments.steps)
        if arguments.numbers:
            torch.save(measured, arguments.numbers)
    draw_trajectory(measured, arguments.output / "trajectory.jpg")
    draw_errors(measured, arguments.output / "error_against_time.jpg")
    draw_answers(measured, arguments.output / "answers.jpg")
    print_tables(measured)


def measure(face: Path, steps: int) -> Measured:
    """Searches for several answers, then for one with each method, then the twin alone by two optimisers."""
    kit = SearchKit.find(load_generator())
    target = read_target(face, resolution=kit.generator.resolution)
    fast = UpscaleSettings()
    classic = UpscaleSettings(method="classic", classic=PulseSettings(steps=steps))
    upscale(target, kit, settings=UpscaleSettings(fast=FastSettings(quality="draft")))
    many = upscale(target, kit, count=ANSWERS, settings=fast)
    images = torch.cat([one.image for one in many])
    return {
        "generator": kit.generator.name,
        "target": target,
        "answers": F.interpolate(images, size=(CELL, CELL), mode="bicubic", antialias=True).clamp(0, 1),
        "answers_small": torch.cat([one.downscaled for one in many]).clamp(0, 1),
        "answers_seconds": sum(one.seconds for one in many),
        "answers_error": max(one.downscale_mse for one in many),
        "answers_surface": statistics.median(one.surface for one in many),
        "diversity": diversity(images),
        "fast": course(target, kit, fast),
        "classic": course(target, kit, classic),
        "optimisers": optimisers(target, kit),
    }


@dataclass(frozen=True)
class WatchedTwin:
    """A twin that shows each small picture that it renders."""

    twin: Twin
    show: Callable[[Tensor], None]

    @property
    def size(self) -> int:
        return self.twin.size

    def __call__(self, ws: Tensor) -> Tensor:
        picture = self.twin(ws)
        self.show(picture)
        return picture


@dataclass
class Course:
    """What a search saw and when.

    Kinds: "twin" (an evaluation), "full" (a full pass) and "again" (the twin at the same place, to compare).
    """

    down: Bicubic
    started: float = field(default_factory=time.perf_counter)
    kinds: list[str] = field(default_factory=list[str])
    seconds: list[float] = field(default_factory=list[float])
    errors: list[float] = field(default_factory=list[float])
    pictures: list[Tensor] = field(default_factory=list[Tensor])

    def on_twin(self, picture: Tensor) -> None:
        self._add("twin" if torch.is_grad_enabled() else "again", picture, float("nan"))

    def on_step(self, state: SearchState) -> None:
        self._add("full", self.down(state.image), state.best.downscale_mse.item())

    def _add(self, kind: str, picture: Tensor, error: float) -> None:
        self.kinds.append(kind)
        self.seconds.append(time.perf_counter() - self.started)
        self.errors.append(error)
        self.pictures.append(picture.detach().flatten().cpu().clone())


def course(target: Tensor, kit: SearchKit, settings: UpscaleSettings) -> Measured:
    """Searches and tells what it saw on the way: of full passes also the error of the best so far."""
    seen = Course(Bicubic(kit.generator.resolution // target.shape[-1]))
    twins = {twin.size: WatchedTwin(twin, seen.on_twin) for twin in kit.twins_for(target.shape[-1])}
    watched = SearchKit(generator=kit.generator, prior=kit.prior, _twins=cast("dict[int, Twin | None]", twins))
    seen.started = time.perf_counter()
    (face,) = upscale(target, watched, settings=settings, on_step=seen.on_step)
    return {
        "kinds": seen.kinds,
        "seconds": seen.seconds,
        "errors": seen.errors,
        "pictures": torch.stack(seen.pictures),
        "end": face.downscaled.flatten(),
        "end_seconds": face.seconds,
        "end_error": face.downscale_mse,
        "surface": face.surface,
    }


@torch.no_grad()
def optimisers(target: Tensor, kit: SearchKit) -> list[Measured]:
    """Searches the twin alone by L-BFGS, then by Adam until its error is as small, or in vain."""
    generator, twin = kit.generator, kit.twins_for(target.shape[-1])[-1]

    @torch.enable_grad()
    def objective(x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        values = x.view(1, 1 + generator.num_ws, generator.w_dim)
        ws = to_ws(values[:, :1] + OFFSETS * values[:, 1:], kit.prior, generator)
        error = (twin(ws) - target).square().mean((1, 2, 3))
        return error.detach(), torch.autograd.grad(error.sum(), x)[0]

    mean = torch.zeros(1, (1 + generator.num_ws) * generator.w_dim)
    solver = BatchedLBFGS(objective, mean, first_step=4.0)
    for _ in range(EVALUATIONS - 1):
        solver.step()
    rows = [told("L-BFGS", EVALUATIONS, solver.value, solver.x)]
    for rate in (0.02, 0.05, 0.1, 0.4):
        x, evaluations = mean.clone(), 1
        adam = torch.optim.Adam([x], lr=rate)
        error, x.grad = objective(x)
        while error > solver.value and evaluations < 5 * EVALUATIONS:
            adam.step()
            error, x.grad = objective(x)
            evaluations += 1
        rows.append(told(f"Adam, rate {rate}", evaluations, error, x))
    return rows


def told(how: str, evaluations: int, error: Tensor, x: Tensor) -> Measured:
    return {"how": how, "evaluations": evaluations, "error": error.item(), "distance": x.norm().item()}


def print_tables(measured: Measured) -> None:
    """Prints what was measured as Markdown."""
    fast, classic = measured["fast"], measured["classic"]
    (*_, best) = (error for kind, error in zip(fast["kinds"], fast["errors"], strict=True) if kind == "full")
    many = measured["answers_seconds"]
    lines = {
        "fast: seconds": f"{fast['end_seconds']:.2f}",
        "fast: evaluations of the twin, full passes": f"{fast['kinds'].count('twin')}, {fast['kinds'].count('full')}",
        "fast: seconds per evaluation, forward and backward": f"{gap(fast, 'twin', 'twin'):.3f}",
        "fast: seconds of a full pass, forward only": f"{gap(fast, 'twin', 'full'):.2f}",
        "fast: error before and after the surface": f"{best:.2e}, {fast['end_error']:.2e}",
        "fast: strength of the surface, grey levels of 255": f"{255 * fast['surface']:.1f}",
        "classic: seconds": f"{classic['end_seconds']:.1f}",
        "classic: seconds of a step, forward and backward": f"{gap(classic, 'full', 'full'):.2f}",
        "classic: error": f"{classic['end_error']:.2e}",
        f"{ANSWERS} answers: seconds, times one": f"{many:.1f}, {many / fast['end_seconds']:.1f}",
        f"{ANSWERS} answers: largest error": f"{measured['answers_error']:.2e}",
        f"{ANSWERS} answers: median strength of the surface, grey levels": f"{255 * measured['answers_surface']:.1f}",
        f"{ANSWERS} answers: diversity, grey levels": f"{measured['diversity']:.1f}",
    }
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n\n| | |\n| --- | --- |")
    print("\n".join(f"| {name} | {value} |" for name, value in lines.items()))
    print("\n| the twin alone | evaluations | its error | distance from the mean face |\n| --- | --- | --- | --- |")
    for row in measured["optimisers"]:
        print(f"| {row['how']} | {row['evaluations']} | {row['error']:.1e} | {row['distance']:.0f} |")


def gap(course: Measured, before: str, after: str) -> float:
    """The median of the seconds from an event of one kind to one of another that follows at once."""
    kinds, seconds = course["kinds"], course["seconds"]
    return statistics.median(
        seconds[k + 1] - seconds[k] for k in range(len(kinds) - 1) if (kinds[k], kinds[k + 1]) == (before, after)
    )


if __name__ == "__main__":
    main()
