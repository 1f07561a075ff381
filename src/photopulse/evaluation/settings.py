"""Settings of an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from photopulse.degrade import LEVELS, RECIPES, Corruptions, make_degradation, parse_corruptions
from photopulse.evaluation.measuring import SMALLEST_SIZE
from photopulse.evaluation.method import Enlarger, Method, MethodOptions
from photopulse.evaluation.methods import make_method, make_restorer
from photopulse.weights import DEFAULT_GENERATOR

RESTORERS = ("input", "bicubic", "realesrgan", "restore")
"""Default methods of an evaluation that restores photos."""
FACES_ONLY = ("corruptions", "degradation", "small", "sizes", "aligned", "generator", "curves")
"""Settings that have no effect on photos."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Settings of an evaluation.

    Attributes:
        methods: names of the methods, see ``make_method``, or ``make_restorer`` if photos are restored.
        restore: levels of damage (names of ``LEVELS``) at which photos are restored, one condition each; empty if small
            faces are enlarged. If it is not empty, the settings of ``FACES_ONLY`` must keep their defaults.
        corruptions: corruptions of the original before it is downscaled, one condition each: a name of ``RECIPES``, or
            a text for ``parse_corruptions``.
        degradation: name of the degradation that downscales faces.
        small: height and width of the small faces in px.
        sizes: heights and widths in px at which results are measured.
        aligned: whether the pictures are already aligned faces.
        seed: random seed of searches and, together with the picture's name, of corruptions.
        limits: pairs (method, number): the method gets only the first ``number`` pictures, e.g. because it is slow.
        generator: name or file of the generator of searches.
        device: device on which methods compute.
        curves: whether the courses of searches are recorded.
        perceptual: whether the perceptual distance, and KD and FD of sets, are measured, all with one network.
        identity: whether the similarity of identities is measured.
        faces: whether the face detector's confidence and the shift of the skin tone are measured; for photos, whether
            the face is measured by itself.
        lpips: ``.pth`` file of torchvision's AlexNet, for LPIPS; None leaves LPIPS out.
        workers: number of processes.
        resume: whether pictures that an earlier run with the same settings finished are kept.
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
        """Checks the settings, and raises ValueError or PhotopulseError if they are invalid."""
        # Checks that concern both kinds of evaluation come first.
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
        """Corruptions, parsed."""
        return tuple(parse_corruptions(RECIPES.get(text, text)) for text in self.corruptions)

    @property
    def finds_faces(self) -> bool:
        """Whether the pictures are searched for faces before anything else."""
        return self.faces if self.restore else not self.aligned

    def make_methods(self) -> Mapping[str, Method]:
        """Builds the methods, by name; they load at first use and share generators and networks."""
        return self.make_restorers() if self.restore else self.make_enlargers()

    def make_enlargers(self) -> dict[str, Enlarger]:
        """Builds the methods that enlarge faces, by name; all searches share one generator."""
        options = MethodOptions(
            generator=self.generator, degradation=self.degradation, device=self.device, curves=self.curves
        )
        return {text: make_method(text, options) for text in self.methods}

    def make_restorers(self) -> dict[str, Method]:
        """Builds the methods that restore photos, by name; those of photopulse share their networks."""
        options = MethodOptions(device=self.device)
        return {text: make_restorer(text, options) for text in self.methods}

    def limit(self, method: str) -> int | None:
        """Returns the number of pictures that a method gets; None for all."""
        return dict(self.limits).get(method)
