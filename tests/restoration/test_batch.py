"""A folder of photos through toy networks: rows, formats, resuming, failures."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, write_image
from photopulse.restoration.batch import restore_files
from photopulse.restoration.batch_settings import RestoreBatchSettings
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import DOING
from photopulse.runs.report import exit_code


@pytest.fixture
def photos(tmp_path):
    """Writes gray photos of 120 x 90 px and returns their paths."""

    def write(*names, value=0.4):
        for name in names:
            write_image(tmp_path / "in" / name, torch.full((1, 3, 90, 120), value))
        return [tmp_path / "in" / name for name in names]

    return write


@pytest.fixture
def run(tmp_path, toy_restore_kit, listen):
    """Restores into the folder ``out``; returns the rows and which were resumed."""

    def restore(files, settings=None, *, kit=None, on_doing=lambda _words: None):
        told = []
        watcher = listen(
            step=lambda done, *, doing="": doing and on_doing(doing),
            end=lambda item, *, resumed=False: told.append(resumed),
        )
        kit = kit or toy_restore_kit(faces=[(60, 45, 40), (110, 80, 10)])
        return restore_files(files, tmp_path / "out", kit, settings, watcher), told

    return restore


def test_each_row_tells_what_was_done(run, photos, tmp_path):
    stages, heard = ["read", "look", "detect", "photo", "faces", "paste", "write"], []
    (row,), _ = run(photos("a.jpg"), on_doing=heard.append)
    assert heard == [f"a.jpg: {DOING[stage]}" for stage in stages]
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["command"] == "restore"
    (told,) = content["items"]
    assert told["input"] == str(tmp_path / "in" / "a.jpg")
    assert told["output"] == str(tmp_path / "out" / "a.jpg")
    assert (told["status"], told["error"], told["size"]) == ("restored", None, [120, 90])
    assert list(told["stages"]) == stages
    assert sum(told["stages"].values()) <= told["seconds"] + 0.01
    assert (told["fidelity"], told["scale"], told["working_size"]) == (0.5, 1, 640)
    assert set(told["networks"]) == {"face", "photo", "full_size", "enlarge", "damage_mask", "inpaint"}
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


def test_a_photo_without_the_chosen_face_fails_and_the_others_go_on(run, photos, toy_restore_kit, tmp_path):
    class Choosy:
        """Finds a second face in dark photos only."""

        def __init__(self):
            self.one = toy_restore_kit(faces=[(60, 45, 40)]).detector
            self.two = toy_restore_kit(faces=[(60, 45, 40), (20, 20, 30)]).detector
            self.mesher = self.one

        def detect(self, image):
            return (self.two if image.mean() < 0.5 else self.one).detect(image)

    files = photos("a.png") + photos("bright.png", value=0.6) + photos("c.png")
    settings = RestoreBatchSettings(restore=RestoreSettings(faces=(1, 2)))
    rows, _ = run(files, settings, kit=toy_restore_kit(detector=Choosy()))
    assert [row.status for row in rows] == ["restored", "failed", "restored"]
    assert [face["restored"] for face in rows[0].faces] == [True, True]
    (told,) = [row for row in json.loads((tmp_path / "out" / "report.json").read_text())["items"] if row["error"]]
    bright = tmp_path / "in" / "bright.png"
    assert told["error"] == (
        f"cannot restore face 2 of {bright}: 1 face was found. Choose --face 1, or leave --face out."
    )
    assert not (tmp_path / "out" / "bright.png").exists()
    assert exit_code(rows) == 1


def test_the_report_tells_no_faces_from_faces_that_were_not_looked_for(run, photos, toy_restore_kit, tmp_path):
    def told(settings):
        kit = toy_restore_kit()
        run(photos("a.png"), RestoreBatchSettings(restore=settings), kit=kit)
        (row,), resumed = run(photos("a.png"), RestoreBatchSettings(restore=settings), kit=kit)
        (item,) = json.loads((tmp_path / "out" / "report.json").read_text())["items"]
        assert resumed == [True]
        return row.faces, item["faces"]

    assert told(RestoreSettings()) == ([], [])
    assert told(RestoreSettings(only="photo")) == (None, None)
    assert told(RestoreSettings(max_faces=0)) == (None, None)


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


def test_the_order_in_which_faces_were_chosen_makes_nothing_anew(run, photos):
    def chosen(*faces):
        return run(photos("a.png"), RestoreBatchSettings(restore=RestoreSettings(faces=faces)))[1]

    assert chosen(1, 2, (60, 45), (61.5, 45)) == [False]
    assert chosen((61.5, 45), 2, (60.0, 45.0), 1, 2) == [True]
    assert chosen(1, 2) == [False]


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


@pytest.mark.parametrize("names", [["a.png"], ["a.png", "a_compare.png"], ["old.bmp", "a.png"]])
def test_inputs_are_never_overwritten_and_nothing_is_written_then(tmp_path, toy_restore_kit, photos, names):
    files = photos(*[name for name in names if name != "old.bmp"])
    if "old.bmp" in names:  # Its result, a PNG, would overwrite nothing.
        Image.new("RGB", (120, 90)).save(tmp_path / "in" / "old.bmp")
        files.insert(0, tmp_path / "in" / "old.bmp")
    before = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    with pytest.raises(PhotopulseError, match="one of the inputs"):
        restore_files(files, tmp_path / "in", toy_restore_kit(), RestoreBatchSettings(compare=len(files) > 1))
    assert {path: path.read_bytes() for path in (tmp_path / "in").iterdir()} == before


def test_a_comparison_that_would_overwrite_an_input_is_refused(tmp_path, toy_restore_kit, photos):
    a, sheet = photos("a.png", "out/a_compare.png")
    with pytest.raises(PhotopulseError, match=r"a_compare\.png: it is one of the inputs"):
        restore_files([a, sheet], tmp_path / "in" / "out", toy_restore_kit(), RestoreBatchSettings(compare=True))
    assert [path.name for path in (tmp_path / "in" / "out").iterdir()] == ["a_compare.png"]


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


def test_photos_of_other_inputs_in_the_folder_are_not_forgotten(run, photos, tmp_path):
    run(photos("a.png"))
    run(photos("b.png", value=0.6))
    items = json.loads((tmp_path / "out" / "report.json").read_text())["items"]
    assert [Path(item["output"]).name for item in items] == ["b.png"]
    assert run(photos("a.png"))[1] == [True]
    assert run(photos("b.png", value=0.6))[1] == [True]


def test_what_another_input_of_that_name_became_is_not_taken_for_this_one(run, photos, tmp_path):
    run(photos("a.png"))
    picture = (tmp_path / "out" / "a.png").read_bytes()
    run(photos("a.png", value=0.8))
    assert (tmp_path / "out" / "a.png").read_bytes() != picture
    assert run(photos("a.png"))[1] == [False]
    assert (tmp_path / "out" / "a.png").read_bytes() == picture


def test_a_folder_without_a_log_goes_on_from_its_report(run, photos, tmp_path):
    rows, _ = run(photos("a.png", "b.png"))
    (tmp_path / "out" / ".photopulse.jsonl").unlink()
    again, told = run(photos("a.png"))
    assert told == [True]
    assert [row.key for row in again] == [row.key for row in rows[:1]]
    assert run(photos("b.png"))[1] == [True]


def test_nothing_is_overwritten_but_an_earlier_result_of_the_same_photo(run, tmp_path):
    def photo(folder, value):
        path = tmp_path / folder / "IMG_0001.png"
        write_image(path, torch.full((1, 3, 90, 120), value))
        return path

    first, second, out = photo("2023", 0.2), photo("2024", 0.6), tmp_path / "out"
    out.mkdir()
    (out / "IMG_0001-2.png").write_bytes(b"a picture of somebody else")
    (row,), _ = run([first])
    assert Path(row.output) == out / "IMG_0001.png"
    kept = (out / "IMG_0001.png").read_bytes()
    (row,), _ = run([second])
    assert Path(row.output) == out / "IMG_0001-3.png"
    assert (out / "IMG_0001.png").read_bytes() == kept
    assert (out / "IMG_0001-2.png").read_bytes() == b"a picture of somebody else"
    # Both are known again, each by its own name, and redone in place where they changed.
    rows, resumed = run([first, second])
    assert [Path(row.output).name for row in rows] == ["IMG_0001.png", "IMG_0001-3.png"]
    assert resumed == [True, True]
    photo("2023", 0.4)
    (row,), resumed = run([first])
    assert (Path(row.output).name, resumed) == ("IMG_0001.png", [False])
    assert (out / "IMG_0001.png").read_bytes() != kept


def test_results_of_subfolders_are_found_again_and_overwrite_nothing(toy_restore_kit, photos, listen, tmp_path):
    files = photos("a.png", "x/a.png", "y/a.png")
    (tmp_path / "out" / "x").mkdir(parents=True)
    (tmp_path / "out" / "x" / "a.png").write_bytes(b"somebody's")

    def outputs(files, told):
        watcher = listen(end=lambda _row, *, resumed: told.append(resumed))
        rows = restore_files(files, tmp_path / "out", toy_restore_kit(), None, watcher, mirrored=[tmp_path / "in"])
        return [Path(row.output).relative_to(tmp_path / "out").as_posix() for row in rows]

    told = []
    assert outputs(files, told) == ["a.png", "x/a-2.png", "y/a.png"]
    assert (tmp_path / "out" / "x" / "a.png").read_bytes() == b"somebody's"
    assert outputs(files[::-1], told) == ["y/a.png", "x/a-2.png", "a.png"]
    (tmp_path / "out" / ".photopulse.jsonl").unlink()
    assert outputs(files, told) == ["a.png", "x/a-2.png", "y/a.png"]
    assert told == [False] * 3 + [True] * 6


def test_iptc_records_and_comments_stay(run, tmp_path):
    words = b"\x1c\x02\x19\x00\x06family"
    write_image(tmp_path / "in" / "a.jpg", torch.full((1, 3, 90, 120), 0.4), iptc=words, comment=b"hello")
    write_image(tmp_path / "in" / "b.tif", torch.full((1, 3, 90, 120), 0.4), iptc=words)
    run([tmp_path / "in" / "a.jpg", tmp_path / "in" / "b.tif"])
    one, other = (read_image(tmp_path / "out" / name) for name in ("a.jpg", "b.tif"))
    assert (one.iptc, one.comment, other.iptc) == (words, b"hello", words)


def test_with_overwrite_the_name_counts_alone(run, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.jpg").write_bytes(b"a picture of somebody else")
    (row,), _ = run(photos("a.jpg"), RestoreBatchSettings(overwrite=True))
    assert Path(row.output) == tmp_path / "out" / "a.jpg"
    assert (tmp_path / "out" / "a.jpg").read_bytes() != b"a picture of somebody else"


def test_a_picture_whose_row_was_lost_with_a_killed_run_is_made_again_in_its_place(run, photos, tmp_path):
    files = photos("a.jpg")
    run(files)
    log = tmp_path / "out" / ".photopulse.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]))  # That it was begun is all that is left.
    (tmp_path / "out" / "report.json").unlink()
    (row,), resumed = run(files)
    assert (Path(row.output).name, resumed) == ("a.jpg", [False])


def test_a_format_that_cannot_hold_the_result_is_found_out_before_the_work(run, tmp_path):
    write_image(tmp_path / "in" / "strip.webp", torch.full((1, 3, 4, 5000), 0.4))
    seen = []
    settings = RestoreBatchSettings(restore=RestoreSettings(scale=4, only="photo"))
    (row,), _ = run([tmp_path / "in" / "strip.webp"], settings, on_doing=seen.append)
    assert row.status == "failed"
    assert ".webp holds 16383 px at most, and the picture would have 20000 x 16" in row.error
    assert seen == []


def test_long_names_cost_neither_the_result_nor_the_comparison(run, tmp_path):
    long = tmp_path / "in" / f"{'a' * 246}.png"
    write_image(long, torch.full((1, 3, 90, 120), 0.4))
    (row,), _ = run([long], RestoreBatchSettings(compare=True))
    assert row.status == "restored", row.error
    assert sorted(path.suffix for path in (tmp_path / "out").glob("a*")) == [".png", ".png"]


def test_the_order_of_the_files_makes_no_result_twice(run, tmp_path):
    files = [tmp_path / folder / "p.png" for folder in ("a", "b")]
    for file, value in zip(files, (0.2, 0.6), strict=True):
        write_image(file, torch.full((1, 3, 90, 120), value))
    first, _ = run(files)
    second, resumed = run(files[::-1])
    assert resumed == [True, True]
    assert [row.output for row in second] == [row.output for row in first][::-1]


def test_a_comparison_overwrites_nothing_but_its_own(run, photos, tmp_path):
    (tmp_path / "out").mkdir()
    notes = tmp_path / "out" / "a_compare.png"
    notes.write_bytes(b"my own notes")
    files, settings = photos("a.jpg"), RestoreBatchSettings(compare=True)
    for options, kept in (
        (settings, False),
        (settings, True),
        (RestoreBatchSettings(compare=True, resume=False), False),
    ):
        _, resumed = run(files, options)
        assert resumed == [kept]
    assert notes.read_bytes() == b"my own notes"
    names = sorted(path.name for path in (tmp_path / "out").glob("a*"))
    assert names == ["a.jpg", "a_compare-2.png", "a_compare.png"]


def test_a_name_that_is_too_long_for_a_result_fails_alone(run, tmp_path):
    files = [tmp_path / "in" / f"{name}.png" for name in ("a", "n" * 251, "z")]
    for file in files:
        write_image(file, torch.full((1, 3, 90, 120), 0.4))
    rows, _ = run(files, RestoreBatchSettings(format="tiff"))
    assert [row.status for row in rows] == ["restored", "failed", "restored"]
    assert "too long" in rows[1].error


AUTO = RestoreSettings(repair="auto")


class TestRepair:
    """The toy network finds no damage; what is repaired is what a mask says."""

    @pytest.fixture
    def mask(self, tmp_path: Path) -> Path:
        drawn = torch.zeros(1, 3, 90, 120)
        drawn[:, :, 10:19] = 1
        write_image(tmp_path / "mask.png", drawn)
        return tmp_path / "mask.png"

    def test_the_row_tells_how_much_was_repaired_and_where_that_is_shown(self, run, photos, mask, tmp_path):
        settings = RestoreBatchSettings(restore=AUTO, mask=mask, save_mask=True)
        (row,), _ = run(photos("a.png"), settings)
        assert (row.repaired, row.mask) == (0.1, str(tmp_path / "out" / "a_mask.png"))
        shown = read_image(Path(row.mask))
        assert (shown.gray, shown.pixels[:, :, 10:19].min(), shown.pixels.mean()) == (True, 1, pytest.approx(0.1))

    def test_a_rerun_keeps_the_mask_and_another_mask_makes_another_result(self, run, photos, mask):
        files, settings = photos("a.png"), RestoreBatchSettings(restore=AUTO, mask=mask, save_mask=True)
        run(files, settings)
        (row,), resumed = run(files, settings)
        assert resumed == [True]
        Path(row.mask).unlink()
        assert run(files, settings)[1] == [False]
        write_image(mask, torch.zeros(1, 3, 90, 120))
        (row,), resumed = run(files, settings)
        assert (row.repaired, resumed) == (0, [False])

    def test_the_mask_overwrites_no_file_of_somebody_else(self, run, photos, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "a_mask.png").write_text("mine")
        (row,), _ = run(photos("a.png"), RestoreBatchSettings(restore=AUTO, save_mask=True))
        assert row.mask == str(tmp_path / "out" / "a_mask-2.png")
        assert (tmp_path / "out" / "a_mask.png").read_text() == "mine"

    def test_one_mask_of_two_photos_is_refused_before_anything_is_written(self, run, photos, mask, tmp_path):
        with pytest.raises(PhotopulseError, match="one photo is damaged"):
            run(photos("a.png", "b.png"), RestoreBatchSettings(restore=AUTO, mask=mask))
        assert not (tmp_path / "out").exists()

    def test_a_mask_that_is_not_there_is_refused_before_anything_is_written(self, run, photos, tmp_path):
        with pytest.raises(PhotopulseError, match=r"cannot read the mask .*no such file"):
            run(photos("a.png"), RestoreBatchSettings(restore=AUTO, mask=tmp_path / "none.png"))
        assert not (tmp_path / "out").exists()

    def test_a_mask_of_another_size_is_a_row(self, run, photos, tmp_path):
        write_image(tmp_path / "mask.png", torch.zeros(1, 3, 9, 12))
        (row,), _ = run(photos("a.png"), RestoreBatchSettings(restore=AUTO, mask=tmp_path / "mask.png"))
        assert row.status == "failed"
        assert "12 x 9 px, the photo 120 x 90" in row.error

    def test_a_mask_beside_no_repair_is_refused(self, mask):
        for restore in (RestoreSettings(repair="off"), RestoreSettings(only="face"), RestoreSettings(strength=0)):
            with pytest.raises(ValueError, match="leave one of the two out"):
                RestoreBatchSettings(restore=restore, mask=mask)


def test_photos_that_come_while_a_run_goes_on_are_restored_beside_the_others(
    photos, tmp_path, toy_restore_kit, listen, monkeypatch
):
    monkeypatch.setattr("photopulse.runs.executor.PAUSE", 0)
    first, second = photos("a.jpg"), photos("sub/a.jpg", "b.jpg", value=0.6)
    stages, told = [], []
    watcher = listen(
        start=lambda stage, steps: stages.append(steps),
        end=lambda item, *, resumed=False: told.append(Path(item.output).name),
    )
    items = restore_files(first, tmp_path / "out", toy_restore_kit(), None, watcher, more=[[], second, [], []])
    assert [Path(item.output).name for item in items] == ["a.jpg", "a-2.jpg", "b.jpg"] == told
    assert [Path(item.input) for item in items] == [*first, *second]
    assert stages == [1, 3]
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["items"]) == 3
