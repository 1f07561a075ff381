"""An evaluation on the toy generator: what it writes, what it keeps, what it does where something fails."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.evaluation import bench as evaluate_bench
from photopulse.evaluation import figures as evaluate_figures
from photopulse.evaluation import inputs as evaluate_inputs
from photopulse.evaluation import methods
from photopulse.evaluation.evaluate import evaluate_files, exit_code_of
from photopulse.evaluation.inputs import picture_seed
from photopulse.evaluation.method import Made
from photopulse.evaluation.records import CurvePoint, read_rows
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.files.load import load_generator
from photopulse.images import read_image, read_metadata, to_uint8
from photopulse.metrics.frechet import frechet_distance
from photopulse.metrics.kid import kernel_distance
from photopulse.runs.watcher import Watcher


@pytest.fixture(scope="module")
def settings(tiny_generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("generator") / "tiny.safetensors"
    save_checkpoint(tiny_generator, path)
    return EvaluateSettings(
        methods=("nearest", "bicubic", "pulse:2"),
        small=8,
        sizes=(16, 32),
        aligned=True,
        generator=str(path),
        perceptual=False,
        identity=False,
        faces=False,
    )


@pytest.fixture
def sharp(faces):
    return faces("a.png", "b.png", "c.png", size=32)


def untimed(rows):
    return [replace(row, values={name: row.values[name] for name in row.values if name != "seconds"}) for row in rows]


def in_order(rows):
    return sorted(rows, key=lambda row: (row.condition, row.size or 0, row.method, row.image))


def picked(rows, **wanted):
    def value(row, name):
        return getattr(row, name, row.values.get(name))

    return [row for row in rows if all(value(row, name) == wanted[name] for name in wanted)]


def interrupt_after(number):
    done = []

    class Impatient(Watcher):
        def end(self, item, *, resumed=False):
            done.append(item)
            if len(done) == number:
                raise KeyboardInterrupt

    return Impatient()


class Counting(Watcher):
    """Counts what an earlier run made and what is new."""

    def __init__(self):
        self.resumed, self.new, self.notes = [], [], []

    def note(self, text):
        self.notes.append(text)

    def end(self, item, *, resumed=False):
        (self.resumed if resumed else self.new).append(item.input)


def test_each_method_has_a_row_for_each_picture_and_size(sharp, settings, tmp_path):
    rows = evaluate_files(sharp, tmp_path / "out", settings)
    assert len(rows) == 4 * 3 * 2
    for method in ("original", "nearest", "bicubic", "pulse:2"):
        for size in (16, 32):
            assert [row.image for row in picked(rows, method=method, size=size)] == ["a", "b", "c"]
    assert {row.condition for row in rows} == {"clean"}
    assert in_order(read_rows(tmp_path / "out" / "rows.csv")) == in_order(rows)
    assert exit_code_of(rows) == 3


def test_figures_show_each_method_and_the_course_of_searches(sharp, settings, tmp_path):
    evaluate_files(sharp, tmp_path / "out", replace(settings, limits=(("pulse:2", 1),), curves=True))
    figures = tmp_path / "out/figures"
    assert sorted(path.name for path in figures.iterdir()) == [
        "curves-clean.png",
        "faces-clean-16.png",
        "faces-clean-32.png",
    ]
    width, height = Image.open(figures / "faces-clean-32.png").size
    # Five columns (original, input, three methods) of 256 px; three faces with what they downscale to at half size.
    assert 5 * 256 < width < 5 * 280
    assert 3 * 384 < height < 3 * 420


def test_what_is_written_lies_where_it_is_expected(sharp, settings, tmp_path):
    out = tmp_path / "out"
    evaluate_files(sharp[:1], out, replace(settings, corruptions=("clean", "noise:25")))
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*.*") if path.suffix != ".json")
    made = ["bicubic/16/a.png", "bicubic/32/a.png", "nearest/16/a.png", "nearest/32/a.png", "pulse-2/32/a.png"]
    expected = [f"{folder}/{name}" for folder in ("noise-25", "clean") for name in (*made, "small/a.png")]
    sheets = [f"faces-{name}-{size}" for name in ("clean", "noise-25") for size in (16, 32)]
    points = [f"robustness-{size}{face}" for size in (16, 32) for face in ("", "-a")]
    figures = [f"figures/{name}.png" for name in (*sheets, *points)]
    assert files == sorted([*expected, *figures, "rows.csv", "sharp/a.png", "table.csv", "table.md"])
    assert read_metadata(out / "clean/pulse-2/32/a.png")["photopulse:synthetic"] == "true"
    assert "photopulse:synthetic" not in read_metadata(out / "clean/nearest/16/a.png")
    table = json.loads((out / "table.json").read_text())
    assert {summary["method"] for summary in table["summaries"]} == {"original", "nearest", "bicubic", "pulse:2"}
    assert json.loads((out / "settings.json").read_text())["methods"] == ["nearest", "bicubic", "pulse:2"]


def test_figures_agree_with_the_pictures_that_were_written(sharp, settings, tmp_path):
    out = tmp_path / "out"
    rows = evaluate_files(sharp[:1], out, settings)
    reference = np.asarray(Image.open(sharp[0])) / 255
    pulse = np.asarray(Image.open(out / "clean/pulse-2/32/a.png")) / 255
    (row,) = picked(rows, method="pulse:2", size=32)
    assert row.values.get("psnr") == pytest.approx(peak_signal_noise_ratio(reference, pulse, data_range=1), abs=1e-3)
    small = read_image(out / "clean/small/a.png").pixels
    tensor = read_image(out / "clean/pulse-2/32/a.png").pixels
    expected = (Bicubic(4)(tensor) - small).square().mean().item()
    assert row.values.get("downscale_mse") == pytest.approx(expected, rel=1e-4)
    # At the smaller size the picture is another, but it is as consistent as before, and took as long.
    (shrunk,) = picked(rows, method="pulse:2", size=16)
    assert shrunk.values.get("psnr") != row.values.get("psnr")
    for name in ("downscale_mse", "seconds"):
        assert shrunk.values[name] == row.values[name]
    (original,) = picked(rows, method="original", size=32)
    assert original.values.get("psnr") is None
    assert original.values.get("downscale_mse") < 1e-5


def test_the_small_face_is_the_sharp_one_corrupted_then_downscaled(sharp, settings, tmp_path):
    out = tmp_path / "out"
    evaluate_files(sharp[:1], out, replace(settings, corruptions=("clean", "noise:25"), methods=("nearest",)))
    pixels = read_image(sharp[0]).pixels
    clean = to_uint8(read_image(out / "clean/small/a.png").pixels)
    assert np.array_equal(clean, to_uint8(Bicubic(4)(pixels)))
    random = torch.Generator().manual_seed(picture_seed("a", 0))
    noisy = (pixels + torch.randn(pixels.shape, generator=random) * 25 / 255).clamp(0, 1)
    found = to_uint8(read_image(out / "noise-25/small/a.png").pixels).astype(int)
    spread = np.abs(found - clean.astype(int)).mean()
    assert spread == pytest.approx(np.abs(to_uint8(Bicubic(4)(noisy)).astype(int) - clean).mean(), rel=0.3)
    assert picture_seed("a", 0) != picture_seed("b", 0) != picture_seed("b", 1)


@pytest.mark.parametrize("finished", [1, 4, 12, 20])
def test_an_interrupted_run_goes_on_to_the_same_rows_and_tables(sharp, settings, tmp_path, finished):
    whole = evaluate_files(sharp, tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        evaluate_files(sharp, tmp_path / "out", settings, interrupt_after(finished))
    counting = Counting()
    resumed = evaluate_files(sharp, tmp_path / "out", settings, counting)
    assert len(counting.resumed) == finished
    assert untimed(resumed) == untimed(whole)
    assert untimed(read_rows(tmp_path / "out/rows.csv")) == untimed(read_rows(tmp_path / "whole/rows.csv"))
    # What is done is not done again, and keeps its seconds: now even the files are equal.
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}
    counting = Counting()
    evaluate_files(sharp, tmp_path / "out", settings, counting)
    assert not counting.new
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()} == before


def test_another_size_measures_the_pictures_that_are_there(sharp, settings, tmp_path, monkeypatch):
    one = replace(settings, methods=("pulse:2",), sizes=(32,))
    first = evaluate_files(sharp[:1], tmp_path / "out", one)

    def forbidden(*_arguments, **_others):
        raise AssertionError("searched again")

    monkeypatch.setattr("photopulse.evaluation.searched.upscale", forbidden)
    both = evaluate_files(sharp[:1], tmp_path / "out", replace(one, sizes=(16, 32)))
    assert picked(both, size=32) == first
    (again,) = picked(both, method="pulse:2", size=16)
    assert again.values["seconds"] == picked(first, method="pulse:2")[0].values["seconds"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"resume": False}, {"degradation": "box"}, {"curves": True}])
def test_other_settings_search_again(sharp, settings, tmp_path, change):
    one = replace(settings, methods=("pulse:2",))
    evaluate_files(sharp[:1], tmp_path / "out", one)
    counting = Counting()
    evaluate_files(sharp[:1], tmp_path / "out", replace(one, **change), counting)
    assert any("pulse:2" in name for name in counting.new)


def test_a_changed_photo_is_done_anew_and_the_others_are_kept(sharp, settings, tmp_path):
    quick = replace(settings, methods=("nearest",), sizes=(32,))
    evaluate_files(sharp, tmp_path / "out", quick)
    Image.new("RGB", (32, 32), "teal").save(sharp[1])
    counting = Counting()
    rows = evaluate_files(sharp, tmp_path / "out", quick, counting)
    assert {name.split(",")[0] for name in counting.new} == {"b"}
    assert picked(rows, image="b", method="nearest")[0].values["downscale_mse"] < 1e-9


def test_a_run_whose_measures_were_others_keeps_its_pictures(sharp, settings, tmp_path, monkeypatch):
    quick = replace(settings, methods=("pulse:2",), sizes=(32,))
    first = evaluate_files(sharp[:1], tmp_path / "out", quick)
    sidecar = tmp_path / "out/clean/pulse-2/32/a.json"
    content = json.loads(sidecar.read_text())
    key, values = content["measured"]["32"]
    content["measured"]["32"] = ["another", {"beauty": 1, "psnr": values["psnr"]}]
    sidecar.write_text(json.dumps(content))

    def forbidden(*_arguments, **_others):
        raise AssertionError("searched again")

    monkeypatch.setattr("photopulse.evaluation.searched.upscale", forbidden)
    assert evaluate_files(sharp[:1], tmp_path / "out", quick) == first
    assert json.loads(sidecar.read_text())["measured"]["32"] == [key, values]


@pytest.mark.parametrize("damage", ["", "[]", '{"key": 1}', "{"])
def test_a_damaged_memory_is_mended(sharp, settings, tmp_path, damage):
    quick = replace(settings, methods=("nearest",), sizes=(32,))
    first = evaluate_files(sharp[:1], tmp_path / "out", quick)
    sidecar = tmp_path / "out/clean/nearest/32/a.json"
    sidecar.write_text(damage)
    assert untimed(evaluate_files(sharp[:1], tmp_path / "out", quick)) == untimed(first)
    content = json.loads(sidecar.read_text())
    del content["measured"]
    sidecar.write_text(json.dumps(content))
    assert untimed(evaluate_files(sharp[:1], tmp_path / "out", quick)) == untimed(first)


@pytest.mark.slow
def test_all_searches_of_an_evaluation_load_their_generator_once(sharp, settings, tmp_path, monkeypatch):
    loaded: list[str] = []

    def load(name, device):
        loaded.append(name)
        return load_generator(name, device)

    monkeypatch.setattr("photopulse.evaluation.method.load_generator", load)
    evaluate_files(
        sharp[:1], tmp_path / "out", replace(settings, methods=("nearest", "pulse:2", "pulse:3", "fast:draft"))
    )
    assert loaded == [settings.generator]


def test_two_workers_make_the_rows_of_one(sharp, settings, tmp_path):
    one = evaluate_files(sharp, tmp_path / "one", settings)
    two = evaluate_files(sharp, tmp_path / "two", replace(settings, workers=2))
    assert untimed(two) == untimed(one)


@pytest.mark.slow
def test_workers_end_when_the_run_is_interrupted(sharp, settings, tmp_path):
    several = replace(settings, workers=2)
    with pytest.raises(KeyboardInterrupt):
        evaluate_files(sharp, tmp_path / "out", several, interrupt_after(5))
    whole = evaluate_files(sharp, tmp_path / "whole", settings)
    assert untimed(evaluate_files(sharp, tmp_path / "out", settings)) == untimed(whole)


def test_a_photo_that_fails_has_a_row_and_stops_no_other(sharp, settings, tmp_path):
    sharp[1].write_bytes(b"no picture")
    rows = evaluate_files(sharp, tmp_path / "out", replace(settings, methods=("nearest",), sizes=(32,)))
    (failed,) = [row for row in rows if row.error]
    assert (failed.image, failed.method) == ("b", "original")
    assert "b.png" in failed.error
    assert [row.image for row in picked(rows, method="nearest")] == ["a", "c"]
    assert exit_code_of(rows) == 1


def test_a_face_that_is_no_square_of_the_right_size_says_what_is_needed(faces, settings, tmp_path):
    (file,) = faces("odd.png", size=24)
    (row,) = evaluate_files([file], tmp_path / "out", replace(settings, methods=("nearest",)))
    assert "it has 24 x 24 px, and results of 16 and 32 px need a square that they divide" in row.error


def test_a_method_that_fails_on_one_face_fails_there_only_and_is_tried_again(sharp, settings, tmp_path, monkeypatch):
    quick = replace(settings, methods=("nearest", "bicubic"), sizes=(32,))
    write = evaluate_bench.write_image

    def full(path, *arguments, **others):
        if path.stem == "b" and "bicubic" in path.parts:
            raise OSError(28, "No space left on device")
        write(path, *arguments, **others)

    monkeypatch.setattr(evaluate_bench, "write_image", full)
    rows = evaluate_files(sharp, tmp_path / "out", quick)
    (failed,) = [row for row in rows if row.error]
    assert (failed.image, failed.method, failed.values.get("psnr")) == ("b", "bicubic", None)
    assert "No space left" in failed.error
    monkeypatch.undo()
    assert exit_code_of(evaluate_files(sharp, tmp_path / "out", quick)) == 0


def test_photos_are_aligned_and_the_largest_face_counts(sharp, settings, tmp_path, monkeypatch):
    def find(photo, *, size, detector):
        assert (size, detector) == (0, "detector")
        if photo.stem == "b":
            raise PhotopulseError("cannot align b.png", why="no face was found in it", fix="come closer")
        return [type("Face", (), {"image": torch.full((1, 3, 32, 32), gray)}) for gray in (0.2, 0.6)]

    monkeypatch.setattr(evaluate_inputs, "align", find)
    photos = replace(settings, aligned=False, methods=("nearest",))
    rows = evaluate_files(sharp, tmp_path / "out", photos, detector="detector")
    assert [row.error for row in rows if row.error] == ["cannot align b.png: no face was found in it. Come closer."]
    assert read_image(tmp_path / "out/sharp/a.png").pixels.mean().item() == pytest.approx(0.2, abs=1e-6)
    assert not (tmp_path / "out/sharp/b.png").exists()


class MadeUpSearch:
    """A second searching method: repeats pixels, and has a curve only if told so."""

    def __init__(self, name, options, *, curve=()):
        self.name, self.curve = name, curve if options.curves else ()

    def native_size(self, small, size):
        return 32

    def fingerprint(self):
        return self.name

    def __call__(self, given, size, seed):
        image = torch.nn.functional.interpolate(given, size=32)
        return Made(image=image, seconds=0.01, converged=self.name == "fast", curve=self.curve)


@pytest.fixture
def with_fast(monkeypatch):
    """Puts ``fast`` and ``fast:draft`` beside PULSE, with the curve that it is given."""

    def put(curve=()):
        def build(argument, options):
            return MadeUpSearch(f"fast:{argument}" if argument else "fast", options, curve=curve)

        monkeypatch.setitem(methods._BUILDERS, "fast", build)

    return put


def test_several_searches_stand_side_by_side(sharp, settings, tmp_path, with_fast):
    with_fast(curve=(CurvePoint(step=1, seconds=0.01, downscale_mse=1e-4, niqe=None),))
    texts = ("nearest", "fast", "fast:draft", "pulse:2")
    limits = (("pulse:2", 1), ("fast:draft", 2))
    told = replace(settings, methods=texts, limits=limits, corruptions=("clean", "noise:25"), curves=True, sizes=(32,))
    rows = evaluate_files(sharp, tmp_path / "out", told)
    clean = picked(rows, condition="clean")
    counts = {method: len(picked(clean, method=method)) for method in texts}
    assert counts == {"nearest": 3, "fast": 3, "fast:draft": 2, "pulse:2": 1}
    assert {row.method: row.values.get("converged") for row in clean if row.image == "a"} == {
        "original": None,
        "nearest": None,
        "fast": True,
        "fast:draft": False,
        "pulse:2": False,
    }
    assert (tmp_path / "out/clean/fast-draft/32/b.png").is_file()
    figures = {path.name for path in (tmp_path / "out/figures").iterdir()}
    assert {"curves-clean.png", "curves-noise-25.png", "robustness-32.png", "robustness-32-a.png"} <= figures
    table = json.loads((tmp_path / "out/table.json").read_text())
    shared = [s for s in table["summaries"] if (s["scope"], s["condition"]) == ("shared", "clean")]
    assert {s["method"]: s["images"] for s in shared} == dict.fromkeys(["original", *texts], 1)


def test_a_search_that_has_no_curve_is_not_repeated_for_one(sharp, settings, tmp_path, with_fast):
    with_fast()
    told = replace(settings, methods=("fast",), sizes=(32,))
    evaluate_files(sharp[:1], tmp_path / "out", told)
    wanted = replace(told, curves=True)
    first = Counting()
    evaluate_files(sharp[:1], tmp_path / "out", wanted, first)
    assert first.new == ["a, clean, fast 32 px"]
    again = Counting()
    evaluate_files(sharp[:1], tmp_path / "out", wanted, again)
    assert again.new == []


def test_curves_of_an_older_version_are_kept(sharp, settings, tmp_path):
    told = replace(settings, methods=("pulse:2",), sizes=(32,), curves=True)
    first = evaluate_files(sharp[:1], tmp_path / "out", told)
    sidecar = tmp_path / "out/clean/pulse-2/32/a.json"
    content = json.loads(sidecar.read_text())
    assert len(content["curve"]) == 2
    del content["curve_wanted"]
    sidecar.write_text(json.dumps(content))
    counting = Counting()
    assert evaluate_files(sharp[:1], tmp_path / "out", told, counting) == first
    assert counting.new == []


def test_a_limit_holds_for_its_method_only(sharp, settings, tmp_path):
    rows = evaluate_files(sharp, tmp_path / "out", replace(settings, limits=(("pulse:2", 1),)))
    assert {row.image for row in picked(rows, method="pulse:2")} == {"a"}
    assert {row.image for row in picked(rows, method="nearest")} == {"a", "b", "c"}


def test_a_method_that_cannot_make_a_size_is_left_out_and_that_is_said(sharp, settings, tmp_path):
    counting = Counting()
    rows = evaluate_files(sharp, tmp_path / "out", replace(settings, methods=("nearest", "fsrnet")), counting)
    assert counting.notes == ["fsrnet is left out at 16 and 32 px: it does not enlarge 8 px to that"]
    assert not picked(rows, method="fsrnet")


def test_identity_is_left_out_once_where_dlib_is_missing(sharp, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("photopulse.extras.find_spec", lambda name: None)
    counting = Counting()
    wanted = replace(settings, methods=("nearest",), identity=True)
    rows = evaluate_files(sharp, tmp_path / "out", wanted, counting)
    assert counting.notes == ["identity is not measured: dlib is not installed (pip install 'photopulse[identity]')"]
    assert all(row.values.get("identity") is None for row in rows)


def test_a_flat_face_has_no_niqe_and_fails_no_more_than_others(faces, settings, tmp_path):
    files = faces("a.png", "b.png", "flat.png", size=192)
    Image.new("RGB", (192, 192), "teal").save(files[2])
    rows = evaluate_files(files, tmp_path / "out", replace(settings, methods=("bicubic",), small=16, sizes=(96, 192)))
    assert not any(row.error for row in rows)
    assert {row.image for row in picked(rows, size=192, niqe=None)} == {"flat"}
    table = json.loads((tmp_path / "out/table.json").read_text())
    # The other two are enough for the NIQE of the set.
    assert all(summary["set_niqe"] > 0 for summary in table["summaries"] if summary["size"] == 96)
    assert not evaluate_files(files, tmp_path / "out", replace(settings, methods=("bicubic",), sizes=(96,)))[0].error


def test_the_robustness_sheet_shows_the_corrupted_face_in_full_size(sharp, settings, tmp_path, monkeypatch):
    sheets = {}
    monkeypatch.setattr(
        evaluate_figures, "write_sheet", lambda path, strips, **told: sheets.update({path.name: (strips, told)})
    )
    two = replace(settings, methods=("nearest",), corruptions=("clean", "noise:25"), sizes=(16,))
    evaluate_files(sharp[:1], tmp_path / "out", two)
    strips, told = sheets["robustness-16-a.png"]
    assert told["columns"] == ["corrupted", "input", "nearest", "original"]
    assert [strip.label for strip in strips] == ["clean", "noise:25"]
    clean, noisy = (strip.pictures for strip in strips)
    original = read_image(sharp[0]).pixels
    assert torch.equal(clean[0], original)
    assert torch.equal(noisy[3], original)
    # The noise is that which the small face was made with.
    assert np.array_equal(
        to_uint8(Bicubic(4)(noisy[0])), to_uint8(read_image(tmp_path / "out/noise-25/small/a.png").pixels)
    )
    assert (noisy[0] - original).abs().mean() > 0.05
    assert noisy[2].shape[-1] == 16


def test_small_faces_share_a_niqe_and_large_ones_have_their_own(faces, settings, tmp_path):
    files = faces("a.png", "b.png", size=192)
    quick = replace(settings, methods=("bicubic",), small=16, sizes=(96, 192))
    rows = evaluate_files(files, tmp_path / "out", quick)
    assert all((row.values.get("niqe") is None) == (row.size == 96) for row in rows)
    table = json.loads((tmp_path / "out/table.json").read_text())
    pooled = {(s["method"], s["size"]): s["set_niqe"] for s in table["summaries"]}
    assert pooled["bicubic", 96] > 0
    assert pooled["bicubic", 192] is None


def test_sets_are_compared_by_the_features_of_their_pictures(sharp, settings, tmp_path, monkeypatch):
    def pooled(image):
        return torch.stack([image.mean((0, 2, 3)), image.amax((2, 3))[0]]).reshape(1, 6)

    net = SimpleNamespace(pooled=pooled, stages=lambda image: [image - 0.5])
    monkeypatch.setattr("photopulse.evaluation.comparison.load_features", lambda: net)
    wanted = replace(settings, methods=("nearest", "bicubic"), sizes=(32,), perceptual=True)
    rows = evaluate_files(sharp, tmp_path / "out", wanted)
    table = json.loads((tmp_path / "out/table.json").read_text())
    found = {summary["method"]: summary for summary in table["summaries"]}

    def features(method):
        pictures = [row for row in rows if row.method == method]
        return torch.tensor([row.traits["features"] for row in pictures], dtype=torch.float64)

    expected = kernel_distance(features("bicubic"), features("original"), paired=True)
    assert found["bicubic"]["kd"] == pytest.approx(1e3 * expected.value)
    assert found["nearest"]["fd"] == pytest.approx(frechet_distance(features("nearest"), features("original")))
    assert (found["original"]["kd"], found["original"]["fd"]) == (None, None)
    picture = read_image(tmp_path / "out/clean/bicubic/32/a.png").pixels
    assert rows[6].traits["features"] == pytest.approx(pooled(picture)[0].tolist(), abs=1e-4)
    assert picked(rows, method="bicubic")[0] == rows[6]


def test_inputs_are_never_overwritten(sharp, settings, tmp_path):
    evaluate_files(sharp, tmp_path / "out", replace(settings, methods=("nearest",)))
    again = sorted((tmp_path / "out/sharp").glob("*.png"))
    rows = evaluate_files(again, tmp_path / "out", replace(settings, methods=("nearest",)))
    assert all("one of the inputs" in row.error for row in rows)


@pytest.mark.parametrize(
    "wrong",
    [
        {"methods": ("magic",)},
        {"methods": ()},
        {"methods": ("nearest", "nearest")},
        {"corruptions": ("fog:3",)},
        {"corruptions": ("clean", "none")},
        {"small": 2, "sizes": (10,)},
        {"sizes": (100,)},
        {"sizes": (8,)},
        {"degradation": "magic"},
        {"limits": (("bicubic", 0),)},
        {"limits": (("pulse", 3),)},
        {"workers": 0},
        {"small": 0},
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_work(wrong):
    quick = {"methods": ("nearest", "bicubic"), "small": 16} | wrong
    with pytest.raises((ValueError, PhotopulseError)):
        EvaluateSettings(**quick)
