"""The answers of a study: lines of `answers.jsonl`, appended as soon as they are given."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from photopulse.runs.fields import from_fields
from photopulse.runs.json_lines import append_lines, read_lines
from photopulse.study.plan import Role, Study

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
class Seen:
    """How the pictures of a trial were seen.

    Attributes:
        seconds: from when they were seen until the answer.
        screen: width and height of the screen, e.g. ``1920x1080``, in CSS px.
        window: of the part of it that shows the page.
        zoom: device pixels for each pixel of the pictures.
        whole: whether they were seen without scrolling.
    """

    seconds: float
    screen: str
    window: str
    zoom: float
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer.

    Attributes:
        rater: id of the rater.
        trial: place of the trial in the rater's order.
        role: why it was shown.
        pictures: ids of the pictures, as they were shown.
        answer: what was chosen.
        seen: how they were seen.
    """

    rater: str
    trial: int
    role: Role
    pictures: tuple[str, ...]
    answer: int
    seen: Seen


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


def read_answers(folder: Path, study: Study) -> list[RaterAnswers]:
    """Reads the answers of a study by rater, in the order in which raters began.

    Lines that are damaged or do not fit the plan are skipped.

    Raises:
        PhotopulseError: if the file cannot be read.
    """
    raters: dict[str, RaterAnswers] = {}
    for line in read_lines(folder / ANSWERS_NAME):
        try:
            if "seat" in line:
                start = from_fields(Start, line)
                if 0 <= start.seat < len(study.seats):
                    raters.setdefault(start.rater, RaterAnswers(rater=start.rater, seat=start.seat))
                continue
            answer = from_fields(Answer, line)
        except TypeError:
            continue
        rater = raters.get(answer.rater)
        if rater is not None and _fits(answer, rater, study):
            rater.answers.append(answer)
    return list(raters.values())


def _fits(answer: Answer, rater: RaterAnswers, study: Study) -> bool:
    """Says whether an answer is that to the rater's next trial, and a possible one."""
    trials = study.seats[rater.seat]
    if answer.trial != len(rater.answers) or answer.trial >= len(trials) or answer.answer not in study.answers:
        return False
    trial = trials[answer.trial]
    return (answer.role, answer.pictures) == (trial.role, trial.pictures)
