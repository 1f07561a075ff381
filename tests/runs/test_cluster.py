"""Workers on a Ray cluster: two nodes on this machine; what the death of an actor or of a node costs."""

import os
import sys
import time
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.runs.cluster import ActorNeeds, RayActors
from photopulse.runs.executor import Lost
from photopulse.runs.watcher import Watcher

TOYS = Path(__file__).parent / "toys"
NEEDS = ActorNeeds(threads=1, gpus=0, memory=2**20)


def test_without_ray_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PhotopulseError, match=r"photopulse\[ray\]"):
        RayActors(lambda: None, address="auto", workers=1, needs=NEEDS)


@pytest.fixture(scope="module")
def two_nodes():
    """A cluster of two nodes, which is the connected one; yields Ray, the cluster and the second node."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'photopulse[ray]'")
    from ray.cluster_utils import Cluster

    # Where other programs are busy, too, workers that yield to them take minutes to start.
    patched = pytest.MonkeyPatch()
    patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patched.setenv("RAY_worker_niceness", "0")
    patched.setenv("PYTHONPATH", str(TOYS), prepend=os.pathsep)
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "object_store_memory": 100 * 2**20})
    second = nodes.add_node(num_cpus=2, object_store_memory=100 * 2**20)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    yield ray, nodes, second
    ray.shutdown()
    nodes.shutdown()
    patched.undo()


@pytest.fixture
def toys(monkeypatch, two_nodes):
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


def test_every_task_is_done_once_and_what_kills_its_actor_once_more(toys, tmp_path):
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, deaths={2: 1, 4: 9}.get(i, 0)) for i in range(8)]
    with RayActors(toys.ToyLoader(), address="auto", workers=3, needs=NEEDS) as executor:
        assert executor.facts == "toy"
        found = {task.name: done for task, done in executor.run(tasks, Watcher())}
    assert set(found) == {task.name for task in tasks}
    assert isinstance(found.pop("t4"), Lost)
    assert all(done[0] == name for name, done in found.items())
    assert [len(attempts(tmp_path, f"t{i}")) for i in range(8)] == [1, 1, 2, 1, 2, 1, 1, 1]
    assert len({pid for i in range(8) for pid in attempts(tmp_path, f"t{i}")}) >= 3
    assert temporaries(tmp_path) == []


def test_an_error_that_a_worker_raises_ends_the_run(toys, tmp_path):
    tasks = [toys.ToyTask(name="b", folder=tmp_path, error="a fault in the toy")]
    executor = RayActors(toys.ToyLoader(), address="auto", workers=1, needs=NEEDS)
    with pytest.raises(LookupError, match="a fault in the toy"), executor:
        list(executor.run(tasks, Watcher()))


def test_a_loader_that_fails_says_why(toys):
    executor = RayActors(toys.ToyLoader(fails=True), address="auto", workers=2, needs=NEEDS)
    with pytest.raises(PhotopulseError, match="it is broken"), executor:
        pass


def test_an_interruption_ends_all_actors_and_leaves_no_temporary_file(toys, tmp_path):
    tasks = [toys.ToyTask(name="slow", folder=tmp_path, waits=600), toys.ToyTask(name="quick", folder=tmp_path)]
    executor = RayActors(toys.ToyLoader(), address="auto", workers=2, needs=NEEDS)

    def interrupted():
        with executor:
            for _ in executor.run(tasks, Watcher()):
                while not (tmp_path / "slow.begun").exists():
                    pass
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    while any(is_alive(pid) for pid in attempts(tmp_path, "slow")):
        time.sleep(0.05)
    assert temporaries(tmp_path) == []


def test_a_node_that_dies_costs_only_what_it_was_doing(toys, tmp_path, two_nodes):
    _ray, nodes, second = two_nodes
    tasks = [toys.ToyTask(name=f"t{i}", folder=tmp_path, waits=0.4) for i in range(20)]
    with RayActors(toys.ToyLoader(), address="auto", workers=None, needs=NEEDS) as executor:
        found = []
        for number, (task, done) in enumerate(executor.run(tasks, Watcher())):
            found.append((task.name, done))
            if number == 8:
                nodes.remove_node(second, allow_graceful=False)
    assert sorted(name for name, _ in found) == sorted(task.name for task in tasks)
    assert all(done[0] == name for name, done in found)
    assert sum(len(attempts(tmp_path, task.name)) for task in tasks) <= 20 + 2
    assert temporaries(tmp_path) == []
