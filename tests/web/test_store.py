"""Limits on jobs, and how long they and their files stay."""

import io
import time
from pathlib import Path

import pytest

from photopulse.restoration.settings import RestoreSettings
from photopulse.web.refusals import RefusedError
from photopulse.web.restore_task import RestoreTask
from photopulse.web.settings import ServeSettings
from photopulse.web.store import JobStore

from .conftest import picture

TASK = RestoreTask(settings=RestoreSettings(), format=None, max_pixels=10**6)


@pytest.fixture
def open_store(toy_models, tmp_path, monkeypatch):
    """Opens stores whose private folders lie in ``tmp_path/private``."""
    (tmp_path / "private").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "private"))
    stores = []

    def start(photo_net=None, **settings):
        models = toy_models() if photo_net is None else toy_models(photo_net=photo_net)
        stores.append(JobStore(ServeSettings(**settings), models))
        return stores[-1]

    yield start
    for store in stores:
        store.close()


def add(store, client="one"):
    return store.add(client, TASK, io.BytesIO(picture()), "a.png")


def wait(job):
    while not job.has_ended:
        time.sleep(0.01)


def files(tmp_path) -> list[Path]:
    return [path for path in (tmp_path / "private").rglob("*") if path.is_file() and path.name != "lock"]


def test_a_client_may_have_so_many_jobs_and_all_together_no_more(open_store, patient):
    store = open_store(patient, max_jobs_each=2, max_jobs=3)
    add(store), add(store)
    with pytest.raises(RefusedError, match="you have as many") as refused:
        add(store)
    assert refused.value.status == 429
    add(store, "other")
    with pytest.raises(RefusedError, match="the server has as many") as refused:
        add(store, "third")
    assert refused.value.status == 503


def test_the_oldest_ended_job_makes_room(open_store, tmp_path):
    store = open_store(max_jobs_each=2)
    jobs = [add(store), add(store)]
    for job in jobs:
        wait(job)
    added = add(store)
    assert not jobs[0].folder.exists()
    assert store.find(jobs[1].id) is jobs[1]
    assert store.find(added.id) is added


def test_an_ended_job_gives_way_to_others_after_a_minute_so_that_its_results_can_be_fetched(open_store):
    store = open_store(max_jobs=1)
    job = add(store)
    wait(job)
    with pytest.raises(RefusedError, match="the server has as many"):
        add(store, "other")
    job.ended -= 61
    add(store, "other")
    with pytest.raises(RefusedError, match="there is none of that id"):
        store.find(job.id)


def test_jobs_are_deleted_so_many_minutes_after_they_ended(open_store, tmp_path):
    store = open_store(keep=10)
    job = add(store)
    wait(job)
    store.expire(job.ended + 599)
    assert store.find(job.id) is job
    store.expire(job.ended + 601)
    with pytest.raises(RefusedError, match="ended more than 10 minutes ago"):
        store.find(job.id)
    assert files(tmp_path) == []


def test_at_exit_everything_is_deleted_even_what_runs(open_store, tmp_path, patient):
    store = open_store(patient)
    add(store), add(store)
    assert patient.reached.wait(60)
    assert len(files(tmp_path)) == 2
    patient.go_on.set()
    store.close()
    assert list((tmp_path / "private").iterdir()) == []


def test_only_the_owner_can_look_into_the_folder(open_store, tmp_path):
    job = add(open_store())
    assert [path.stat().st_mode & 0o777 for path in (job.folder, job.folder.parent)] == [0o700, 0o700]


def test_a_refused_upload_leaves_nothing(open_store, tmp_path):
    store = open_store()
    with pytest.raises(Exception, match="not a picture"):
        store.add("one", TASK, io.BytesIO(b"rubbish"), "a.png")
    assert files(tmp_path) == []
    assert not sum(store.states().values())


def test_a_job_that_takes_too_long_ends_with_an_error(open_store, patient):
    store = open_store(patient, max_seconds=1)
    job = add(store)
    assert patient.reached.wait(60)
    time.sleep(1.1)
    patient.go_on.set()
    wait(job)
    assert (job.state, job.problem.why) == ("failed", "it took more than the allowed 1 seconds")


def test_a_job_that_breaks_does_not_stop_the_next(open_store, toy_restore_kit):
    class Broken(type(toy_restore_kit().photo_net)):
        def forward(self, photo):
            raise KeyError("broken")

    store = open_store(Broken())
    jobs = [add(store), add(store)]
    for job in jobs:
        wait(job)
    assert [job.state for job in jobs] == ["failed", "failed"]
    assert store.is_healthy
