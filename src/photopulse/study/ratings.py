"""The answers of a study as arrays: raters, faces and methods are the axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photopulse.reporting.arrays import Floats
from photopulse.study.answers import Answer, RaterAnswers
from photopulse.study.plan import ORIGINAL, Study


@dataclass(frozen=True, kw_only=True, eq=False)
class Ratings:
    """The answers of a study, without training and gold; NaN where a rater did not see something.

    Attributes:
        methods: names of the methods, the last axis of the arrays.
        values: of a mos study, ratings (R, F, M); of the kind real, 1 where the result was taken for the photo, else 0
            (R, F, M), without the originals; of pairs, 1 where the first of two methods won against the second, 0 where
            it lost (R, F, M, M).
        again: the same for the second time that a trial was shown.
    """

    methods: tuple[str, ...]
    values: Floats
    again: Floats


def to_ratings(study: Study, raters: Sequence[RaterAnswers]) -> Ratings:
    """Returns the answers of raters as arrays, in their order; the faces are in the order of their names."""
    methods = tuple(method for method in study.methods if study.kind != "real" or method != ORIGINAL)
    faces = sorted({picture.face for picture in study.pictures})
    place_of_face = {face: place for place, face in enumerate(faces)}
    place_of_method = {method: place for place, method in enumerate(methods)}
    shape = (len(raters), len(faces), *(len(methods),) * (2 if study.kind == "pairs" else 1))
    arrays = {role: np.full(shape, np.nan) for role in ("rating", "repeat")}
    for number, rater in enumerate(raters):
        for answer in rater.answers:
            if answer.role not in arrays:
                continue
            shown = [study.by_id[picture] for picture in answer.pictures]
            array = arrays[answer.role][number, place_of_face[shown[0].face]]
            _fill(array, answer, [place_of_method.get(picture.method) for picture in shown], study)
    # Faces that were not rated are examples or gold questions.
    rated = ~np.isnan(arrays["rating"]).all(axis=tuple(axis for axis in range(len(shape)) if axis != 1))
    return Ratings(methods=methods, values=arrays["rating"][:, rated], again=arrays["repeat"][:, rated])


def _fill(array: Any, answer: Answer, shown: Sequence[int | None], study: Study) -> None:
    """Writes one answer into the array (M,) or (M, M) of its rater and face; ``shown`` has the places of methods."""
    chosen = shown[answer.answer - 1] if study.kind != "mos" else None
    if study.kind == "mos":
        array[shown[0]] = answer.answer
    elif study.kind == "real":
        result = next(place for place in shown if place is not None)
        array[result] = chosen == result
    else:
        first, second = shown
        array[first, second] = chosen == first
        array[second, first] = chosen == second
