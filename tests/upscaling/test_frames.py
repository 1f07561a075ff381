import pytest
import torch
from PIL import Image

from photopulse.upscaling.frames import StepRecorder


def pictures(count, size=8):
    return torch.rand(count, 1, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_a_recorder_of_nothing_writes_nothing(tmp_path):
    recorder = StepRecorder()
    recorder.add(1, pictures(1)[0])
    recorder.finish(pictures(1)[0])
    assert recorder.is_written
    assert list(tmp_path.iterdir()) == []


def test_the_animation_shows_each_step_and_rests_on_the_best(tmp_path):
    recorder = StepRecorder(gif=tmp_path / "new" / "a.gif")
    steps = pictures(5, size=300)
    assert not recorder.is_written
    for step, image in enumerate(steps, start=1):
        recorder.add(step, image)
    recorder.finish(steps[1])
    assert recorder.is_written
    with Image.open(tmp_path / "new" / "a.gif") as animation:
        assert animation.n_frames == 6
        assert animation.size == (256, 256)
        durations = []
        for frame in range(6):
            animation.seek(frame)
            durations.append(animation.info["duration"])
        assert durations == [80] * 5 + [2000]


def test_steps_replace_those_of_a_longer_search(tmp_path):
    folder = tmp_path / "steps"
    for length in (3, 2):
        recorder = StepRecorder(folder=folder)
        for step, image in enumerate(pictures(length), start=1):
            recorder.add(step, image)
    assert sorted(path.name for path in folder.iterdir()) == ["step_0001.png", "step_0002.png"]
    with Image.open(folder / "step_0001.png") as picture:
        assert picture.size == (8, 8)


def test_an_animation_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    recorder = StepRecorder(gif=tmp_path / "a.gif")
    recorder.add(1, pictures(1)[0])

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        recorder.finish(pictures(1)[0])
    assert list(tmp_path.iterdir()) == []
