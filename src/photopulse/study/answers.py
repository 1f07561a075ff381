"""The answers of a study: lines of `answers.jsonl`, appended as soon as they are given."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from photopulse.runs.fields import from_fields
from photopulse.runs.json_lines import append_lines, read_lines
from photopulse.study.plan import Role

ANSWERS_NAME = "answers.jsonl"


@dataclass(frozen=True, kw_only=True)
class Start:
    """A rater who agreed and began.

    Attributes:
        rater: id of the rater, from which the link of the rater cannot be found.
        seat: place of the rater's trials in the plan.
    """

    rater: str
    seat: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer.

    Attributes:
        rater: id of the rater.
        trial: place of the trial in the rater's order.
        role: why it was shown.
        pictures: ids of the pictures, as they were shown.
        answer: what was chosen.
        seconds: from when the pictures were seen until the answer.
        screen: width and height of the screen, e.g. ``1920x1080``, in CSS px.
        window: of the part of it that shows the page.
        zoom: device pixels for each pixel of the pictures.
        whole: whether the pictures were seen without scrolling.
    """

    rater: str
    trial: int
    role: Role
    pictures: tuple[str, ...]
    answer: int
    seconds: float
    screen: str = ""
    window: str = ""
    zoom: float = 1.0
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class RaterAnswers:
    """All answers of one rater.

    Attributes:
        rater: id of the rater.
        seat: place of the rater's trials in the plan.
        answers: in the order of trials, without gaps.
    """

    rater: str
    seat: int
    answers: list[Answer] = field(default_factory=list[Answer])


def append_answer(folder: Path, line: Start | Answer) -> None:
    """Appends a line; once this returns, it survives the end of the process.

    Raises:
        OSError: if it cannot be written.
    """
    append_lines(folder / ANSWERS_NAME, [asdict(line)])


def read_answers(folder: Path) -> list[RaterAnswers]:
    """Reads the answers of a study by rater, in the order in which raters began; damaged lines are skipped.

    Raises:
        PhotopulseError: if the file cannot be read.
    """
    raters: dict[str, RaterAnswers] = {}
    for line in read_lines(folder / ANSWERS_NAME):
        try:
            if "seat" in line:
                start = from_fields(Start, line)
                raters.setdefault(start.rater, RaterAnswers(rater=start.rater, seat=start.seat))
                continue
            answer = from_fields(Answer, line)
        except TypeError:
            continue
        rater = raters.get(answer.rater)
        if rater is not None and answer.trial == len(rater.answers):
            rater.answers.append(answer)
    return list(raters.values())
