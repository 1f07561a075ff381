"""The pictures of an evaluation as the lines of its sheets."""

from collections.abc import Sequence

from torch import Tensor

from photopulse.degrade import Corruptions, make_degradation
from photopulse.evaluation.inputs import corrupted
from photopulse.evaluation.job import Job
from photopulse.evaluation.measuring import at_size
from photopulse.evaluation.ordering import ORIGINAL
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.images import read_image
from photopulse.reporting.strips import Strip

_INPUT, _CORRUPTED = "input", "corrupted"


class Album:
    """Finds the pictures of one size by condition, method and image.

    Args:
        jobs: of that size, those that did not fail.
        size: at which the pictures are shown.
        settings: of the evaluation.
    """

    def __init__(self, jobs: Sequence[Job], size: int, settings: EvaluateSettings) -> None:
        self.size = size
        self._jobs = {(job.condition, job.method, job.image): job for job in jobs}
        self._settings = settings
        methods = list(dict.fromkeys(job.method for job in jobs if job.method != ORIGINAL))
        self.face_columns = [ORIGINAL, _INPUT, *methods]
        self.robustness_columns = [_CORRUPTED, _INPUT, *methods, ORIGINAL]

    def face(self, image: str, condition: Corruptions) -> Strip:
        """Lines up the face, its input and the results, with what they downscale to below; all at one size."""
        return self._strip(self.face_columns, image, condition, whole=())

    def robustness(self, image: str, condition: Corruptions) -> Strip:
        """Lines up the corrupted face, the input that it became, the results and the face as it was (PULSE, Fig. 6).

        The first and the last stay in full size: the smaller a picture is made, the less of the corruption is left.
        """
        whole = (_CORRUPTED, ORIGINAL)
        return self._strip(self.robustness_columns, image, condition, whole=whole, label=condition.name)

    def _strip(
        self, columns: Sequence[str], image: str, condition: Corruptions, *, whole: Sequence[str], label: str = ""
    ) -> Strip:
        pictures: list[Tensor | None] = []
        below: list[Tensor | None] = []
        for column in columns:
            picture = self._picture(column, image, condition)
            as_it_is = column in (_INPUT, *whole)
            is_input = column in (_INPUT, _CORRUPTED)  # What the corrupted face downscales to is the input.
            pictures.append(picture if picture is None or as_it_is else at_size(picture, self.size))
            below.append(None if picture is None or is_input else self._downscaled(picture))
        return Strip(pictures=pictures, below=below, label=label)

    def _picture(self, column: str, image: str, condition: Corruptions) -> Tensor | None:
        """A picture in full size; None where there is none."""
        method = ORIGINAL if column in {_INPUT, _CORRUPTED} else column
        job = self._jobs.get((condition.name, method, image))
        if job is None:
            return None
        if column == _CORRUPTED:
            return corrupted(job.sharp, condition, self._settings.seed)
        return read_image(job.small if column == _INPUT else job.picture).pixels

    def _downscaled(self, picture: Tensor) -> Tensor:
        factor = picture.shape[-1] // self._settings.small
        return make_degradation(self._settings.degradation, factor=factor)(picture).clamp(0, 1)
