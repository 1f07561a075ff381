"""The API of a study: begin, see the next pictures, answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from fastapi.responses import FileResponse

from photopulse.study.answers import RaterAnswers, Seen
from photopulse.study.plan import Trial
from photopulse.study.sessions import Sessions
from photopulse.study.settings import Kind
from photopulse.web.refusals import RefusedError
from photopulse.web.views import API

_SIZE = r"^\d{1,5}x\d{1,5}$"
_MOST_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class StudyView:
    """What a study is.

    Attributes:
        kind: what raters are asked.
        title: heading of the page.
        instructions: text that raters read first.
        consent: text that raters agree to.
    """

    kind: Kind
    title: str
    instructions: str
    consent: str


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """What a rater sees at a time; it does not say what is right, nor whether it was shown before.

    Attributes:
        number: place in the rater's order.
        pictures: addresses of one picture, or of the left and the right one.
        example: the answer of which the picture is an example; None if the rater is to choose.
    """

    number: int
    pictures: Sequence[str]
    example: int | None


@dataclass(frozen=True, kw_only=True)
class RaterView:
    """How far a rater is.

    Attributes:
        rater: secret of the rater's link.
        total: number of trials.
        answers: all answers that can be given.
        trial: what the rater sees now; None at the end.
        following: what comes next, so that its pictures can be loaded before.
    """

    rater: str
    total: int
    answers: Sequence[int]
    trial: TrialView | None
    following: TrialView | None


def make_study_api(sessions: Sessions) -> APIRouter:
    """Returns the routes of a study."""
    router = APIRouter()
    study = sessions.study

    def find(token: str) -> RaterAnswers:
        rater = sessions.find(token)
        if rater is None:
            raise RefusedError(404, "cannot go on", why="this link belongs to no one", fix="begin anew")
        return rater

    def view(token: str) -> RaterView:
        rater = find(token)
        trials, done = sessions.trials(rater), len(rater.answers)
        return RaterView(
            rater=token,
            total=len(trials),
            answers=study.answers,
            trial=_trial(token, trials, done),
            following=_trial(token, trials, done + 1),
        )

    @router.get(f"{API}/study")
    def what() -> StudyView:
        """Tells what the study is."""
        return StudyView(kind=study.kind, title=study.title, instructions=study.instructions, consent=study.consent)

    @router.post(f"{API}/raters", status_code=201)
    def begin(agree: Annotated[Literal["true"], Form(description="To the text of consent.")]) -> RaterView:  # noqa: ARG001
        """Begins the session of a new rater, who agrees to the text of consent."""
        return view(sessions.start())

    @router.get(f"{API}/raters/{{token}}")
    def rater(token: str) -> RaterView:
        """Tells how far a rater is."""
        return view(token)

    @router.post(f"{API}/raters/{{token}}/answers")
    def answer(
        token: str,
        trial: Annotated[int, Form(ge=0, description="Number of the trial.")],
        answer: Annotated[int, Form(description="What was chosen.")],
        seconds: Annotated[float, Form(ge=0, le=_MOST_SECONDS, description="It took.")],
        screen: Annotated[str, Form(pattern=_SIZE, description="Of the screen, e.g. 1920x1080, in CSS px.")],
        window: Annotated[str, Form(pattern=_SIZE, description="Of the part of it that shows the page.")],
        zoom: Annotated[float, Form(gt=0, le=100, description="Device pixels for each pixel of the picture.")],
        whole: Annotated[bool, Form(description="Whether the pictures were seen without scrolling.")],
    ) -> RaterView:
        """Records an answer, and tells what comes next. Once this responds, the answer is in the file."""
        seen = Seen(seconds=seconds, screen=screen, window=window, zoom=zoom, whole=whole)
        try:
            sessions.answer(find(token), trial, answer, seen)
        except ValueError as error:
            raise RefusedError(409, "cannot take this answer", why=str(error), fix="load the page again") from error
        return view(token)

    @router.get(f"{API}/raters/{{token}}/trials/{{number}}/{{place}}", response_class=FileResponse)
    def picture(token: str, number: int, place: int) -> FileResponse:
        """Returns a picture of a trial, as PNG."""
        path = sessions.picture(find(token), number, place)
        if path is None or not path.is_file():
            raise RefusedError(404, "cannot show it", why="it is not its turn", fix="load the page again")
        return FileResponse(path, media_type="image/png")

    return router


def _trial(token: str, trials: Sequence[Trial], number: int) -> TrialView | None:
    """Returns a trial as its rater may see it; None after the last."""
    if number >= len(trials):
        return None
    trial = trials[number]
    return TrialView(
        number=number,
        pictures=[f"{API}/raters/{token}/trials/{number}/{place}" for place in range(len(trial.pictures))],
        example=trial.right[0] if trial.role == "training" else None,
    )
