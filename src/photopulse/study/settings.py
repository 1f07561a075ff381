"""How a study is made: what is shown, to how many people, in which order."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["mos", "pairs", "real"]
"""What a rater is asked: mos, to rate one picture from 1 to 5; pairs, which of two results of a face is better; real,
which of two pictures is the photo."""

MOST_TRIALS = 1000
"""Most pictures or pairs that one rater may be given."""

LEAST_SIZE = 16
"""Least height and width in px at which a face can be told from another."""

_MOST_RATINGS = 1000
_MOST_HELD_OUT = 1000


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """How a study is made.

    Attributes:
        kind: what raters are asked.
        methods: names of the methods' folders; all that there are if empty.
        condition: folder of the corruption or of the level of damage; needed only if there are several.
        size: height and width in px to which larger pictures of faces are downscaled, at least ``LEAST_SIZE``; None for
            the smallest of their sizes.
        faces: so many faces are rated at most; all if None.
        ratings: number of raters who see each picture, or each pair.
        trials: number of pictures, or of pairs, that one rater sees; all if None.
        repeats: share of them that a rater sees twice, to measure how well raters agree with themselves.
        training: number of examples of a 1, and of a 5, that are shown first in a mos study. The paper had 20.
        gold: number of questions whose answer is known, hidden among the others.
        worst: method whose pictures are the examples of a 1, and which nobody takes for the original in gold questions.
        seed: seed of all that is random; same pictures and settings, same study.
        title: heading of the page.
        instructions: text that raters read first; the one for the kind of study if None.
        consent: text that raters agree to; the default one if None.
    """

    kind: Kind = "mos"
    methods: tuple[str, ...] = ()
    condition: str | None = None
    size: int | None = None
    faces: int | None = None
    ratings: int = 24
    trials: int | None = None
    repeats: float = 0.05
    training: int = 5
    gold: int = 4
    worst: str = "nearest"
    seed: int = 0
    title: str = "Pictures of faces"
    instructions: str | None = None
    consent: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.ratings <= _MOST_RATINGS:
            raise ValueError(f"--ratings must be between 1 and {_MOST_RATINGS}")
        if not 0 <= self.repeats <= 0.3:
            raise ValueError("--repeats must be between 0 and 0.3: a third of the order lies between the two times")
        if not (0 <= self.training <= _MOST_HELD_OUT and 0 <= self.gold <= _MOST_HELD_OUT):
            raise ValueError(f"--training and --gold must be between 0 and {_MOST_HELD_OUT}")
        if any(number is not None and number < least for number, least in ((self.size, LEAST_SIZE), (self.faces, 2))):
            raise ValueError(f"--size must be at least {LEAST_SIZE}, and --faces at least 2")
        if self.trials is not None and not 1 <= self.trials <= MOST_TRIALS:
            raise ValueError(f"--trials must be between 1 and {MOST_TRIALS}")

    @property
    def held_out(self) -> int:
        """Number of faces that are not rated, because they are examples or gold questions."""
        return self.gold + (self.training if self.kind == "mos" else 0)
