"""How methods are compared."""

from dataclasses import dataclass
from pathlib import Path

from photopulse.degrade import RECIPES, Corruptions, make_degradation, parse_corruptions
from photopulse.evaluation.measuring import SMALLEST_SIZE
from photopulse.evaluation.method import Method, MethodOptions
from photopulse.evaluation.methods import make_method
from photopulse.weights import DEFAULT_GENERATOR


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """How methods are compared.

    Attributes:
        methods: see ``make_method``.
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
        faces: measure how sure the face detector is of a face, and how the tone of its skin shifted.
        lpips: torchvision's AlexNet, a ``.pth`` file, to measure LPIPS with; None leaves it out.
        workers: processes.
        resume: keep what an earlier run with the same settings finished.
    """

    methods: tuple[str, ...] = ("nearest", "bicubic", "pulse")
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
        names = [make_method(text).name for text in self.methods]
        if not (names and self.corruptions and self.sizes) or self.workers < 1 or self.small < 1:
            raise ValueError("an evaluation needs a method, a corruption, a size, small faces and a worker")
        for values in (names, [condition.name for condition in self.conditions], self.sizes):
            if len(set(values)) < len(values):
                raise ValueError(f"one of {', '.join(map(str, values))} is there twice")
        make_degradation(self.degradation, factor=1)
        for size in self.sizes:
            if size < self.small or size % self.small:
                raise ValueError(f"results of {size} px cannot be compared with inputs of {self.small} px")
            if size < SMALLEST_SIZE:
                raise ValueError(f"results of {size} px cannot be measured; that needs at least {SMALLEST_SIZE} px")
        for method, number in self.limits:
            if method not in self.methods or number < 1:
                raise ValueError(f"the limit {method}={number} is for none of the methods, or below 1")

    @property
    def conditions(self) -> tuple[Corruptions, ...]:
        """The corruptions, read."""
        return tuple(parse_corruptions(RECIPES.get(text, text)) for text in self.corruptions)

    def make_methods(self) -> dict[str, Method]:
        """Builds the methods by their texts; they load at first use, and all searches share one generator."""
        options = MethodOptions(
            generator=self.generator, degradation=self.degradation, device=self.device, curves=self.curves
        )
        return {text: make_method(text, options) for text in self.methods}

    def limit(self, method: str) -> int | None:
        """Returns how many pictures a method works on; None for all."""
        return dict(self.limits).get(method)
