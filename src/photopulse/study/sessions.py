"""The raters of a study that is served: who began, how far each is, and what each sees next."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from photopulse.errors import PhotopulseError, file_errors, system_reason
from photopulse.study.answers import Answer, RaterAnswers, Seen, Start, append_answer, read_answers
from photopulse.study.plan import PICTURES, Trial, read_plan

_MOST_RATERS = 5000
_LOCK = ".serve.lock"


class Sessions:
    """The raters of a study; thread-safe. What it returns as done is in ``answers.jsonl``.

    Attributes:
        study: the plan.

    Args:
        folder: folder of the study.

    Raises:
        PhotopulseError: if it is no study, its answers cannot be read, or another server has it open.
    """

    def __init__(self, folder: Path) -> None:
        self.study = read_plan(folder)
        self._folder = folder
        # Two servers would not know of each other's raters.
        self._lock = FileLock(folder / _LOCK, thread_local=False)
        what = f"cannot serve {folder}"
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise PhotopulseError(what, why="another server has it open", fix="end that one first") from error
        except OSError as error:
            fix = "choose a folder that can be written to"
            raise PhotopulseError(what, why=system_reason(error), fix=fix) from error
        self._raters = {rater.rater: rater for rater in read_answers(folder, self.study)}
        self._writing = Lock()

    def close(self) -> None:
        """Lets other servers have the study."""
        self._lock.release()

    def start(self) -> str:
        """Begins the session of a new rater, on the seat that the fewest raters have; returns the secret of its link.

        Raises:
            PhotopulseError: if there are too many raters, or the answers cannot be written.
        """
        token = secrets.token_urlsafe(18)
        with self._writing:
            if len(self._raters) >= _MOST_RATERS:
                raise PhotopulseError(
                    "cannot begin", why=f"{_MOST_RATERS} people have begun", fix="tell those who run the study"
                )
            taken = Counter(rater.seat for rater in self._raters.values())
            seat = min(range(len(self.study.seats)), key=lambda seat: taken[seat])
            self._append(Start(rater=rater_id(token), seat=seat))
            self._raters[rater_id(token)] = RaterAnswers(rater=rater_id(token), seat=seat)
        return token

    def find(self, token: str) -> RaterAnswers | None:
        """Returns the rater with this link; None if there is none."""
        return self._raters.get(rater_id(token))

    def trials(self, rater: RaterAnswers) -> tuple[Trial, ...]:
        """Returns all trials of a rater."""
        return self.study.seats[rater.seat]

    def answer(self, rater: RaterAnswers, number: int, chosen: int, seen: Seen) -> None:
        """Records an answer; one that is recorded already is ignored: after a lost connection, browsers send it again.

        Args:
            rater: the rater, from ``find``.
            number: place of the trial in the rater's order.
            chosen: what was chosen.
            seen: how the pictures were seen.

        Raises:
            ValueError: if it is not the rater's next trial, there is no such answer, or it is not that of an example.
            PhotopulseError: if it cannot be written.
        """
        with self._writing:
            if number < len(rater.answers):
                return
            trials = self.trials(rater)
            if number != len(rater.answers) or number >= len(trials):
                raise ValueError(f"trial {len(rater.answers)} of {len(trials)} comes next")
            trial = trials[number]
            if chosen not in self.study.answers:
                raise ValueError(f"there is no answer {chosen}, only {_listed(self.study.answers)}")
            if trial.role == "training" and chosen not in trial.right:
                raise ValueError(f"the picture is an example of a {_listed(trial.right)}, which is the answer to give")
            answer = Answer(
                rater=rater.rater, trial=number, role=trial.role, pictures=trial.pictures, answer=chosen, seen=seen
            )
            self._append(answer)
            rater.answers.append(answer)

    def picture(self, rater: RaterAnswers, trial: int, place: int) -> Path | None:
        """Returns the file of a picture; None unless it is in a trial that the rater has seen, sees, or sees next."""
        trials = self.trials(rater)
        if not 0 <= trial < min(len(trials), len(rater.answers) + 2) or not 0 <= place < len(trials[trial].pictures):
            return None
        return self._folder / PICTURES / f"{trials[trial].pictures[place]}.png"

    def _append(self, line: Start | Answer) -> None:
        with file_errors("cannot record it", fix="tell those who run the study, and try again"):
            append_answer(self._folder, line)


def _listed(answers: Sequence[int]) -> str:
    return " or ".join(map(str, answers))


def rater_id(token: str) -> str:
    """Returns the id of a rater, from which the secret of the rater's link cannot be found."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
