"""`photopulse upscale` as a user meets it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from photopulse.degrade import DEGRADATION_NAMES
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.images import read_metadata
from photopulse.runs.log import Log
from photopulse.upscaling import batch, worker

ROW = {
    "input": str,
    "output": str,
    "status": str,
    "error": type(None),
    "key": str,
    "downscale_mse": float,
    "eps": float,
    "steps": int,
    "full_evaluations": int,
    "surface": float,
    "seconds": float,
    "seed": int,
    "generator": str,
    "method": str,
    "mark": str,
    "size": list,
}


def one_line_error(result, *words):
    """Wrong usage: code 2, nothing on stdout, one line on stderr that tells what is wrong."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert str(word) in line
    return True


def test_a_folder_of_mixed_pictures_becomes_large_faces(upscale, faces, tmp_path):
    faces("a.png", "b.jpg", "c.webp")
    result = upscale(tmp_path / "in")
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert [Path(line.split("  ")[0]).name for line in lines] == ["a.png", "b.png", "c.png"]
    assert all("not-converged  mse " in line for line in lines)
    for name in ("a.png", "b.png", "c.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert picture.size == (32, 32)
    assert result.stderr.splitlines()[0] == f"3 not-converged; report: {tmp_path / 'out' / 'report.json'}"


def test_faces_of_subfolders_keep_their_place_and_are_found_again(upscale, faces, tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    faces("a.png", "sub/a.png")
    assert "not searched (--recursive searches them)" in upscale(tmp_path / "in").stderr
    upscale(tmp_path / "in", "--recursive")
    result = upscale(tmp_path / "in", "--recursive")
    names = [Path(line.split("  ")[0]).relative_to(tmp_path / "out") for line in result.stdout.splitlines()]
    assert names == [Path("a.png"), Path("sub/a.png")]
    assert result.stdout.count("kept from an earlier run") == 2


def test_exit_code_zero_when_all_are_close_enough(upscale, faces, tmp_path):
    result = upscale(*faces("a.png", "b.png"), "--eps", 1)
    assert result.exit_code == 0
    assert result.stderr == f"2 converged; report: {tmp_path / 'out' / 'report.json'}\n"


def test_the_report_has_the_promised_fields(upscale, faces, tmp_path):
    (file,) = faces("a.png")
    upscale(file, "--seed", 3, "--eps", 0.002)
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["version"] == 1
    assert content["command"] == "upscale"
    (item,) = content["items"]
    assert {name: type(value) for name, value in item.items()} == ROW
    assert item["surface"] == 0
    assert item["input"] == str(file)
    assert item["output"] == str(tmp_path / "out" / "a.png")
    assert (item["eps"], item["steps"], item["full_evaluations"], item["seed"]) == (0.002, 2, 2, 3)
    assert (item["generator"], item["method"], item["size"]) == ("tiny", "classic", [32, 32])
    told = read_metadata(Path(item["output"]))
    assert told["photopulse:synthetic"] == "true"
    assert told["photopulse:generator"] == "tiny"
    assert told["photopulse:seed"] == "3"
    assert told["photopulse:version"] == content["photopulse"]


def test_json_is_the_report_and_nothing_else(upscale, faces, tmp_path):
    result = upscale(*faces("a.png", "日本.png"), *faces("wrong.png", size=20), "--json")
    assert result.exit_code == 1
    assert result.stdout_bytes == (tmp_path / "out" / "report.json").read_bytes()
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: cannot upscale")


@pytest.mark.parametrize("size", [(20, 20), (16, 24), (1024, 1024)])
def test_a_size_that_does_not_fit_is_told_and_the_others_go_on(upscale, faces, tmp_path, size):
    files = faces("a.png", "b.png", "c.png")
    Image.new("RGB", size).save(files[1])
    result = upscale(*files)
    assert result.exit_code == 1
    assert [path.name for path in sorted((tmp_path / "out").glob("*.png"))] == ["a.png", "c.png"]
    error = result.stderr.splitlines()[0]
    assert error.startswith(f"error: cannot upscale {files[1]}: it has {size[0]} x {size[1]} pixels")
    assert "--align" in error


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "1", "LA", "I;16", "CMYK"])
def test_pictures_of_any_mode_work(upscale, tmp_path, mode):
    # PULSE's own code crashed on RGBA.
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        Image.fromarray(np.full((8, 8), 30000, dtype=np.uint16)).save(path)
    else:
        Image.new("RGBA" if mode in ("RGBA", "LA") else "RGB", (8, 8), "teal").convert(mode).save(path)
    assert upscale(path).exit_code == 3


def test_a_picture_may_have_a_name_that_is_no_unicode(upscale, faces, tmp_path):
    (file,) = faces("a.png")
    try:
        odd = file.rename(file.with_name(os.fsdecode(b"\xff.png")))
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    result = upscale(odd)
    assert result.exit_code == 3
    assert "\\udcff.png" in result.stdout
    assert upscale(odd).stdout.count("kept from an earlier run") == 1


def test_options_that_make_no_sense_are_told_in_one_line(upscale, faces, tmp_path):
    (file,) = faces("a.png")
    (tmp_path / "bad.txt").write_text("a kernel")
    (tmp_path / "empty").mkdir()
    assert one_line_error(upscale(tmp_path / "missing.png"), "missing.png")
    assert one_line_error(upscale(tmp_path / "empty"), "no pictures in", "empty")
    assert one_line_error(upscale(file, "--generator", "nope"), "'nope'", "mobilestylegan-ffhq-1024")
    assert one_line_error(upscale(file, "--degradation", "blur"), "'blur'", "bicubic, bilinear")
    assert one_line_error(upscale(file, "--kernel", tmp_path / "missing.npy"), "missing.npy")
    assert one_line_error(upscale(file, "--kernel", tmp_path / "bad.txt"), "bad.txt")
    assert one_line_error(upscale(file, "--loss", "L2"), "'L2'", "weight*NAME")
    assert one_line_error(upscale(file, "--loss", "1*L2+1*L2"), "twice")
    assert one_line_error(upscale(file, "--zero-noise", "one"), "'one'")
    assert one_line_error(upscale(file, "--zero-noise", "99"), "99", "--zero-noise")
    assert one_line_error(upscale(file, "--label", "0"), "leave --label out".capitalize())
    assert one_line_error(upscale(file, "--device", "abacus"), "abacus")
    assert one_line_error(upscale(file, "-o", file), "cannot write", file)
    assert one_line_error(upscale(file, "--align", "16", "--fit"), "--fit")


@pytest.mark.parametrize(
    "option",
    [
        *("--steps=0", "--steps=-5", "--steps=many", "--count=0", "--batch-size=0", "--eps=-1", "--seed=-1", "--lr=0"),
        *("--method=magic", "--optimizer=x", "--schedule=x", "--noise=x"),
    ],
)
def test_values_out_of_range_are_wrong_usage(upscale, faces, tmp_path, option):
    result = upscale(*faces("a.png"), option)
    assert result.exit_code == 2
    assert "Invalid value" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_not_a_number_is_wrong_usage(upscale, faces, tmp_path):
    (file,) = faces("a.png")
    for option in ("--eps=nan", "--eps=inf", "--lr=nan", "--lr=inf", f"--seed={10**30}"):
        result = upscale(file, option)
        assert result.exit_code == 2, option
        assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_count_gives_different_faces_whose_seeds_count_up(upscale, faces, tmp_path):
    (file,) = faces("a.png")
    upscale(file, "--count", 3, "--seed", 5)
    pictures = [np.asarray(Image.open(tmp_path / "out" / f"a_{k}.png")).astype(int) for k in range(3)]
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert np.abs(pictures[one] - pictures[other]).mean() > 2
    upscale(file, "--seed", 7)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), pictures[2])


def test_a_partial_last_batch_works(upscale, faces, tmp_path):
    assert upscale(*faces("a.png", "b.png", "c.png"), "--batch-size", 2).exit_code == 3
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_each_degradation_gives_another_face(upscale, faces, tmp_path, name):
    files = faces("a.png")
    assert upscale(*files, "--degradation", name).exit_code == 3
    mine = json.loads((tmp_path / "out" / "report.json").read_text())["items"][0]["downscale_mse"]
    upscale(*files, "--degradation", "bicubic" if name != "bicubic" else "box")
    other = json.loads((tmp_path / "out" / "report.json").read_text())["items"][0]["downscale_mse"]
    assert mine != other


def test_a_kernel_of_ones_is_the_box(upscale, faces, tmp_path):
    np.savetxt(tmp_path / "ones.csv", np.ones((4, 4)), delimiter=",")
    files = faces("a.png")
    errors = []
    for options in (("--kernel", tmp_path / "ones.csv"), ("--degradation", "box")):
        upscale(*files, *options)
        errors.append(json.loads((tmp_path / "out" / "report.json").read_text())["items"][0]["downscale_mse"])
    assert errors[0] == pytest.approx(errors[1], rel=1e-4)


def test_a_conditional_generator_takes_a_label(upscale, faces, tmp_path):
    torch.manual_seed(0)
    shape = StyleGAN2Settings(
        resolution=16, z_dim=8, c_dim=3, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8
    )
    path = tmp_path / "cats.safetensors"
    save_checkpoint(StyleGAN2(shape, name="cats"), path)
    files = faces("a.png")
    assert one_line_error(upscale(*files, "--generator", path), "3 classes", "--label 0 to 2")
    assert one_line_error(upscale(*files, "--generator", path, "--label", 3), "3 classes")
    assert upscale(*files, "--generator", path, "--label", 2).exit_code == 3


def test_steps_and_animation_are_written(upscale, faces, tmp_path):
    upscale(*faces("a.png"), "--save-steps", "--gif")
    steps = sorted((tmp_path / "out" / "a_steps").iterdir())
    assert [path.name for path in steps] == ["step_0001.png", "step_0002.png"]
    with Image.open(tmp_path / "out" / "a.gif") as animation:
        assert sum(frame.info["duration"] for frame in ImageSequence.Iterator(animation)) == 2 * 80 + 2000


def test_photos_are_aligned_first(upscale, faces, tmp_path, monkeypatch):
    class MadeUp:
        image = torch.full((1, 3, 16, 16), 0.4)

    monkeypatch.setattr("photopulse.faces.detect.FaceDetector.load", lambda: "detector")
    monkeypatch.setattr(batch, "align", lambda photo, *, size, detector: [MadeUp(), MadeUp()])
    result = upscale(*faces("a.png", size=40), "--align", 16)
    assert result.exit_code == 3
    assert [path.name for path in sorted((tmp_path / "out").glob("*.png"))] == ["a_face1.png", "a_face2.png"]


def test_a_size_to_align_to_that_the_generator_cannot_take_is_wrong_usage(upscale, faces, monkeypatch):
    monkeypatch.setattr("photopulse.faces.detect.FaceDetector.load", lambda: "detector")
    for size in (-4, 0, 20, 32):
        assert one_line_error(upscale(*faces("a.png"), "--align", size), "the search takes 4, 8 or 16 px")


def test_a_rerun_keeps_what_is_finished_and_fresh_does_not(upscale, faces, monkeypatch):
    files = faces("a.png", "b.png")
    upscale(*files)
    calls = []
    original = worker.upscale
    monkeypatch.setattr(worker, "upscale", lambda *a, **k: calls.append(1) or original(*a, **k))
    again = upscale(*files)
    assert again.exit_code == 3
    assert again.stdout.count("kept from an earlier run") == 2
    assert calls == []
    assert "kept" not in upscale(*files, "--fresh").stdout
    assert len(calls) == 2


def test_an_interruption_exits_with_130_and_keeps_the_finished(upscale, faces, tmp_path, monkeypatch):
    files = faces("a.png", "b.png", "c.png")
    calls = []
    original = worker.upscale

    def impatient(*arguments, **others):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **others)

    monkeypatch.setattr(worker, "upscale", impatient)
    result = upscale(*files)
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["items"]) == 1
    assert upscale(*files).exit_code == 3
    assert len(calls) == 4


STOPPED_IN_THE_MIDDLE = """
import itertools, signal, time
from photopulse import cli
from photopulse.upscaling import worker

original, calls = worker.upscale, itertools.count(1)

def upscale(*arguments, **others):
    if next(calls) == 3:
        print("in the middle", flush=True)
        time.sleep(600)
    return original(*arguments, **others)

worker.upscale = upscale
# A shell in the background hands on that it ignores the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
cli.main()
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_real_interruption_loses_nothing(upscale, faces, tmp_path, tiny_file, monkeypatch, end):
    files = faces("a.png", "b.png", "c.png", "d.png")
    options = ("--method", "classic", "--steps", "80")
    report = tmp_path / "out" / "report.json"
    command = ["-c", STOPPED_IN_THE_MIDDLE, "upscale", *files, "-o", tmp_path / "out", "--generator", tiny_file]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, *map(str, (*command, *options))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        # The third search is running when the process says so, and does not end.
        assert process.stdout is not None
        assert "in the middle\n" in iter(process.stdout.readline, "")
        process.send_signal(end)
        _, stderr = process.communicate()
    kept = [entry.row for entry in Log(tmp_path / "out").read().values()]
    assert len(kept) == 2
    if end != signal.SIGKILL:
        assert process.returncode == 130
        assert "error: interrupted" in stderr
        assert json.loads(report.read_text())["items"] == kept

    calls = []
    original = worker.upscale
    monkeypatch.setattr(worker, "upscale", lambda *a, **k: calls.append(1) or original(*a, **k))
    assert upscale(*files, *options).exit_code == 3
    assert len(calls) == 4 - len(kept)
    resumed = json.loads(report.read_text())["items"]
    assert resumed[: len(kept)] == kept

    upscale(*files, *options, "--fresh")
    for one, other in zip(resumed, json.loads(report.read_text())["items"], strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}
