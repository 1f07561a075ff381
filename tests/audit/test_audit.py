"""A bias audit on the toy generator, with a detector that finds a face where it is told to."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from photopulse.audit import audit
from photopulse.audit.audit import AuditSettings, audit_files
from photopulse.audit.rows import read_audit_rows
from photopulse.errors import PhotopulseError
from photopulse.faces.blazeface import Face
from photopulse.faces.mesh import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, FaceMesh
from photopulse.faces.skin_tone import SKIN_POLYGONS
from photopulse.images import read_metadata
from photopulse.search.pulse import PulseSettings
from photopulse.upscaling.upscale import UpscaleSettings

SHORT = AuditSettings(upscale=UpscaleSettings(method="classic", classic=PulseSettings(steps=2)), size=8, aligned=True)
SKIN = {"light.png": (224, 180, 150), "tan.png": (170, 125, 95), "dark.png": (80, 52, 40)}


class MadeUpDetector:
    """Finds one upright face that fills the picture, unless the picture's side is one of ``faceless``."""

    def __init__(self, faceless=()):
        self.mesher = self
        self.faceless = faceless

    def detect(self, image):
        side = float(image.shape[-1])
        found = Face(box=(0, 0, side, side), score=1, keypoints=np.zeros((6, 2)))
        return [] if image.shape[-1] in self.faceless else [found]

    def face_mesh(self, image, face):
        side, points = image.shape[-1], np.zeros((468, 3))
        rectangles = ((0.3, 0.2, 0.7, 0.35), (0.2, 0.5, 0.45, 0.7), (0.55, 0.5, 0.8, 0.7))
        for corners, (left, top, right, bottom) in zip(SKIN_POLYGONS, rectangles, strict=True):
            turn = [(left, top), (right, top), (right, bottom), (left, bottom)]
            for i, corner in enumerate(corners):
                points[corner, :2] = turn[min(i, 3)]
        points[list(LEFT_EYE), :2] = (0.35, 0.42)
        points[list(RIGHT_EYE), :2] = (0.65, 0.42)
        points[list(MOUTH_CORNERS), :2] = [(0.38, 0.78), (0.62, 0.78)]
        points[:, :2] = points[:, :2] * side - 0.5
        return FaceMesh(points=points, presence=1)


@pytest.fixture
def photos(tmp_path):
    """Flat pictures of 64 px in the colours of skin."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, colour in SKIN.items():
        Image.new("RGB", (64, 64), colour).save(folder / name)
    return [folder / name for name in SKIN]


@pytest.fixture
def run(photos, tmp_path, tiny_generator):
    def audited(files=photos, settings=SHORT, watcher=None, folder=tmp_path / "out", detector=None):
        return audit_files(files, folder, tiny_generator, settings, watcher, detector or MadeUpDetector())

    return audited


@pytest.fixture
def searched(monkeypatch):
    """The seeds of each search that is made, batch by batch."""
    batches = []
    original = audit.upscale

    def spy(target, kit, *, seed, **others):
        batches.append(tuple(seed))
        return original(target, kit, seed=seed, **others)

    monkeypatch.setattr(audit, "upscale", spy)
    return batches


def untimed(rows):
    return [replace(row, seconds=None) for row in rows]


def angle(colour):
    lightness, _, b = rgb2lab(np.array(colour)[None, None] / 255)[0, 0]
    return np.degrees(np.arctan2(lightness - 50, b))


def test_each_photo_becomes_a_row_and_a_picture(run, photos, tmp_path):
    rows = run()
    assert [row.image for row in rows] == [str(photo) for photo in photos]
    assert read_audit_rows(tmp_path / "out" / "rows.csv") == rows
    assert [row.tone_group for row in rows] == ["light", "tan", "dark"]
    for row, colour in zip(rows, SKIN.values(), strict=True):
        assert row.error is None
        assert row.ita_original == pytest.approx(angle(colour), abs=0.02)
        assert row.ita_input == pytest.approx(angle(colour), abs=0.02)
        lightness = rgb2lab(np.array(colour)[None, None] / 255)[0, 0, 0]
        assert row.lightness_original == pytest.approx(lightness, abs=0.01)
        assert row.lightness_input == pytest.approx(lightness, abs=0.01)
        assert row.shift_small is not None
        assert row.shift_large is not None
        assert row.downscale_mse > 0
        picture = tmp_path / "out" / "pictures" / row.picture
        assert Image.open(picture).size == (768, 256)
        assert read_metadata(picture)["photopulse:synthetic"] == "true"
        left = np.asarray(Image.open(picture))[:, :500].reshape(-1, 3)
        assert np.abs(np.median(left, axis=0) - colour).max() <= 3


def test_a_search_that_returns_the_original_shifts_nothing(run, photos, monkeypatch):
    original = audit.upscale

    def ideal(target, kit, **others):
        flat = target.mean(dim=(2, 3), keepdim=True)
        return [
            replace(face, image=flat[i : i + 1].expand(1, 3, 32, 32), downscaled=target[i : i + 1], downscale_mse=0.0)
            for i, face in enumerate(original(target, kit, **others))
        ]

    monkeypatch.setattr(audit, "upscale", ideal)
    for row in run(settings=replace(SHORT, batch_size=2)):
        assert row.shift_small == pytest.approx(0, abs=1e-6)
        assert row.shift_large == pytest.approx(0, abs=1e-3)
        assert row.lightness_shift_small == pytest.approx(0, abs=1e-6)
        assert row.lightness_shift_large == pytest.approx(0, abs=1e-3)


def test_photos_are_aligned_unless_they_are_already(run, tmp_path):
    # The face's square lies within the photo: the crop is the skin's colour in the middle, grey outside is gone.
    photo = Image.new("RGB", (200, 200), (170, 125, 95))
    photo.save(tmp_path / "photo.png")
    (row,) = run([tmp_path / "photo.png"], replace(SHORT, aligned=False))
    assert row.error is None
    assert row.ita_original == pytest.approx(angle((170, 125, 95)), abs=0.05)


def test_the_same_photo_has_the_same_row_whatever_its_company(run, photos, tmp_path):
    together = run(settings=replace(SHORT, batch_size=3))
    (alone,) = run(photos[1:2], folder=tmp_path / "alone")
    assert alone.seed == together[1].seed
    assert alone.ita_output == pytest.approx(together[1].ita_output, abs=0.01)
    assert len({row.seed for row in together}) == 3
    (other,) = run(photos[1:2], replace(SHORT, seed=1), folder=tmp_path / "other")
    assert other.seed != alone.seed


def test_an_interrupted_audit_goes_on_and_ends_the_same(run, photos, tmp_path, searched, listen):
    whole = run(folder=tmp_path / "whole")
    searched.clear()

    def end(row):
        if row.input.endswith("tan.png"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(watcher=listen(end=end))
    assert len(searched) == 2
    kept = []
    again = run(watcher=listen(end=lambda item, *, resumed=False: kept.append(resumed)))
    assert len(searched) == 3
    assert kept == [True, True, False]
    assert untimed(again) == untimed(whole)
    assert untimed(read_audit_rows(tmp_path / "out" / "rows.csv")) == untimed(whole)


def test_other_settings_and_lost_pictures_are_searched_again(run, tmp_path, searched):
    run()
    (tmp_path / "out" / "pictures" / "tan.jpg").unlink()
    run()
    assert len(searched) == 4
    run(settings=replace(SHORT, size=16))
    assert len(searched) == 7
    run(settings=replace(SHORT, size=16, resume=False))
    assert len(searched) == 10


def test_what_this_run_has_not_come_to_is_kept_if_it_ends_early(run, photos, tmp_path, listen):
    run(photos[1:])

    def stop(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(watcher=listen(end=stop))
    kept = read_audit_rows(tmp_path / "out" / "rows.csv")
    assert [row.image for row in kept] == [str(photo) for photo in photos]


def test_a_folder_without_a_log_goes_on_from_its_rows_and_says_if_they_are_damaged(run, photos, tmp_path, searched):
    whole = run()
    (tmp_path / "out" / ".photopulse.jsonl").unlink()
    assert run() == whole
    assert len(searched) == 3
    (tmp_path / "out" / "rows.csv").write_text("image\n")
    assert run() == whole
    (tmp_path / "out" / ".photopulse.jsonl").unlink()
    (tmp_path / "out" / "rows.csv").write_text("image\n")
    with pytest.raises(PhotopulseError, match=r"cannot read .*rows\.csv"):
        run()
    assert len(run(settings=replace(SHORT, resume=False))) == 3


def test_labels_come_from_the_user_and_may_change(run, photos):
    assert run()[0].labels == {}
    labels = {"light.png": {"hair": "red"}, "elsewhere.png": {"hair": "none"}}
    assert [row.labels for row in run(settings=replace(SHORT, labels=labels))] == [{"hair": "red"}, {}, {}]


def test_failures_are_rows_and_stop_nobody_else(run, photos, tmp_path, listen):
    bad = [tmp_path / "in" / name for name in ("broken.png", "grey.png", "odd.png", "missing.png")]
    bad[0].write_bytes(photos[0].read_bytes()[:60])
    Image.new("RGB", (64, 64), (140, 140, 140)).save(bad[1])
    Image.new("RGB", (60, 60), SKIN["tan.png"]).save(bad[2])
    items = []
    rows = run([bad[0], photos[0], *bad[1:]], watcher=listen(end=items.append))
    assert [row.error is None for row in rows] == [False, True, False, False, False]
    for row, why in zip([rows[0], *rows[2:]], ("broken.png", "no colour", "60 x 60", "missing.png"), strict=True):
        assert why in row.error
    assert {item.input: item.status for item in items} == {
        row.image: "failed" if row.error else "not-converged" for row in rows
    }


def test_failures_are_tried_again(run, photos):
    assert run(detector=MadeUpDetector(faceless=(64,)))[0].error is not None
    assert run()[0].error is None


def test_a_batch_that_fails_is_searched_one_by_one(run, monkeypatch):
    original = audit.upscale

    def picky(target, kit, **others):
        if len(target) > 1 or target.mean() > 0.6:
            raise RuntimeError("no memory left")
        return original(target, kit, **others)

    monkeypatch.setattr(audit, "upscale", picky)
    rows = run(settings=replace(SHORT, batch_size=3))
    assert ["no memory left" in (row.error or "") for row in rows] == [True, False, False]
    assert rows[0].tone_group == "light"


def test_an_output_without_a_face_is_measured_in_the_small_only(run):
    for row in run(detector=MadeUpDetector(faceless=(32,))):
        assert row.error is None
        assert row.shift_small is not None
        assert row.lightness_shift_small is not None
        assert (row.shift_large, row.lightness_shift_large) == (None, None)


def test_a_large_eps_is_reached(run):
    settings = replace(SHORT, upscale=UpscaleSettings(method="classic", classic=PulseSettings(steps=1, eps=1)))
    assert all(row.converged for row in run(settings=settings))


def test_a_picture_never_replaces_an_input(run, tmp_path):
    folder = tmp_path / "out" / "pictures"
    folder.mkdir(parents=True)
    Image.new("RGB", (64, 64), SKIN["tan.png"]).save(folder / "a.jpg")
    (row,) = run([folder / "a.jpg"])
    assert "one of the inputs" in row.error


def test_sizes_that_suit_no_photo_are_refused(run):
    with pytest.raises(PhotopulseError, match="--size"):
        run(settings=replace(SHORT, size=10))
    with pytest.raises(PhotopulseError, match="--size"):
        run(settings=replace(SHORT, size=32))


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="batch_size"):
        AuditSettings(batch_size=0)
    with pytest.raises(ValueError, match="bicubic"):
        AuditSettings(upscale=UpscaleSettings(degradation="box"))


def test_the_search_is_given_what_downscaling_makes(run, photos, searched, monkeypatch):
    targets = []
    original = audit.upscale
    monkeypatch.setattr(
        audit, "upscale", lambda target, *rest, **others: targets.append(target) or original(target, *rest, **others)
    )
    run(photos[:1])
    expected = torch.tensor(SKIN["light.png"]).view(1, 3, 1, 1).expand(1, 3, 8, 8) / 255
    torch.testing.assert_close(targets[0], expected, atol=1e-5, rtol=0)
