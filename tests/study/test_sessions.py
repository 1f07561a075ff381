"""Raters begin, answer, pause and go on; what is told as recorded is there whatever happens to the server."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.runs.json_lines import append_lines
from photopulse.study.answers import ANSWERS_NAME, Answer, Seen, read_answers
from photopulse.study.sessions import Sessions, rater_id

SEEN = Seen(seconds=1.5, screen="390x844", window="390x700", zoom=3.0, whole=True)


def answer_next(sessions: Sessions, token: str, chosen: int | None = None) -> Answer:
    """Answers the rater's next trial."""
    rater = sessions.find(token)
    trial = sessions.trials(rater)[len(rater.answers)]
    sessions.answer(rater, len(rater.answers), chosen or (trial.right or (3,))[0], SEEN)
    return rater.answers[-1]


@pytest.fixture
def opened(make):
    """The sessions of a study, closed at the end."""
    folder, _ = make()
    sessions = Sessions(folder)
    yield folder, sessions
    sessions.close()


def test_a_rater_goes_on_where_another_server_left_off(opened):
    folder, sessions = opened
    token = sessions.start()
    given = [answer_next(sessions, token) for _ in range(5)]
    sessions.close()
    again = Sessions(folder)
    assert again.find(token).answers == given
    answer_next(again, token)
    again.close()
    assert len(read_answers(folder, sessions.study)[0].answers) == 6


def test_the_file_has_no_link_no_name_and_no_address(opened):
    folder, sessions = opened
    token = sessions.start()
    answer_next(sessions, token)
    text = (folder / ANSWERS_NAME).read_text()
    assert token not in text
    assert rater_id(token) in text
    assert set(text.split('"')[1::2]) & {"name", "address", "ip", "client", "time"} == set()


def test_raters_get_the_seats_that_the_fewest_have(opened):
    _, sessions = opened
    raters = [sessions.find(sessions.start()) for _ in range(7)]
    assert [rater.seat for rater in raters] == [0, 1, 2, 0, 1, 2, 0]


def test_an_answer_counts_once_and_only_in_its_turn(opened):
    folder, sessions = opened
    token = sessions.start()
    rater, first = sessions.find(token), answer_next(sessions, token)
    sessions.answer(rater, 0, 5, SEEN)
    with pytest.raises(ValueError, match=r"trial 1 of \d+ comes next"):
        sessions.answer(rater, 2, 3, SEEN)
    assert [one.answer for one in read_answers(folder, sessions.study)[0].answers] == [first.answer]


def test_answers_that_do_not_exist_are_refused(opened):
    _, sessions = opened
    token = sessions.start()
    for wrong in (-1, 6):
        with pytest.raises(ValueError, match=f"there is no answer {wrong}, only 1 or 2 or 3 or 4 or 5"):
            answer_next(sessions, token, wrong)


def test_the_answer_to_an_example_is_told(opened):
    _, sessions = opened
    with pytest.raises(ValueError, match="the picture is an example of a 1, which is the answer to give"):
        answer_next(sessions, sessions.start(), 5)


def test_only_pictures_of_past_trials_this_one_and_the_next_are_shown(opened):
    _, sessions = opened
    rater = sessions.find(sessions.start())
    assert sessions.picture(rater, 0, 0).is_file()
    assert sessions.picture(rater, 1, 0).is_file()
    for trial, place in ((2, 0), (-1, 0), (0, 1), (0, -1)):
        assert sessions.picture(rater, trial, place) is None


def test_two_servers_cannot_have_one_study(opened):
    folder, _ = opened
    with pytest.raises(PhotopulseError, match="another server has it open"):
        Sessions(folder)


def test_nothing_is_lost_when_the_server_is_killed(make):
    folder, study = make()
    # A server tells each answer only once it is recorded; it is killed while it goes on.
    program = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_sessions import Sessions, answer_next
sessions = Sessions(Path(sys.argv[1]))
token = sessions.start()
while True:
    told = answer_next(sessions, token)
    print(told.trial, flush=True)
    if told.trial == 8:
        token = sessions.start()
"""
    command = [sys.executable, "-c", program, str(folder), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        told = [int(server.stdout.readline()) for _ in range(30)]
        server.send_signal(signal.SIGKILL)
        told += [int(line) for line in server.stdout]
    raters = read_answers(folder, study)
    assert sum(len(rater.answers) for rater in raters) >= len(told)
    # A line that was torn spoils neither those before nor those after it.
    with (folder / ANSWERS_NAME).open("a") as stream:
        stream.write('{"rater": "half of a')
    sessions = Sessions(folder)
    answer_next(sessions, sessions.start())
    sessions.close()
    assert len(read_answers(folder, study)) == len(raters) + 1


@pytest.mark.parametrize(
    "harm",
    [{"answer": 9}, {"role": "gold"}, {"pictures": ["99999"]}, {"trial": 5}, {"seen": None}, {"rater": "another"}],
)
def test_answers_that_do_not_fit_the_plan_are_skipped(opened, harm):
    folder, sessions = opened
    rater = sessions.find(sessions.start())
    trial = sessions.trials(rater)[0]
    told = {"rater": rater.rater, "trial": 0, "role": trial.role, "pictures": trial.pictures, "answer": 1}
    append_lines(folder / ANSWERS_NAME, [told | {"seen": vars(SEEN)} | harm])
    assert read_answers(folder, sessions.study)[0].answers == []
    append_lines(folder / ANSWERS_NAME, [told | {"seen": vars(SEEN)}])
    assert len(read_answers(folder, sessions.study)[0].answers) == 1
