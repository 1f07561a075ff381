"""A folder of small faces on the toy generator: batches, resuming, failures, names."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, read_metadata, write_image
from photopulse.runs.report import exit_code
from photopulse.runs.watcher import Watcher
from photopulse.search.pulse import PulseSettings
from photopulse.upscaling import batch, worker
from photopulse.upscaling.batch import upscale_files
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.upscale import UpscaleSettings

SHORT = BatchSettings(upscale=UpscaleSettings(method="classic", classic=PulseSettings(steps=2)))


@pytest.fixture
def searched(monkeypatch):
    """The seeds of each search that is made, batch by batch."""
    batches = []
    original = worker.upscale

    def spy(target, kit, *, seed, **others):
        batches.append(tuple(seed))
        return original(target, kit, seed=seed, **others)

    monkeypatch.setattr(worker, "upscale", spy)
    return batches


def names(items):
    return [Path(item.output).name if item.output else None for item in items]


def report(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))["items"]


def untimed(items):
    return [{**(item if isinstance(item, dict) else asdict(item)), "seconds": 0} for item in items]


def interrupt_after(number):
    rows = []

    class Impatient(Watcher):
        def end(self, item, *, resumed=False):
            rows.append(item)
            if len(rows) == number:
                raise KeyboardInterrupt

    return Impatient()


def test_each_file_becomes_a_picture_and_a_row(faces, tmp_path, tiny_generator):
    files = faces("a.png", "b.jpg", "c.webp")
    items = upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    assert names(items) == ["a.png", "b.png", "c.png"]
    assert exit_code(items) == 3
    for file, item in zip(files, items, strict=True):
        assert item.input == str(file)
        assert item.size == (32, 32)
        assert item.status == "not-converged"
        picture = read_image(Path(item.output)).pixels
        assert picture.shape == (1, 3, 32, 32)
        told = read_metadata(Path(item.output))
        assert (told["photopulse:synthetic"], told["photopulse:seed"]) == ("true", "0")
        assert told["photopulse:source"] == file.name
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [".photopulse.jsonl", "a.png", "b.png", "c.png", "report.json"]


def test_a_large_eps_is_reached_by_all(faces, tmp_path, tiny_generator):
    settings = replace(
        SHORT, upscale=UpscaleSettings(method="classic", classic=PulseSettings(steps=1, eps=1)), batch_size=2
    )
    items = upscale_files(faces("a.png", "b.png", "c.png"), tmp_path / "out", tiny_generator, settings)
    assert [item.status for item in items] == ["converged"] * 3
    assert exit_code(items) == 0


def test_the_last_batch_may_be_partial(faces, tmp_path, tiny_generator, searched):
    # PULSE's own code crashed on it.
    items = upscale_files(
        faces("a.png", "b.png", "c.png"), tmp_path / "out", tiny_generator, replace(SHORT, batch_size=2)
    )
    assert searched == [(0, 0), (0,)]
    assert names(items) == ["a.png", "b.png", "c.png"]


def test_a_batch_holds_one_size_only(faces, tmp_path, tiny_generator, searched):
    files = faces("a.png", "b.png") + faces("c.png", size=16)
    upscale_files(files, tmp_path / "out", tiny_generator, replace(SHORT, batch_size=8))
    assert searched == [(0, 0), (0,)]


def test_inputs_of_one_stem_do_not_overwrite_each_other(faces, tmp_path, tiny_generator):
    items = upscale_files(faces("x.jpg", "x.png"), tmp_path / "out", tiny_generator, SHORT)
    assert names(items) == ["x.png", "x-2.png"]
    assert [read_metadata(Path(item.output))["photopulse:source"] for item in items] == ["x.jpg", "x.png"]


@pytest.mark.parametrize("method", ["fast", "classic"])
def test_a_result_has_the_same_bytes_whatever_is_searched_around_it(faces, tmp_path, tiny_generator, method):
    files = faces("a.png", "b.png")
    upscale = replace(UpscaleSettings(method=method), classic=PulseSettings(steps=3))
    upscale = replace(upscale, fast=replace(upscale.fast, quality="draft"))
    settings = BatchSettings(upscale=upscale, seed=4, count=2)
    upscale_files(files, tmp_path / "many", tiny_generator, settings)
    for file in files:
        for k in range(2):
            upscale_files(
                [file], tmp_path / "alone", tiny_generator, replace(settings, seed=4 + k, count=1, resume=False)
            )
            alone = tmp_path / "alone" / file.name
            assert alone.read_bytes() == (tmp_path / "many" / f"{file.stem}_{k}.png").read_bytes()


def test_results_are_nearly_the_same_whatever_the_batch_size_and_order(faces, tmp_path, tiny_generator):
    files = faces("a.png", "b.png", "c.png")
    runs = {
        "plain": (files, replace(SHORT, count=2)),
        "batched": (files[::-1], replace(SHORT, count=2, batch_size=4)),
        "shifted": (files[:1], replace(SHORT, seed=1)),
    }
    for name, (inputs, settings) in runs.items():
        upscale_files(inputs, tmp_path / name, tiny_generator, settings)

    def pixels(path):
        return np.asarray(Image.open(tmp_path / path)).astype(int)

    for name in ("a_0.png", "a_1.png", "b_0.png", "b_1.png", "c_0.png", "c_1.png"):
        assert np.abs(pixels(f"plain/{name}") - pixels(f"batched/{name}")).max() <= 1
    assert np.array_equal(pixels("plain/a_1.png"), pixels("shifted/a.png"))
    assert np.abs(pixels("plain/a_0.png") - pixels("plain/a_1.png")).mean() > 2


def test_failures_take_their_row_in_the_order_of_the_inputs(faces, tmp_path, tiny_generator):
    files = faces("a.png") + faces("b.png", size=20) + faces("c.png")
    files[2].write_bytes(files[2].read_bytes()[:60])
    files += faces("d.png")
    items = upscale_files(files, tmp_path / "out", tiny_generator, replace(SHORT, batch_size=4))
    assert names(items) == ["a.png", None, None, "d.png"]
    assert [item["output"] for item in report(tmp_path / "out")] == [item.output for item in items]
    assert exit_code(items) == 1
    assert "20 x 20" in items[1].error
    assert all(str(file) in item.error for file, item in zip(files[1:3], items[1:3], strict=True))


def test_a_rerun_searches_nothing_and_reports_the_same(faces, tmp_path, tiny_generator, searched, listen):
    files = faces("a.png", "b.png")
    first = upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    before = report(tmp_path / "out")
    heard = []
    watcher = listen(end=lambda item, *, resumed=False: heard.append(resumed))
    again = upscale_files(files, tmp_path / "out", tiny_generator, SHORT, watcher)
    assert len(searched) == 2
    assert again == first
    assert report(tmp_path / "out") == before
    assert heard == [True, True]


def test_two_copies_of_one_picture_are_both_resumed(faces, tmp_path, tiny_generator, searched):
    (file,) = faces("a.png")
    copy = file.with_name("copy.png")
    copy.write_bytes(file.read_bytes())
    for _ in range(2):
        items = upscale_files([file, copy], tmp_path / "out", tiny_generator, replace(SHORT, batch_size=2))
        assert names(items) == ["a.png", "copy.png"]
    assert searched == [(0, 0)]


def test_after_an_interruption_only_the_rest_is_searched(faces, tmp_path, tiny_generator, searched):
    files = faces("a.png", "b.png", "c.png")
    whole = upscale_files(files, tmp_path / "whole", tiny_generator, SHORT)
    searched.clear()
    with pytest.raises(KeyboardInterrupt):
        upscale_files(files, tmp_path / "out", tiny_generator, SHORT, interrupt_after(1))
    assert [Path(item["output"]).name for item in report(tmp_path / "out")] == ["a.png"]
    assert len(searched) == 1
    items = upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    assert len(searched) == 3
    moved = [replace(item, output=str(tmp_path / "out" / Path(item.output).name)) for item in whole]
    assert untimed(items) == untimed(moved)
    for name in ("a.png", "b.png", "c.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_an_interrupted_rerun_forgets_nothing_of_the_first(faces, tmp_path, tiny_generator, searched):
    files = faces("a.png", "b.png", "c.png")
    upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    for name in ("a.png", "b.png"):
        (tmp_path / "out" / name).unlink()
    with pytest.raises(KeyboardInterrupt):
        upscale_files(files, tmp_path / "out", tiny_generator, SHORT, interrupt_after(1))
    searched.clear()
    items = upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    assert len(searched) == 1
    assert names(items) == ["a.png", "b.png", "c.png"]


def test_rows_keep_their_order_when_a_later_input_is_done_already(faces, tmp_path, tiny_generator):
    files = faces("a.png", "b.png", "c.png")
    upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    (tmp_path / "out" / "a.png").unlink()
    items = upscale_files(files, tmp_path / "out", tiny_generator, replace(SHORT, batch_size=2))
    assert names(items) == ["a.png", "b.png", "c.png"]
    assert [Path(item["output"]).name for item in report(tmp_path / "out")] == names(items)


CHANGES = {
    "seed": lambda: replace(SHORT, seed=1),
    "steps": lambda: replace(SHORT, upscale=UpscaleSettings(method="classic", classic=PulseSettings(steps=3))),
    "degradation": lambda: replace(SHORT, upscale=replace(SHORT.upscale, degradation="box")),
    "fresh": lambda: replace(SHORT, resume=False),
    "gif": lambda: replace(SHORT, gif=True),
    "save_steps": lambda: replace(SHORT, save_steps=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_done_again(faces, tmp_path, tiny_generator, searched, change):
    files = faces("a.png")
    upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    upscale_files(files, tmp_path / "out", tiny_generator, CHANGES[change]())
    assert len(searched) == 2


def test_another_input_or_generator_of_the_same_name_is_done_again(
    faces, tmp_path, tiny_generator, build_generator, searched
):
    (file,) = faces("a.png")
    upscale_files([file], tmp_path / "out", tiny_generator, SHORT)
    Image.new("RGB", (8, 8), "red").save(file)
    upscale_files([file], tmp_path / "out", tiny_generator, SHORT)
    assert len(searched) == 2
    upscale_files([file], tmp_path / "out", build_generator(seed=9), SHORT)
    assert len(searched) == 3


def test_a_deleted_output_is_made_again_and_a_damaged_report_is_survived(faces, tmp_path, tiny_generator, searched):
    files = faces("a.png", "b.png")
    upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    (tmp_path / "out" / "a.png").unlink()
    upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    assert len(searched) == 3
    assert (tmp_path / "out" / "a.png").is_file()
    (tmp_path / "out" / "report.json").write_text('{"version": 1, "items": [')
    upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    assert len(searched) == 3
    assert len(report(tmp_path / "out")) == 2
    (tmp_path / "out" / "report.json").write_text('{"version": 1, "items": [')
    (tmp_path / "out" / ".photopulse.jsonl").write_text('{"command": "upscale", "output')
    upscale_files(files, tmp_path / "out", tiny_generator, SHORT)
    assert len(searched) == 5
    assert len(report(tmp_path / "out")) == 2


def test_a_full_disk_fails_the_item_and_the_others_go_on(faces, tmp_path, tiny_generator, monkeypatch):
    def full(path, *arguments, **others):
        if path.name == "b.png":
            raise OSError(28, "No space left on device")
        write_image(path, *arguments, **others)

    monkeypatch.setitem(worker.UpscaledFace.save.__globals__, "write_image", full)
    for batch_size in (1, 3):
        out = tmp_path / str(batch_size)
        settings = replace(SHORT, batch_size=batch_size)
        items = upscale_files(faces("a.png", "b.png", "c.png"), out, tiny_generator, settings)
        assert names(items) == ["a.png", None, "c.png"]
        assert "No space left" in items[1].error
        assert exit_code(items) == 1


def test_a_batch_that_does_not_fit_in_memory_is_searched_one_by_one(faces, tmp_path, tiny_generator, monkeypatch):
    alive = []

    def small_machine(target, kit, *, seed, **others):
        if len(seed) > 1:
            raise torch.OutOfMemoryError("tried to allocate 9 GB")
        # An error that is being handled keeps the memory of the search that failed.
        alive.append(sys.exc_info()[1])
        return original(target, kit, seed=seed, **others)

    original = worker.upscale
    monkeypatch.setattr(worker, "upscale", small_machine)
    files = faces("a.png", "b.png", "c.png")
    items = upscale_files(files, tmp_path / "out", tiny_generator, replace(SHORT, batch_size=3))
    assert names(items) == ["a.png", "b.png", "c.png"]
    assert alive == [None] * 3


def test_memory_that_is_full_for_one_face_is_that_faces_failure(faces, tmp_path, tiny_generator, monkeypatch):
    def tiny_machine(*arguments, **others):
        raise torch.OutOfMemoryError("tried to allocate 9 GB")

    monkeypatch.setattr(worker, "upscale", tiny_machine)
    items = upscale_files(faces("a.png", "b.png"), tmp_path / "out", tiny_generator, replace(SHORT, batch_size=2))
    assert [item.status for item in items] == ["failed", "failed"]
    assert "--device cpu" in items[0].error


def test_inputs_are_never_overwritten(faces, tmp_path, tiny_generator):
    files = faces("a.png", "b.jpg")
    before = files[0].read_bytes()
    items = upscale_files(files, tmp_path / "in", tiny_generator, SHORT)
    assert names(items) == [None, "b.png"]
    assert "one of the inputs" in items[0].error
    assert files[0].read_bytes() == before


def test_an_animation_never_overwrites_an_input(faces, tmp_path, tiny_generator):
    (file,) = faces("a.gif")
    before = file.read_bytes()
    items = upscale_files([file], tmp_path / "in", tiny_generator, replace(SHORT, gif=True))
    assert items[0].status == "failed"
    assert file.read_bytes() == before


def test_steps_and_animation_are_recorded_for_each_answer(faces, tmp_path, tiny_generator):
    settings = replace(SHORT, save_steps=True, gif=True, batch_size=2)
    upscale_files(faces("a.png", "b.png"), tmp_path / "out", tiny_generator, settings)
    for name in ("a", "b"):
        steps = sorted(path.name for path in (tmp_path / "out" / f"{name}_steps").iterdir())
        assert steps == ["step_0001.png", "step_0002.png"]
        with Image.open(tmp_path / "out" / f"{name}.gif") as animation:
            # Equal neighbours are one longer frame in the file, so the time tells that none is missing.
            assert sum(frame.info["duration"] for frame in ImageSequence.Iterator(animation)) == 2 * 80 + 2000


def test_fitting_takes_pictures_of_other_sizes(faces, tmp_path, tiny_generator):
    items = upscale_files(faces("a.png", size=21), tmp_path / "out", tiny_generator, replace(SHORT, fit=True))
    assert names(items) == ["a.png"]


class MadeUp:
    """Stands for an aligned face."""

    def __init__(self, value):
        self.image = torch.full((1, 3, 16, 16), value)


def test_each_face_of_a_photo_is_an_output_of_its_own(faces, tmp_path, tiny_generator, monkeypatch):
    found = {"one.png": [0.5], "two.png": [0.3, 0.6], "none.png": []}

    def align(photo, *, size, detector):
        assert (size, detector) == (16, "detector")
        if not found[photo.name]:
            raise PhotopulseError(f"cannot align {photo}", why="no face was found in it", fix="come closer")
        return [MadeUp(value) for value in found[photo.name]]

    monkeypatch.setattr(batch, "align", align)
    files = faces("two.png", "none.png", "one.png")
    settings = replace(SHORT, align_size=16, count=2)
    items = upscale_files(files, tmp_path / "out", tiny_generator, settings, detector="detector")
    assert names(items) == [
        "two_face1_0.png",
        "two_face1_1.png",
        "two_face2_0.png",
        "two_face2_1.png",
        None,
        "one_0.png",
        "one_1.png",
    ]
    assert [item.face for item in items] == [1, 1, 2, 2, None, 1, 1]


@pytest.mark.parametrize("size", [0, 20, 32, 512])
def test_a_size_of_faces_that_the_generator_cannot_take_is_found_beforehand(faces, tmp_path, tiny_generator, size):
    with pytest.raises(PhotopulseError, match="the search takes 4, 8 or 16 px"):
        upscale_files(faces("a.png"), tmp_path / "out", tiny_generator, replace(SHORT, align_size=size))


@pytest.mark.parametrize("wrong", [{"count": 0}, {"batch_size": 0}, {"fit": True, "align_size": 16}])
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"at least 1|leave --fit out"):
        BatchSettings(**wrong)


def test_a_folder_that_cannot_be_written_to_is_one_clear_error(faces, tmp_path, tiny_generator, searched):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(PhotopulseError, match="cannot write"):
        upscale_files(faces("a.png"), tmp_path / "out", tiny_generator, SHORT)
    assert searched == []


def test_no_files_make_an_empty_report(tmp_path, tiny_generator):
    assert upscale_files([], tmp_path / "out", tiny_generator, SHORT) == []
    assert report(tmp_path / "out") == []


def test_faces_that_come_while_a_run_goes_on_are_upscaled_beside_the_others(
    faces, tmp_path, tiny_generator, searched, monkeypatch
):
    monkeypatch.setattr("photopulse.runs.executor.PAUSE", 0)
    first, second = faces("a.png"), faces("a.webp", "b.png")
    settings = replace(SHORT, batch_size=2)
    items = upscale_files(first, tmp_path / "out", tiny_generator, settings, more=[[], second, []])
    assert names(items) == ["a.png", "a-2.png", "b.png"]
    assert [Path(item.input) for item in items] == [*first, *second]
    assert searched == [(0,), (0, 0)]
    assert len(report(tmp_path / "out")) == 3
