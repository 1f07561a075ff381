"""Photos damaged and restored in an evaluation: what methods get, what is measured, what goes on after a stop."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from photopulse.degrade import LEVELS
from photopulse.errors import PhotopulseError
from photopulse.evaluation.evaluate import evaluate_files, exit_code_of
from photopulse.evaluation.inputs import picture_seed
from photopulse.evaluation.method import MethodOptions
from photopulse.evaluation.methods import RESTORER_NAMES, make_restorer
from photopulse.evaluation.places import FacePlace
from photopulse.evaluation.records import read_rows
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.images import read_image, read_metadata, to_uint8
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

SETTINGS = EvaluateSettings(
    restore=("light", "heavy"), methods=("input", "bicubic"), perceptual=False, identity=False, faces=False
)


@pytest.fixture
def photos(tmp_path):
    """Photos of two sizes, neither square."""
    folder = tmp_path / "in"
    folder.mkdir()
    draw = np.random.default_rng(5)
    for name, (height, width) in (("a.png", (96, 72)), ("b.png", (64, 80))):
        coarse = Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(folder / name)
    return sorted(folder.iterdir())


def picked(rows, **wanted):
    return [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]


def test_each_method_has_a_row_for_each_photo_and_level(photos, tmp_path):
    rows = evaluate_files(photos, tmp_path / "out", SETTINGS)
    assert {(row.image, row.condition, row.method) for row in rows} == {
        (image, level, method)
        for image in "ab"
        for level in ("light", "heavy")
        for method in ("original", "input", "bicubic")
    }
    assert len(rows) == 12
    assert {(row.size, row.small) for row in rows} == {(None, None)}
    assert exit_code_of(rows) == 0
    table = (tmp_path / "out/table.md").read_text(encoding="utf-8")
    assert table.index("## light\n") < table.index("## heavy\n")
    key = [(row.image, row.condition, row.method) for row in read_rows(tmp_path / "out/rows.csv")]
    assert sorted(key) == sorted((row.image, row.condition, row.method) for row in rows)
    figures = sorted(path.name for path in (tmp_path / "out/figures").iterdir())
    assert figures == ["photos-heavy.png", "photos-light.png", "robustness.png"]


def test_methods_get_the_damage_of_the_level_and_bring_it_to_the_size_of_the_photo(photos, tmp_path):
    rows = evaluate_files(photos, tmp_path / "out", SETTINGS)
    random = torch.Generator().manual_seed(picture_seed("heavy a", 0))
    sharp = read_image(photos[0]).pixels
    expected = LEVELS["heavy"].draw(random)(sharp, random)
    given = Image.open(tmp_path / "out/heavy/damaged/a.png")
    assert np.array_equal(np.asarray(given), to_uint8(expected))
    made = np.asarray(Image.open(tmp_path / "out/heavy/bicubic/a.png"))
    assert np.array_equal(made, np.asarray(given.resize((72, 96), Image.Resampling.BICUBIC)))
    (row,) = picked(rows, image="a", condition="heavy", method="bicubic")
    reference = np.asarray(Image.open(photos[0]))
    assert row.values["psnr"] == pytest.approx(peak_signal_noise_ratio(reference, made), abs=1e-3)
    assert not {"downscale_mse", "ita_shift", "converged"} & set(row.values)


def test_the_face_of_a_photo_has_rows_of_its_own_at_the_place_of_the_sharp_one(photos, tmp_path, monkeypatch):
    place = FacePlace(box=(10, 20, 40, 60), quad=((10, 20), (10, 50), (40, 50), (40, 20)))
    monkeypatch.setattr(
        "photopulse.evaluation.inputs.find_face",
        lambda photo, _detector, least: place if photo.shape[3] == 72 else None,
    )

    class NoFace:
        def detect(self, image):
            return []

    monkeypatch.setattr("photopulse.faces.detect.FaceDetector.load", NoFace)
    settings = replace(SETTINGS, faces=True, restore=("light",))
    rows = evaluate_files(photos, tmp_path / "out", settings)
    assert {(row.image, row.condition) for row in rows} == {("a", "light"), ("a", "light, face"), ("b", "light")}
    (row,) = picked(rows, condition="light, face", method="bicubic")
    cut = [np.asarray(Image.open(path))[20:60, 10:40] for path in (photos[0], tmp_path / "out/light/bicubic/a.png")]
    assert row.values["psnr"] == pytest.approx(peak_signal_noise_ratio(*cut), abs=1e-3)
    assert row.values["confidence"] == 0
    again = evaluate_files(photos, tmp_path / "out", settings)
    assert sorted(map(repr, again)) == sorted(map(repr, rows))


def test_an_interrupted_run_goes_on_and_a_finished_one_makes_nothing_anew(photos, tmp_path, listen):
    whole = evaluate_files(photos, tmp_path / "whole", SETTINGS)
    done = []

    def stop(item, **_others):
        done.append(item.input)
        if len(done) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_files(photos, tmp_path / "out", SETTINGS, listen(end=stop))
    told = []
    watcher = listen(end=lambda _item, resumed=False: told.append(resumed))
    resumed = evaluate_files(photos, tmp_path / "out", SETTINGS, watcher)
    assert told.count(True) == 7

    def figures(rows):
        return sorted(
            (row.image, row.condition, row.method, row.values.get("psnr"), row.values.get("ssim")) for row in rows
        )

    assert figures(resumed) == figures(whole)
    told.clear()
    evaluate_files(photos, tmp_path / "out", SETTINGS, watcher)
    assert all(told)
    assert (tmp_path / "out/rows.csv").is_file()


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"size": 3}'])
def test_a_damaged_memory_of_a_photo_is_mended(photos, tmp_path, damage):
    first = evaluate_files(photos[:1], tmp_path / "out", SETTINGS)
    sidecar = tmp_path / "out/sharp/a.json"
    content = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({"key": content["key"], "size": 3}) if "size" in damage else damage)
    again = evaluate_files(photos[:1], tmp_path / "out", SETTINGS)
    assert sorted(map(repr, again)) == sorted(map(repr, first))
    assert json.loads(sidecar.read_text()) == content


def test_another_seed_damages_otherwise(photos, tmp_path):
    one, two = (evaluate_files(photos[:1], tmp_path / str(seed), replace(SETTINGS, seed=seed)) for seed in (0, 1))
    assert picked(one, method="input")[0].values["psnr"] != picked(two, method="input")[0].values["psnr"]


def test_a_photo_that_cannot_be_read_is_a_row(photos, tmp_path):
    photos[1].write_bytes(b"no picture")
    rows = evaluate_files(photos, tmp_path / "out", SETTINGS)
    (failed,) = [row for row in rows if row.error]
    assert (failed.image, failed.method, failed.condition, failed.size) == ("b", "original", "light", None)
    assert exit_code_of(rows) == 1


def test_photos_too_small_to_measure_say_so(tmp_path):
    Image.new("RGB", (40, 8)).save(tmp_path / "a.png")
    (row,) = evaluate_files([tmp_path / "a.png"], tmp_path / "out", SETTINGS)
    assert "it has 40 x 8 px, and measures need 11 in both directions" in row.error


def test_realesrgan_is_left_out_where_its_weights_cannot_be_had(photos, tmp_path, monkeypatch, listen):
    def missing(_device):
        raise PhotopulseError("cannot fetch it", why="there is no network", fix="connect")

    monkeypatch.setattr("photopulse.evaluation.restorers.load_realesrgan", missing)
    notes = []
    settings = replace(SETTINGS, methods=("input", "realesrgan"))
    rows = evaluate_files(photos, tmp_path / "out", settings, listen(note=notes.append))
    assert notes == ["realesrgan is left out: cannot fetch it: there is no network. Connect."]
    assert {row.method for row in rows} == {"original", "input"}
    assert not any(row.error for row in rows)


def test_restore_is_the_restoration_of_the_command_with_its_fidelity(monkeypatch):
    given = torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(0))
    settings = RestoreSettings(size=(40, 48), only="photo")
    kit = RestoreKit.load(settings)
    monkeypatch.setattr(RestoreKit, "load", lambda _settings, _device: kit)
    options = MethodOptions()
    made = make_restorer("restore:photo", options)(given, (40, 48), 0)
    assert torch.equal(made.image, restore_photo(given, settings=settings, kit=kit).image)
    assert made.metadata["photopulse:faces"] == "0"
    prints = [make_restorer(text, options).fingerprint() for text in ("restore", "restore:0.8", "restore:photo")]
    assert len(set(prints)) == 3
    assert make_restorer("restore:0.5", options).fingerprint() == prints[0]


def test_non_local_means_smooth_more_the_stronger_they_are():
    grey = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    flat = 0.5 + 0.05 * grey.expand(1, 3, 32, 32)
    weak, strong = (make_restorer(text)(flat, (32, 32), 0).image.std() for text in ("nlm", "nlm:40"))
    assert strong < weak / 4


@pytest.mark.parametrize(
    "text", ["magic", "pulse", "input:3", "nlm:x", "nlm:0", "restore:2", "restore:nan", "restore:x"]
)
def test_texts_that_are_no_way_of_restoring_are_refused(text):
    with pytest.raises(ValueError, match=r"unknown method|takes no settings|write "):
        make_restorer(text)


def test_the_error_lists_all_ways_of_restoring():
    with pytest.raises(ValueError, match=", ".join(RESTORER_NAMES)):
        make_restorer("magic")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"restore": ("dreadful",)}, "no level of damage 'dreadful'; choose one of light, medium, heavy"),
        ({"restore": ("light", "light")}, "is there twice"),
        ({"methods": ("nearest",)}, "unknown method 'nearest'"),
        ({"small": 8}, "small says nothing about photos"),
        ({"corruptions": ("noise:25",), "curves": True}, "corruptions, curves says nothing"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_work(wrong, why):
    with pytest.raises(ValueError, match=why):
        replace(SETTINGS, **wrong)


@pytest.mark.weights
def test_photopulse_is_nearer_to_a_damaged_portrait_than_its_pixels(tmp_path, face_weights):
    from skimage import data

    portrait = tmp_path / "a.png"
    Image.fromarray(data.astronaut()[:256, 96:352]).save(portrait)
    settings = replace(SETTINGS, restore=("medium",), methods=("input", "restore"), faces=True)
    rows = evaluate_files([portrait], tmp_path / "out", settings)
    for condition in ("medium", "medium, face"):
        (ours,), (given,) = (picked(rows, condition=condition, method=method) for method in ("restore", "input"))
        assert ours.values["psnr"] > given.values["psnr"]
    assert "photopulse:restored" in str(read_metadata(tmp_path / "out/medium/restore/a.png"))
    assert json.loads((tmp_path / "out/sharp/a.json").read_text())["face"]["box"]
