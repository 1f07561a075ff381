"""Makes a study: copies the pictures under names that tell nothing, and plans what each rater sees."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import ceil
from pathlib import Path

import numpy as np
from numpy.random import Generator
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError, file_errors
from photopulse.images import read_image, write_image
from photopulse.runs.watcher import Watcher
from photopulse.study.order import balanced, ordered
from photopulse.study.plan import ORIGINAL, PICTURES, PLAN_NAME, Picture, Study, Trial, make_plan, write_plan
from photopulse.study.settings import MOST_TRIALS, StudySettings
from photopulse.study.sources import Sources, find_sources
from photopulse.study.texts import CONSENT, EXAMPLES, INSTRUCTIONS

_RIGHT_OF_WORST = (1, 2)
"""Ratings that are right for a picture of the worst method; its mean in the paper was 1.01."""


def make_study(folder: Path, output: Path, settings: StudySettings, watcher: Watcher | None = None) -> Study:
    """Makes a study of the pictures in ``folder`` and writes it into the new folder ``output``.

    Faces that serve as examples or gold questions are not rated. Pictures are copied without metadata.

    Args:
        folder: output folder of ``evaluate``, or a folder with a subfolder for each method.
        output: folder for the study.
        settings: settings of the study.
        watcher: receives reports of progress; none are made if None.

    Raises:
        PhotopulseError: if there is a study already, pictures cannot be read, or there are too few faces.
    """
    watcher = watcher or Watcher()
    what, fix = f"cannot write {output}", "choose a new folder with -o"
    with file_errors(what, fix=fix):
        if (output / PLAN_NAME).exists():
            raise PhotopulseError(what, why="there is a study already", fix=fix)
    # Which faces are rated, and which are examples or gold questions.
    rated = _rated(folder, settings)
    sources = _sources(folder, settings, rated)
    if sources.left_out:
        watcher.note(f"{sources.left_out} faces are left out: not every method has them")
    random = np.random.default_rng(settings.seed)
    content = _contents(sources, settings, rated, random)
    # What each rater sees, then the pictures.
    seats = _seats(content, settings, random)
    size = _copy(content.pictures, sources, output / PICTURES, watcher)
    study = make_plan(
        kind=settings.kind,
        title=settings.title,
        instructions=settings.instructions or INSTRUCTIONS[settings.kind] + (EXAMPLES if content.examples else ""),
        consent=settings.consent or CONSENT,
        size=size,
        seed=settings.seed,
        methods=tuple(rated),
        pictures=content.pictures,
        seats=seats,
    )
    write_plan(output, study)
    return study


def _rated(folder: Path, settings: StudySettings) -> list[str]:
    """Returns the methods that are rated; the originals are among them unless only results are compared."""
    found = list(find_sources(folder, settings, settings.methods or None).files)
    if settings.kind == "pairs":
        rated = found if settings.methods else [method for method in found if method != ORIGINAL]
    else:
        rated = [ORIGINAL, *(method for method in found if method != ORIGINAL)]
    if len(rated) < 2:
        raise PhotopulseError(f"cannot make a study of {folder}", why="it takes two methods", fix="name more methods")
    return rated


def _sources(folder: Path, settings: StudySettings, rated: Sequence[str]) -> Sources:
    """Finds the pictures of the rated methods, and those that examples and gold questions need."""
    needed = (ORIGINAL, settings.worst) if settings.held_out else ()
    try:
        return find_sources(folder, settings, list(dict.fromkeys([*rated, *needed])))
    except PhotopulseError as error:
        if not needed:
            raise
        fix = "name a bad method with --worst, or leave examples and gold questions out with --training 0 --gold 0"
        raise PhotopulseError(error.what, why=error.why, fix=fix) from error


@dataclass(frozen=True, kw_only=True)
class _Content:
    """The pictures of a study by what they are for.

    Attributes:
        pictures: all of them.
        items: what is rated: one picture, or two of one face.
        gold: questions whose answer is known.
        examples: training.
    """

    pictures: tuple[Picture, ...]
    items: tuple[tuple[Picture, ...], ...]
    gold: tuple[Trial, ...]
    examples: tuple[Trial, ...]


def _contents(sources: Sources, settings: StudySettings, rated: Sequence[str], random: Generator) -> _Content:
    # Draw the faces.
    faces: list[str] = random.permutation(sources.faces).tolist()
    held, faces = faces[: settings.held_out], faces[settings.held_out :][: settings.faces]
    if len(faces) < 2:
        raise PhotopulseError(
            "cannot make the study",
            why=f"there are {len(sources.faces)} faces, and {settings.held_out} of them are examples or gold questions",
            fix="give more faces, or choose fewer with --training and --gold",
        )
    # Number the pictures in random order, so that their names tell nothing.
    shown = [(face, method) for face in faces for method in rated]
    shown += [(face, method) for face in held for method in (ORIGINAL, settings.worst)]
    names = {pair: f"{number:05d}" for number, pair in zip(random.permutation(len(shown)).tolist(), shown, strict=True)}
    of = {pair: Picture(id=name, face=pair[0], method=pair[1]) for pair, name in names.items()}
    # Put together what is shown.
    pairs = {"mos": [(one,) for one in rated], "real": [(ORIGINAL, one) for one in rated if one != ORIGINAL]}
    sets = pairs.get(settings.kind) or list(combinations(rated, 2))
    gold, training = held[: settings.gold], held[settings.gold :]
    return _Content(
        pictures=tuple(sorted(of.values(), key=lambda picture: picture.id)),
        items=tuple(tuple(of[face, method] for method in methods) for face in faces for methods in sets),
        gold=tuple(
            Trial(role="gold", pictures=(of[face, settings.worst].id,), right=_RIGHT_OF_WORST)
            if settings.kind == "mos"
            else Trial(role="gold", pictures=(of[face, ORIGINAL].id, of[face, settings.worst].id), right=(1,))
            for face in gold
        ),
        examples=tuple(
            Trial(role="training", pictures=(of[face, method].id,), right=(value,))
            for method, value in ((settings.worst, 1), (ORIGINAL, 5))
            for face in training
        ),
    )


def _seats(content: _Content, settings: StudySettings, random: Generator) -> tuple[tuple[Trial, ...], ...]:
    """Plans the trials of each rater."""
    face_of = {picture.id: picture.face for picture in content.pictures}

    longest = settings.trials or len(content.items)
    if longest > MOST_TRIALS:
        why = f"each rater would see {longest} pictures or pairs, more than {MOST_TRIALS}"
        raise PhotopulseError("cannot make the study", why=why, fix="choose fewer with --trials or --faces")

    def seat(items: Sequence[int]) -> tuple[Trial, ...]:
        trials = [Trial(role="rating", pictures=tuple(one.id for one in content.items[item])) for item in items]
        repeats = ceil(settings.repeats * len(trials))
        trials += content.gold
        order = ordered([face_of[one.pictures[0]] for one in trials], repeats, range(len(items)), random)
        # The second time is a repeat; sides are drawn anew.
        again = [place in order[:time] for time, place in enumerate(order)]
        shown = [replace(trials[p], role="repeat") if a else trials[p] for p, a in zip(order, again, strict=True)]
        return (*content.examples, *(_sided(trial, random) for trial in shown))

    return tuple(seat(items) for items in balanced(len(content.items), settings.ratings, settings.trials, random))


def _sided(trial: Trial, random: Generator) -> Trial:
    """Returns the trial with its two pictures on random sides."""
    if len(trial.pictures) < 2 or random.random() < 0.5:
        return trial
    return replace(trial, pictures=trial.pictures[::-1], right=tuple(3 - answer for answer in trial.right))


def _copy(pictures: Sequence[Picture], sources: Sources, folder: Path, watcher: Watcher) -> tuple[int, int] | None:
    """Copies the pictures, at one size for each face; returns their width and height, None if faces differ."""
    watcher.start("copying", len(pictures))
    sizes: dict[str, tuple[int, int]] = {}
    for done, picture in enumerate(pictures, start=1):
        path = sources.files[picture.method][picture.face]
        pixels = _at_side(read_image(path).pixels, sources.side, path)
        size = (pixels.shape[3], pixels.shape[2])
        if sizes.setdefault(picture.face, size) != size:
            had = "{} x {}".format(*sizes[picture.face])
            raise PhotopulseError(
                f"cannot use {path}",
                why=f"it has {size[0]} x {size[1]} px, and the same face has {had} px elsewhere",
                fix="give all methods the same size",
            )
        write_image(folder / f"{picture.id}.png", pixels)
        watcher.step(done, doing=picture.face)
    return next(iter(sizes.values())) if len(set(sizes.values())) == 1 else None


def _at_side(pixels: Tensor, side: int | None, path: Path) -> Tensor:
    """Downscales a square picture (1, 3, n, n) to ``side`` px as ``evaluate`` does before it measures."""
    if side is None:
        return pixels
    height, width = pixels.shape[2:]
    if height != width or height % side:
        why = f"it has {width} x {height} px, which cannot be made {side} x {side} px"
        raise PhotopulseError(f"cannot use {path}", why=why, fix="choose another --size")
    return Bicubic(height // side)(pixels).clamp(0, 1)
