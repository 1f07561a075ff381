"""A folder of photos through toy networks: rows, formats, resuming, failures."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from photopulse.batch import RestoreBatchSettings, RestoreWatcher, exit_code, restore_files
from photopulse.images import read_image, write_image
from photopulse.pipeline import RestoreSettings


@pytest.fixture
def photos(tmp_path):
    """Writes gray photos of 120 x 90 px and returns their paths."""

    def write(*names, value=0.4):
        for name in names:
            write_image(tmp_path / "in" / name, torch.full((1, 3, 90, 120), value))
        return [tmp_path / "in" / name for name in names]

    return write


@pytest.fixture
def run(tmp_path, toy_restore_kit):
    """Restores into the folder ``out``; returns the rows and which were resumed."""

    def restore(files, settings=None, *, kit=None, on_stage=lambda _stage: None):
        told = []
        watcher = RestoreWatcher(on_stage=on_stage, on_item=lambda _row, resumed: told.append(resumed))
        kit = kit or toy_restore_kit(faces=[(60, 45, 40), (110, 80, 10)])
        return restore_files(files, tmp_path / "out", kit, settings, watcher), told

    return restore


def test_each_row_tells_what_was_done(run, photos, tmp_path):
    stages = []
    (row,), _ = run(photos("a.jpg"), on_stage=stages.append)
    assert stages == ["read", "detect", "photo", "faces", "paste", "write"]
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["command"] == "restore"
    (told,) = content["items"]
    assert told["input"] == str(tmp_path / "in" / "a.jpg")
    assert told["output"] == str(tmp_path / "out" / "a.jpg")
    assert (told["status"], told["error"], told["size"]) == ("restored", None, [120, 90])
    assert list(told["stages"]) == stages
    assert sum(told["stages"].values()) <= told["seconds"] + 0.01
    assert (told["fidelity"], told["scale"], told["working_size"]) == (0.5, 1, 640)
    assert set(told["networks"]) == {"face", "photo", "full_size", "enlarge"}
    assert len(told["networks"]["full_size"]) == 16
    large, small = told["faces"]
    assert (large["restored"], large["why_not"], large["side"], large["confidence"]) == (True, None, 40, 0.9)
    assert len(large["corners"]) == 4
    assert (small["restored"], small["why_not"]) == (False, "it is smaller than 16 px")
    assert exit_code([row]) == 0
    assert read_image(Path(row.output)).pixels.mean().item() == pytest.approx(0.65, abs=0.02)


def test_formats_are_kept_or_chosen(run, photos, tmp_path):
    Image.new("RGB", (120, 90)).save(tmp_path / "old.bmp")
    files = [*photos("a.jpg", "b.png", "c.tif", "d.webp"), tmp_path / "old.bmp"]
    rows, _ = run(files)
    assert [Image.open(row.output).format for row in rows] == ["JPEG", "PNG", "TIFF", "WEBP", "PNG"]
    rows, _ = run(files, RestoreBatchSettings(format="webp"))
    assert {Image.open(row.output).format for row in rows} == {"WEBP"}


def test_a_photo_that_fails_stops_no_other_and_leaves_no_picture(run, photos, toy_restore_kit, tmp_path):
    class Moody(nn.Module):
        def forward(self, photo):
            return photo * (float("nan") if photo.mean() > 0.6 else 1)

    files = photos("a.png") + photos("bright.png", value=0.9) + photos("c.png")
    (tmp_path / "in" / "no.png").write_bytes(b"no picture")
    files.append(tmp_path / "in" / "no.png")
    rows, _ = run(files, kit=toy_restore_kit(photo_net=Moody()))
    assert [row.status for row in rows] == ["restored", "failed", "restored", "failed"]
    assert "bright.png: the photo network failed" in rows[1].error
    assert "no.png" in rows[3].error
    assert not (tmp_path / "out" / "bright.png").exists()
    assert exit_code(rows) == 1


def test_unexpected_errors_name_the_photo(run, photos, toy_restore_kit):
    class Failing(nn.Module):
        def forward(self, photo):
            raise RuntimeError("the cable came off")

    (row,), _ = run(photos("a.png"), kit=toy_restore_kit(photo_net=Failing()))
    assert row.error.startswith("cannot restore ")
    assert "a.png: unexpected RuntimeError: the cable came off" in row.error


def test_a_rerun_keeps_what_is_finished(run, photos):
    first, told = run(photos("a.png", "b.png"))
    assert told == [False, False]
    again, told = run(photos("a.png", "b.png"))
    assert told == [True, True]
    assert [row.key for row in again] == [row.key for row in first]
    assert [face["restored"] for face in again[0].faces] == [True, False]
    assert run(photos("a.png", "b.png"), RestoreBatchSettings(resume=False))[1] == [False, False]


def test_another_photo_setting_or_network_is_done_anew(run, photos, toy_restore_kit):
    run(photos("a.png"))
    assert run(photos("a.png", value=0.3))[1] == [False]
    settings = RestoreBatchSettings(restore=RestoreSettings(fidelity=0.9))
    assert run(photos("a.png", value=0.3), settings)[1] == [False]
    kit = toy_restore_kit()
    with torch.no_grad():
        kit.full_size_net.last.bias.add_(0.01)
    assert run(photos("a.png", value=0.3), settings, kit=kit)[1] == [False]
    assert run(photos("a.png", value=0.3), settings, kit=kit)[1] == [True]


def test_a_comparison_that_is_missing_is_made(run, photos, tmp_path):
    run(photos("a.png"))
    sheet = tmp_path / "out" / "a_compare.png"
    assert not sheet.exists()
    compare = RestoreBatchSettings(compare=True)
    assert run(photos("a.png"), compare)[1] == [False]
    assert sheet.is_file()
    assert run(photos("a.png"), compare)[1] == [True]


@pytest.mark.parametrize("compare", [False, True])
def test_inputs_are_never_overwritten(tmp_path, toy_restore_kit, photos, compare):
    names = ["a.png", "a_compare.png"] if compare else ["a.png"]
    files = photos(*names)
    before = [file.read_bytes() for file in files]
    rows = restore_files(files, tmp_path / "in", toy_restore_kit(), RestoreBatchSettings(compare=compare))
    assert [row.status for row in rows] == ["failed"] * len(files)
    assert "one of the inputs" in rows[0].error
    assert [file.read_bytes() for file in files] == before


def test_an_interruption_keeps_what_is_finished(run, photos, toy_restore_kit):
    class Impatient(nn.Module):
        def forward(self, photo):
            if photo.mean() > 0.6:
                raise KeyboardInterrupt
            return photo

    kit = toy_restore_kit(photo_net=Impatient())
    with pytest.raises(KeyboardInterrupt):
        run(photos("a.png") + photos("b.png", value=0.9), kit=kit)
    rows, told = run(photos("a.png"), kit=kit)
    assert told == [True]
    assert rows[0].status == "restored"
