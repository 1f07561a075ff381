"""Which method works on which small face, and where its picture goes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from photopulse.degrade import folder_name
from photopulse.evaluation.inputs import Subject
from photopulse.evaluation.job import Job
from photopulse.evaluation.method import Method
from photopulse.evaluation.ordering import ORIGINAL
from photopulse.evaluation.settings import EvaluateSettings


def plan_jobs(
    subjects: Sequence[Subject], folder: Path, settings: EvaluateSettings, methods: Mapping[str, Method]
) -> tuple[list[Job], list[str]]:
    """Lists the jobs, whose pictures go to ``folder/<condition>/<method>/<side>/<stem>.png``, and what is left out.

    The sharp face itself comes first, then method by method, so that the methods named first are compared soon.

    Raises:
        PhotopulseError: if the generator of a search cannot be loaded.
    """
    jobs = list(_jobs(ORIGINAL, {ORIGINAL: settings.sizes}, subjects, folder, settings))
    notes: list[str] = []
    for text, method in methods.items():
        sides = _sides(method, settings)
        left_out = [size for size in settings.sizes if not any(size in sizes for sizes in sides.values())]
        if left_out:
            words = " and ".join(map(str, left_out))
            notes.append(f"{text} is left out at {words} px: it does not enlarge {settings.small} px to that")
        places = {f"{text.replace(':', '-')}/{side}": sizes for side, sizes in sides.items()}
        jobs += _jobs(text, places, subjects, folder, settings)
    return jobs, notes


def _sides(method: Method, settings: EvaluateSettings) -> dict[int, tuple[int, ...]]:
    """The sides of the pictures that a method must make, with the sizes that each is measured at."""
    sides: dict[int, tuple[int, ...]] = {}
    for size in settings.sizes:
        native = method.native_size(settings.small, size)
        if native is not None:
            sides[native] = (*sides.get(native, ()), size)
    return sides


def _jobs(
    method: str,
    places: Mapping[str, tuple[int, ...]],
    subjects: Sequence[Subject],
    folder: Path,
    settings: EvaluateSettings,
) -> Iterator[Job]:
    """The jobs of a method, whose pictures go to the places below each condition, with the sizes to measure at."""
    for condition in settings.conditions:
        for place, sizes in places.items():
            for subject in subjects[: settings.limit(method)]:
                yield Job(
                    image=subject.image,
                    condition=condition.name,
                    method=method,
                    sizes=sizes,
                    sharp=subject.sharp,
                    small=subject.smalls[condition.name],
                    output=folder / folder_name(condition) / place / f"{subject.image}.png",
                )
