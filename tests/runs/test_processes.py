"""Workers in processes of their own: what is done, by whom, and what their deaths cost."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.runs.executor import InProcess, Lost
from photopulse.runs.processes import Processes
from photopulse.runs.watcher import Watcher

TOYS = Path(__file__).parent / "toys"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that kill")


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.syspath_prepend(TOYS)
    import toy_workers

    return toy_workers


def attempts(folder, name):
    return [int(pid) for pid in (folder / f"{name}.begun").read_text().split()]


def is_alive(pid):
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def temporaries(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".photopulse-")]


def test_every_task_is_done_once_whoever_does_it(toys, tmp_path):
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, beside="t1" if i == 0 else None) for i in range(6)]
    with Processes(toys.ToyLoader(), workers=2, threads=1) as executor:
        assert executor.facts == "toy"
        found = list(executor.run(tasks, Watcher()))
    assert sorted(task.name for task, _ in found) == [f"t{i}" for i in range(6)]
    assert all(task.name == done[0] for task, done in found)
    assert len({done[1] for _, done in found}) == 2
    assert os.getpid() not in {done[1] for _, done in found}
    assert all(len(attempts(tmp_path, task.name)) == 1 for task in tasks)
    with InProcess(toys.ToyWorker("toy")) as alone:
        assert [done[0] for _, done in alone.run(tasks, Watcher())] == [task.name for task in tasks]


def test_tasks_are_taken_only_when_there_is_a_worker_for_them(toys, tmp_path):
    taken = []

    def tasks():
        for i in range(8):
            taken.append(i)
            yield toys.ToyTask(name=f"t{i}", folder=tmp_path)

    with Processes(toys.ToyLoader(), workers=2, threads=1) as executor:
        for number, _ in enumerate(executor.run(tasks(), Watcher()), start=1):
            assert len(taken) <= number + 2


def test_what_a_worker_does_is_told(toys, tmp_path, listen):
    told = []
    watcher = listen(step=lambda done, *, doing="": told.append(doing))
    with Processes(toys.ToyLoader(), workers=2, threads=1) as executor:
        list(executor.run([toys.ToyTask(name="a", folder=tmp_path)], watcher))
    assert told == ["writing a"]


def test_a_task_whose_worker_is_killed_is_done_once_more_by_another(toys, tmp_path):
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, deaths=i == 1) for i in range(4)]
    with Processes(toys.ToyLoader(), workers=2, threads=1) as executor:
        found = {task.name: done for task, done in executor.run(tasks, Watcher())}
    assert {name: done[0] for name, done in found.items()} == {task.name: task.name for task in tasks}
    first, second = attempts(tmp_path, "t1")
    assert first != second
    assert [len(attempts(tmp_path, f"t{i}")) for i in (0, 2, 3)] == [1, 1, 1]
    assert temporaries(tmp_path) == []


def test_a_task_that_kills_two_workers_is_lost_and_the_others_are_done(toys, tmp_path):
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, deaths=9 * (i == 1)) for i in range(4)]
    with Processes(toys.ToyLoader(), workers=2, threads=1) as executor:
        found = {task.name: done for task, done in executor.run(tasks, Watcher())}
    assert isinstance(found["t1"], Lost)
    assert "2 times" in found["t1"].why
    assert "killed" in found["t1"].why
    assert [found[f"t{i}"][0] for i in (0, 2, 3)] == ["t0", "t2", "t3"]
    assert len(attempts(tmp_path, "t1")) == 2
    assert temporaries(tmp_path) == []


def test_workers_that_are_killed_at_random_moments_cost_no_task(toys, tmp_path):
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, waits=0.15) for i in range(24)]
    chance, pids, kills = random.Random(0), set(), 0
    with Processes(toys.ToyLoader(), workers=2, threads=1) as executor:
        found = []
        for task, done in executor.run(tasks, Watcher()):
            found.append((task, done))
            if isinstance(done, tuple):
                pids.add(done[1])
            if kills < 5 and chance.random() < 0.4:
                time.sleep(chance.random() * 0.2)
                kills += 1
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(sorted(pids)), signal.SIGKILL)
    assert kills == 5
    assert sorted(task.name for task, _ in found) == sorted(task.name for task in tasks)
    assert all(done[0] == task.name for task, done in found)
    assert all((tmp_path / f"{task.name}.txt").read_text() == task.name for task in tasks)
    assert temporaries(tmp_path) == []


def test_an_error_that_a_worker_raises_ends_the_run_and_all_workers(toys, tmp_path):
    tasks = [
        toys.ToyTask(name="a", folder=tmp_path, waits=60),
        toys.ToyTask(name="b", folder=tmp_path, error="a fault in the toy"),
    ]
    executor = Processes(toys.ToyLoader(), workers=2, threads=1)
    with pytest.raises(LookupError, match="a fault in the toy"), executor:
        list(executor.run(tasks, Watcher()))
    assert not any(is_alive(pid) for name in "ab" for pid in attempts(tmp_path, name))
    assert temporaries(tmp_path) == []


def test_an_interruption_leaves_no_worker_and_no_temporary_file(toys, tmp_path):
    tasks = [toys.ToyTask(name="slow", folder=tmp_path, waits=60), toys.ToyTask(name="quick", folder=tmp_path)]
    executor = Processes(toys.ToyLoader(), workers=2, threads=1)

    def interrupted():
        with executor:
            for _ in executor.run(tasks, Watcher()):
                assert attempts(tmp_path, "slow")
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(is_alive(pid) for name in ("quick", "slow") for pid in attempts(tmp_path, name))
    assert temporaries(tmp_path) == []


def test_a_loader_that_fails_says_why(toys):
    with (
        pytest.raises(PhotopulseError, match="it is broken"),
        Processes(toys.ToyLoader(fails=True), workers=2, threads=1),
    ):
        pass


def test_workers_that_die_while_they_load_end_the_run(toys):
    executor = Processes(toys.ToyLoader(dies=True), workers=2, threads=1)
    with pytest.raises(PhotopulseError, match="while it loaded, its process was killed"), executor:
        pass


def test_a_run_goes_on_with_the_workers_that_can_be_loaded(toys, tmp_path, listen):
    notes = []

    def on_note(text):
        notes.append(text)
        (tmp_path / "noted.begun").touch()

    # The first task ends when it is told that there is no second worker.
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, beside="noted" if i == 0 else None) for i in range(3)]
    with Processes(toys.ToyLoader(only=tmp_path / "one"), workers=2, threads=1) as executor:
        found = [done[0] for _, done in executor.run(tasks, listen(note=on_note))]
    assert found == ["t0", "t1", "t2"]
    (note,) = notes
    assert "going on with 1 workers" in note


def test_workers_that_differ_are_refused(toys, tmp_path):
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, waits=3) for i in range(9)]
    executor = Processes(toys.ToyLoader(odd=True), workers=2, threads=1)
    with pytest.raises(PhotopulseError, match="other networks"), executor:
        list(executor.run(tasks, Watcher()))


ORPHANED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from toy_workers import ToyLoader, ToyTask
from photopulse.runs.processes import Processes
from photopulse.runs.watcher import Watcher

if __name__ == "__main__":
    tasks = [ToyTask(name=name, folder=Path(sys.argv[2]), waits=600) for name in "ab"]
    with Processes(ToyLoader(), workers=2, threads=1) as executor:
        list(executor.run(tasks, Watcher()))
"""


def test_workers_end_with_the_process_of_the_run_even_if_it_is_killed(toys, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ORPHANED)
    out = tmp_path / "out"
    out.mkdir()
    with subprocess.Popen([sys.executable, str(script), str(TOYS), str(out)]) as process:
        while len(temporaries(out)) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    pids = [pid for name in "ab" for pid in attempts(out, name)]
    while any(map(is_alive, pids)):
        time.sleep(0.05)
    assert temporaries(out) == []
