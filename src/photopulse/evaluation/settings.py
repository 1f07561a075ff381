"""How methods are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from photopulse.degrade import LEVELS, RECIPES, Corruptions, make_degradation, parse_corruptions
from photopulse.evaluation.measuring import SMALLEST_SIZE
from photopulse.evaluation.method import Enlarger, Method, MethodOptions
from photopulse.evaluation.methods import make_method, make_restorer
from photopulse.weights import DEFAULT_GENERATOR

RESTORERS = ("input", "bicubic", "realesrgan", "restore")
"""The methods that are compared in restoring where nobody says which."""
FACES_ONLY = ("corruptions", "degradation", "small", "sizes", "aligned", "generator", "curves")
"""Settings that say nothing about photos."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """How methods are compared.

    Attributes:
        methods: see ``make_method``, and ``make_restorer`` where photos are restored.
        restore: levels of damage (names of ``LEVELS``) at which photos are to be restored, one condition each; empty
            to enlarge small faces. The settings of ``FACES_ONLY`` then stay as they are.
        corruptions: of the sharp face before it is made small, one condition each: a name of ``RECIPES`` or what
            ``parse_corruptions`` reads.
        degradation: name of the operator that makes faces small.
        small: height and width of the small faces.
        sizes: heights and widths at which results are measured.
        aligned: the pictures are aligned faces already.
        seed: of searches; with the picture's name, of corruptions.
        limits: (method, number): a slow method works on the first so many pictures only.
        generator: name or file, for searches.
        device: where methods compute.
        curves: record how searches go on.
        perceptual: measure the perceptual distance, and KD and FD of the sets, with the same network.
        identity: measure the likeness of the person.
        faces: measure how sure the face detector is of a face, and how the tone of its skin shifted; of photos, measure
            the face by itself.
        lpips: torchvision's AlexNet, a ``.pth`` file, to measure LPIPS with; None leaves it out.
        workers: processes.
        resume: keep what an earlier run with the same settings finished.
    """

    methods: tuple[str, ...] = ("nearest", "bicubic", "pulse")
    restore: tuple[str, ...] = ()
    corruptions: tuple[str, ...] = ("clean",)
    degradation: str = "bicubic"
    small: int = 16
    sizes: tuple[int, ...] = (128, 1024)
    aligned: bool = False
    seed: int = 0
    limits: tuple[tuple[str, int], ...] = ()
    generator: str = DEFAULT_GENERATOR
    device: str = "cpu"
    curves: bool = False
    perceptual: bool = True
    identity: bool = True
    faces: bool = True
    lpips: Path | None = None
    workers: int = 1
    resume: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError or PhotopulseError for what cannot be evaluated."""
        make = make_restorer if self.restore else make_method
        names = [make(text).name for text in self.methods]
        if not (names and self.corruptions and self.sizes) or self.workers < 1 or self.small < 1:
            raise ValueError("an evaluation needs a method, a corruption, a size, small faces and a worker")
        for values in (names, self.restore, [condition.name for condition in self.conditions], self.sizes):
            if len(set(values)) < len(values):
                raise ValueError(f"one of {', '.join(map(str, values))} is there twice")
        for method, number in self.limits:
            if method not in self.methods or number < 1:
                raise ValueError(f"the limit {method}={number} is for none of the methods, or below 1")
        if self.restore:
            self._check_restoring()
        else:
            self._check_enlarging()

    def _check_restoring(self) -> None:
        unknown = [level for level in self.restore if level not in LEVELS]
        if unknown:
            raise ValueError(f"there is no level of damage {unknown[0]!r}; choose one of {', '.join(LEVELS)}")
        defaults = {field.name: field.default for field in fields(self)}
        said = [name for name in FACES_ONLY if getattr(self, name) != defaults[name]]
        if said:
            raise ValueError(f"{', '.join(said)} says nothing about photos that are restored: leave it out")

    def _check_enlarging(self) -> None:
        make_degradation(self.degradation, factor=1)
        for size in self.sizes:
            if size < self.small or size % self.small:
                raise ValueError(f"results of {size} px cannot be compared with inputs of {self.small} px")
            if size < SMALLEST_SIZE:
                raise ValueError(f"results of {size} px cannot be measured; that needs at least {SMALLEST_SIZE} px")

    @property
    def conditions(self) -> tuple[Corruptions, ...]:
        """The corruptions, read."""
        return tuple(parse_corruptions(RECIPES.get(text, text)) for text in self.corruptions)

    @property
    def finds_faces(self) -> bool:
        """Whether the pictures are searched for faces before anything else."""
        return self.faces if self.restore else not self.aligned

    def make_methods(self) -> Mapping[str, Method]:
        """Builds the methods by their texts; they load at first use, and share what they can."""
        return self.make_restorers() if self.restore else self.make_enlargers()

    def make_enlargers(self) -> dict[str, Enlarger]:
        """Builds those that enlarge faces; all searches share one generator."""
        options = MethodOptions(
            generator=self.generator, degradation=self.degradation, device=self.device, curves=self.curves
        )
        return {text: make_method(text, options) for text in self.methods}

    def make_restorers(self) -> dict[str, Method]:
        """Builds those that restore photos; all of photopulse's share their networks."""
        options = MethodOptions(device=self.device)
        return {text: make_restorer(text, options) for text in self.methods}

    def limit(self, method: str) -> int | None:
        """Returns how many pictures a method works on; None for all."""
        return dict(self.limits).get(method)
