"""A photo's way through the restoration, with toys for networks: add 0.25, paint a checkerboard, double pixels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, read_metadata, write_image
from photopulse.restoration.look import PhotoDamage
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.screens import Screen
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.tint import find_tint
from photopulse.restoration.tone import Fading

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def plain(width: int, height: int, value: float = 0.5) -> torch.Tensor:
    return torch.full((1, 3, height, width), value)


class Brightening(nn.Module):
    """Adds to a photo, and remembers the sizes of those that it saw."""

    def __init__(self, amount: float):
        super().__init__()
        self.amount, self.seen = amount, []

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(photo.shape[2:]))
        return photo + self.amount


def test_a_small_photo_is_cleaned_as_it_is(toy_restore_kit):
    coarse = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(0)) * 0.7
    photo = nn.functional.interpolate(coarse, (40, 60), mode="bilinear")
    restored = restore_photo(photo, kit=toy_restore_kit())
    torch.testing.assert_close(restored.image, photo + 0.25)
    assert restored.faces == ()
    assert list(restored.seconds) == ["read", "look", "detect", "photo"]


def test_what_needs_nothing_comes_back_as_it_was(toy_restore_kit):
    photo, spy = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0)), Brightening(0.25)
    clean = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5)
    restored = restore_photo(photo, kit=toy_restore_kit(photo_net=spy, look=lambda _photo: clean))
    assert torch.equal(restored.image, photo)
    assert (restored.cleaned, restored.damage, spy.seen) == (0, clean, [])
    assert list(restored.seconds) == ["read", "look", "detect"]


def test_what_is_a_little_damaged_is_cleaned_a_little(toy_restore_kit):
    blocky = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=79, blur=0.5)
    restored = restore_photo(plain(60, 40), kit=toy_restore_kit(look=lambda _photo: blocky))
    assert restored.cleaned == pytest.approx(0.5)
    torch.testing.assert_close(restored.image, plain(60, 40, 0.625))


def test_a_clean_photo_that_is_to_grow_is_cleaned_after_it_grew(toy_restore_kit):
    clean = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5)
    kit = toy_restore_kit(look=lambda _photo: clean)
    restored = restore_photo(plain(60, 40), kit=kit, settings=RestoreSettings(scale=2))
    assert restored.cleaned == 1
    torch.testing.assert_close(restored.image, plain(120, 80, 0.75), atol=1e-5, rtol=0)


@pytest.mark.parametrize("strength", [0, 0.4, 1])
def test_a_given_strength_is_the_share_of_the_restoration_in_all_of_the_picture(toy_restore_kit, strength):
    clean = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5)
    kit = toy_restore_kit(faces=[(150, 100, 80)], look=lambda _photo: clean)
    photo = plain(300, 200)
    full, some = (
        restore_photo(photo, kit=kit, settings=RestoreSettings(mark="off", strength=share)).image
        for share in (1, strength)
    )
    torch.testing.assert_close(some, photo + strength * (full - photo))
    assert (full - photo).std() > 0.01
    if not strength:
        assert torch.equal(some, photo)


def test_a_photo_of_one_tint_keeps_it(toy_restore_kit):
    class Colouring(nn.Module):
        def forward(self, photo):
            return photo + torch.tensor([0.1, 0.0, -0.1]).view(1, 3, 1, 1)

    gray = torch.rand(1, 1, 60, 80, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    kit = toy_restore_kit(photo_net=Colouring())
    restored = restore_photo(gray.expand(-1, 3, -1, -1), kit=kit).image
    torch.testing.assert_close(restored[:, 0], restored[:, 2], atol=1e-5, rtol=0)
    sepia = torch.cat([gray, 0.8 * gray, 0.6 * gray], dim=1)
    restored = restore_photo(sepia, kit=kit).image
    ratio = (restored[:, 2] / restored[:, 0]).flatten()
    assert ratio.median().item() == pytest.approx(0.6, abs=0.02)


def test_a_large_photo_is_cleaned_small_and_brought_back(toy_restore_kit):
    spy, settings = Brightening(0.25), RestoreSettings(working_size=64)
    restored = restore_photo(plain(256, 128), kit=toy_restore_kit(photo_net=spy), settings=settings)
    assert spy.seen == [(32, 64)]
    torch.testing.assert_close(restored.image, plain(256, 128, 0.75), atol=1e-4, rtol=0)
    assert list(restored.seconds) == ["read", "look", "detect", "photo", "full_size"]


def test_a_tiny_photo_is_cleaned_in_steps_and_enlarged_at_last(toy_restore_kit):
    spy, settings = Brightening(0.1), RestoreSettings(working_size=320, size=(640, 480))
    restored = restore_photo(plain(64, 48), kit=toy_restore_kit(photo_net=spy), settings=settings)
    assert spy.seen == [(120, 160), (240, 320)]
    torch.testing.assert_close(restored.image, plain(640, 480, 0.7), atol=1e-4, rtol=0)
    assert list(restored.seconds) == ["read", "look", "detect", "photo", "enlarge"]


def test_faces_are_restored_from_the_photo_as_it_was_and_pasted_into_the_clean_one(toy_restore_kit):
    kit, told = toy_restore_kit(faces=[(150, 100, 80)]), []
    restored = restore_photo(plain(300, 200), kit=kit, settings=RestoreSettings(fidelity=0.25), on_stage=told.append)
    assert told == ["read", "look", "detect", "photo", "faces", "paste"]
    assert [face.restored for face in restored.faces] == [True]
    assert [count for count, _ in kit.face_restorer.calls] == [1]
    face = restored.image[..., 70:130, 120:180]
    assert face.std() > 0.03  # the checkerboard
    assert face.mean().item() == pytest.approx(0.75, abs=0.02)  # the light of the clean photo
    torch.testing.assert_close(restored.image[..., :8, :], plain(300, 8, 0.75))


def test_only_faces_leaves_the_rest_and_the_given_tensor_alone(toy_restore_kit):
    photo = plain(300, 200)
    kit = toy_restore_kit(faces=[(150, 100, 80)])
    restored = restore_photo(photo, kit=kit, settings=RestoreSettings(only="face"))
    assert restored.image[..., 70:130, 120:180].std() > 0.03
    assert torch.equal(restored.image[..., :8, :], photo[..., :8, :])
    assert torch.equal(photo, plain(300, 200))


def test_only_the_photo_looks_for_no_faces(toy_restore_kit):
    kit = toy_restore_kit(detector=None, face_restorer=None)
    restored = restore_photo(plain(300, 200), kit=kit, settings=RestoreSettings(only="photo"))
    torch.testing.assert_close(restored.image, plain(300, 200, 0.75))
    with pytest.raises(PhotopulseError, match="the face detector was not loaded"):
        restore_photo(plain(300, 200), kit=kit)


@pytest.mark.parametrize("settings", [RestoreSettings(only="photo"), RestoreSettings(max_faces=0)])
def test_faces_that_were_not_looked_for_are_none_and_not_no_faces(toy_restore_kit, tmp_path, settings):
    kit = toy_restore_kit(faces=[(150, 100, 80)])
    restored = restore_photo(plain(300, 200), kit=kit, settings=settings)
    assert restored.faces is None
    restored.save(tmp_path / "a.png")
    assert read_metadata(tmp_path / "a.png")["photopulse:faces"] == "0"


@pytest.mark.parametrize(("chosen", "told"), [((1, 3), "face 3"), ((2, (149, 5)), "the face at 149,5")])
def test_a_chosen_face_that_is_not_there_is_told_before_anything_is_restored(toy_restore_kit, chosen, told):
    spy = Brightening(0.25)
    kit = toy_restore_kit(faces=[(150, 100, 80), (250, 50, 30)], photo_net=spy)
    with pytest.raises(PhotopulseError, match=f"cannot restore {told} of the given picture"):
        restore_photo(plain(300, 200), kit=kit, settings=RestoreSettings(faces=chosen))
    assert (spy.seen, kit.face_restorer.calls) == ([], [])


def test_a_place_is_in_px_of_the_photo_as_it_was_given(toy_restore_kit):
    # The photo is looked at in twice its size, where the face reaches from 110 to 190 px.
    kit, settings = toy_restore_kit(faces=[(150, 100, 80)]), {"scale": 2.0, "fidelity": 0.5}
    restored = restore_photo(plain(150, 100), kit=kit, settings=RestoreSettings(faces=((94, 50),), **settings))
    assert [face.restored for face in restored.faces or ()] == [True]
    with pytest.raises(PhotopulseError, match=r"no face lies at 96,50\. Leave .* the face is at 75,50\."):
        restore_photo(plain(150, 100), kit=kit, settings=RestoreSettings(faces=((96, 50),), **settings))


@pytest.mark.parametrize(("scale", "size"), [(1.5, (75, 60)), (2, (100, 80)), (4, (200, 160))])
def test_small_photos_grow_before_they_are_restored(toy_restore_kit, scale, size):
    kit = toy_restore_kit(enlarge_net=None)
    restored = restore_photo(plain(50, 40), kit=kit, settings=RestoreSettings(scale=scale))
    assert restored.size == size
    torch.testing.assert_close(restored.image, plain(*size, 0.75), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("scale", "size"), [(1.5, (2250, 6)), (2, (3000, 8)), (4, (6000, 16))])
def test_larger_ones_are_enlarged_by_the_network_at_last(toy_restore_kit, scale, size):
    restored = restore_photo(plain(1500, 4), kit=toy_restore_kit(), settings=RestoreSettings(scale=scale))
    assert restored.size == size
    assert "enlarge" in restored.seconds
    torch.testing.assert_close(restored.image, plain(*size, 0.75), atol=1e-4, rtol=0)


def test_an_exact_size_can_be_asked_for(toy_restore_kit):
    settings = RestoreSettings(size=(131, 77))
    assert restore_photo(plain(50, 40), kit=toy_restore_kit(), settings=settings).size == (131, 77)
    assert restore_photo(plain(200, 150), kit=toy_restore_kit(), settings=settings).size == (131, 77)


def test_a_network_that_returns_no_numbers_is_an_error_of_that_photo(toy_restore_kit, tmp_path):
    class Broken(nn.Module):
        def forward(self, image, *others):
            return image * float("nan")

    write_image(tmp_path / "old.png", plain(300, 200))
    kit = toy_restore_kit(faces=[(150, 100, 80)], photo_net=Broken())
    with pytest.raises(PhotopulseError, match=r"old\.png: the \w+ network failed"):
        restore_photo(tmp_path / "old.png", kit=kit)


@pytest.mark.parametrize("wrong", [torch.zeros(5, 8, 8), torch.zeros(2, 3, 8, 8), torch.zeros(1, 3, 8, 8).int()])
def test_tensors_that_are_no_photo_are_refused(toy_restore_kit, wrong):
    with pytest.raises(ValueError, match="pixels"):
        restore_photo(wrong, kit=toy_restore_kit())


def test_every_form_of_a_photo_gives_the_same_result(toy_restore_kit, tmp_path):
    array = np.random.default_rng(0).integers(0, 180, (40, 60, 3), dtype=np.uint8)
    path = tmp_path / "old.png"
    Image.fromarray(array).save(path)
    kit, tensor = toy_restore_kit(), torch.from_numpy(array.transpose(2, 0, 1).copy())
    expected = restore_photo(path, kit=kit).image
    with path.open("rb") as stream, Image.open(path) as picture:
        forms = [str(path), path.read_bytes(), stream, picture, array, array / np.float32(255), tensor, tensor / 255]
        for form in forms:
            torch.testing.assert_close(restore_photo(form, kit=kit).image, expected, atol=1e-6, rtol=0)


def test_opacity_and_gray_of_given_pixels_stay(toy_restore_kit, tmp_path):
    array = np.full((40, 60, 2), 100, np.uint8)
    restored = restore_photo(array, kit=toy_restore_kit())
    restored.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as written:
        assert written.mode == "LA"
        assert (np.asarray(written.getchannel("A")) == 100).all()


def roundtrip(source: Path, kit, settings=None) -> Path:
    output = source.with_name(f"out{source.suffix}")
    restore_photo(source, kit=kit, settings=settings).save(output, source=source.name)
    return output


def test_a_photo_on_its_side_comes_out_upright_with_its_camera_and_date(toy_restore_kit, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Camera works"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "1999:12:31 23:59:59"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 30.0, 0.0)}
    lying = Image.new("RGB", (60, 40), (20, 20, 20))
    lying.paste((120, 20, 20), (0, 0, 60, 8))  # the top of the file's rows, which is the upright picture's right side
    lying.save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    with Image.open(roundtrip(tmp_path / "a.jpg", toy_restore_kit())) as written:
        assert written.size == (40, 60)
        kept = written.getexif()
        assert kept.get(ExifTags.Base.Orientation, 1) == 1
        assert kept[ExifTags.Base.Make] == "Camera works"
        assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "1999:12:31 23:59:59"
        assert kept.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
        pixels = np.asarray(written).astype(int)
    assert pixels[30, 37, 0] - pixels[30, 5, 0] > 90


def wide_profile() -> bytes:
    """sRGB whose red and blue colourants have changed places: other colours for the same numbers."""
    return SRGB.replace(b"rXYZ", b"tmp!", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmp!", b"bXYZ", 1)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_the_profile_is_kept_and_the_numbers_with_it(toy_restore_kit, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (32, 32), (100, 40, 0)).save(path, icc_profile=wide_profile(), quality=100)
    with Image.open(roundtrip(path, toy_restore_kit())) as written:
        assert written.info["icc_profile"] == wide_profile()
        np.testing.assert_allclose(np.asarray(written)[16, 16], [164, 104, 64], atol=4)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_stay_16_bits(toy_restore_kit, tmp_path, suffix):
    ramp = torch.linspace(0, 0.5, 64 * 64).view(1, 1, 64, 64).expand(1, 3, 64, 64)
    write_image(tmp_path / f"a.{suffix}", ramp, bits=16)
    photo = read_image(roundtrip(tmp_path / f"a.{suffix}", toy_restore_kit()))
    assert photo.bits == 16
    torch.testing.assert_close(photo.pixels, ramp + 0.25, atol=1.1 / 65535, rtol=0)


@pytest.mark.parametrize(("suffix", "bits"), [("png", 8), ("png", 16), ("tiff", 8), ("tiff", 16), ("jpg", 8)])
def test_gray_stays_gray_in_one_channel(toy_restore_kit, tmp_path, suffix, bits):
    class Tinted(nn.Module):
        def forward(self, photo):
            return photo + torch.tensor([0.3, 0.0, 0.0]).view(1, 3, 1, 1)

    write_image(tmp_path / f"a.{suffix}", plain(40, 30), bits=bits, gray=True)
    restored = roundtrip(tmp_path / f"a.{suffix}", toy_restore_kit(photo_net=Tinted()))
    with Image.open(restored) as written:
        assert len(written.getbands()) == 1
    photo = read_image(restored)
    assert (photo.gray, photo.bits) == (True, bits)
    assert photo.pixels.mean().item() == pytest.approx(0.5 + 0.299 * 0.3, abs=0.003)


def test_alpha_is_untouched_and_grows_with_the_photo(toy_restore_kit, tmp_path):
    rgba = np.full((30, 40, 4), 100, np.uint8)
    rgba[:, :, 3] = np.arange(40) * 6
    Image.fromarray(rgba).save(tmp_path / "a.png")
    with Image.open(roundtrip(tmp_path / "a.png", toy_restore_kit())) as written:
        np.testing.assert_array_equal(np.asarray(written)[..., 3], rgba[..., 3])
    with Image.open(roundtrip(tmp_path / "a.png", toy_restore_kit(), RestoreSettings(scale=2))) as written:
        assert written.size == (80, 60)
        assert written.mode == "RGBA"
        np.testing.assert_allclose(np.asarray(written)[30, 4:-4, 3], np.arange(80)[4:-4] * 3 - 1.5, atol=2)


@pytest.mark.parametrize(
    ("faces", "kind"), [([(150, 100, 80)], "compositeWithTrainedAlgorithmicMedia"), ([], "algorithmicallyEnhanced")]
)
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_restored_photos_say_so(toy_restore_kit, tmp_path, faces, kind, suffix):
    write_image(tmp_path / f"a.{suffix}", plain(300, 200))
    written = roundtrip(tmp_path / f"a.{suffix}", toy_restore_kit(faces=faces))
    told = read_metadata(written)
    assert told["Description"].startswith("Restored by photopulse")
    assert ("partly redrawn by a neural network" in told["Description"]) == bool(faces)
    assert told["photopulse:faces"] == str(len(faces))
    assert told["photopulse:source"] == f"a.{suffix}"
    assert f"digitalsourcetype/{kind}<".encode() in written.read_bytes()


@pytest.mark.parametrize("kind", ["jpg", "png", "tiff"])
def test_a_scan_prints_as_large_as_before(toy_restore_kit, tmp_path, kind):
    Image.new("RGB", (60, 40), (120, 90, 60)).save(tmp_path / "scan.jpg", dpi=(300, 300))
    restored = restore_photo(tmp_path / "scan.jpg", kit=toy_restore_kit(), settings=RestoreSettings(scale=2))
    restored.save(tmp_path / f"out.{kind}")
    with Image.open(tmp_path / f"out.{kind}") as written:
        assert written.info["dpi"] == pytest.approx((600, 600), rel=1e-3)


def test_a_photo_without_dpi_gets_none(toy_restore_kit, tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    for kind in ("jpg", "png", "tiff"):
        restore_photo(tmp_path / "a.png", kit=toy_restore_kit()).save(tmp_path / f"out.{kind}")
        with Image.open(tmp_path / f"out.{kind}") as written:
            assert written.info.get("dpi") in (None, (1.0, 1.0), (1, 1))


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag><rdf:li>holiday'
    b"</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize("kind", ["jpg", "png", "tiff", "webp"])
def test_keywords_and_comment_stay_beside_what_photopulse_says(toy_restore_kit, tmp_path, kind):
    Image.new("RGB", (60, 40), (120, 90, 60)).save(tmp_path / "a.jpg", xmp=XMP, comment=b"box 3")
    restored = restore_photo(tmp_path / "a.jpg", kit=toy_restore_kit())
    restored.save(tmp_path / f"out.{kind}", source="a.jpg")
    assert b"holiday" in (tmp_path / f"out.{kind}").read_bytes()
    assert read_metadata(tmp_path / f"out.{kind}")["photopulse:source"] == "a.jpg"
    if kind == "jpg":
        assert Image.open(tmp_path / "out.jpg").info["comment"] == b"box 3"
    # Restored once more, it says so once.
    again = restore_photo(tmp_path / f"out.{kind}", kit=toy_restore_kit())
    again.save(tmp_path / f"again.{kind}", source="b.jpg")
    assert read_metadata(tmp_path / f"again.{kind}")["photopulse:source"] == "b.jpg"


@pytest.mark.parametrize("packet", [b"no XML", b"<a>", b"<!DOCTYPE a><a/>", XMP.replace(b"rdf:RDF", b"rdf:XYZ")])
def test_a_damaged_packet_is_left_out(toy_restore_kit, tmp_path, packet):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg", xmp=packet)
    restore_photo(tmp_path / "a.jpg", kit=toy_restore_kit()).save(tmp_path / "out.jpg", source="a.jpg")
    assert read_metadata(tmp_path / "out.jpg")["photopulse:source"] == "a.jpg"


def test_a_tinted_photo_that_needs_nothing_is_not_tinted_anew(toy_restore_kit):
    clean = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5)
    gray = torch.rand(1, 1, 60, 80, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    # Each of a few shades strays a little from the tint.
    sepia = torch.cat([gray, 0.8 * gray, 0.6 * gray + 0.008 * (gray * 40).sin()], dim=1)
    assert find_tint(sepia) is not None
    restored = restore_photo(sepia, kit=toy_restore_kit(look=lambda _photo: clean))
    assert torch.equal(restored.image, sepia)


CLEAN = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5)
FADED = Fading(amount=1, black=(80, 60, 60), white=(230, 220, 200), one_tint=False)
SCREEN = Screen(period=4, angle=45, lines=False, strength=8)


def coloured(width: int = 120, height: int = 90) -> torch.Tensor:
    return 0.3 + 0.5 * torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_dots_and_fading_are_mended_before_anything_else_and_it_is_told(toy_restore_kit):
    printed = PhotoDamage(noise=9, chroma_noise=0, jpeg_quality=100, blur=0.5, fading=FADED, screens=(SCREEN,))
    looks = iter([printed, CLEAN])
    kit = toy_restore_kit(look=lambda _photo: next(looks))
    restored = restore_photo(coloured(), kit=kit)
    assert restored.mended == ("halftone", "tone")
    assert (restored.damage, restored.cleaned) == (printed, 0)
    assert list(restored.seconds) == ["read", "look", "halftone", "tone", "detect"]
    assert not torch.equal(restored.image, coloured())


def test_dots_that_are_to_stay_stay(toy_restore_kit):
    printed = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5, screens=(SCREEN,))
    kit = toy_restore_kit(look=lambda _photo: printed)
    restored = restore_photo(coloured(), kit=kit, settings=RestoreSettings(halftone="off"))
    assert restored.mended == ()
    assert torch.equal(restored.image, coloured())


@pytest.mark.parametrize(
    "settings", [RestoreSettings(tone="off"), RestoreSettings(only="face"), RestoreSettings(strength=0)]
)
def test_fading_that_is_to_stay_stays(toy_restore_kit, settings):
    faded = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5, fading=FADED)
    restored = restore_photo(coloured(), kit=toy_restore_kit(look=lambda _photo: faded), settings=settings)
    assert restored.mended == ()
    assert torch.equal(restored.image, coloured())


def test_archival_draws_nothing_and_blur_alone_is_left(toy_restore_kit, tmp_path):
    settings = RestoreSettings(mode="archival", scale=2)
    blurred, noisy = (PhotoDamage(noise=noise, chroma_noise=0, jpeg_quality=100, blur=3) for noise in (0, 9))
    kit = toy_restore_kit(detector=None, face_restorer=None, enlarge_net=None, look=lambda _photo: blurred)
    restored = restore_photo(coloured(), kit=kit, settings=settings)
    assert (restored.cleaned, restored.faces, restored.size) == (0, None, (240, 180))
    torch.testing.assert_close(restored.image[..., ::2, ::2].mean(), coloured().mean(), atol=0.01, rtol=0)
    spy = Brightening(0.1)
    kit = toy_restore_kit(detector=None, face_restorer=None, enlarge_net=None, photo_net=spy, look=lambda _: noisy)
    restored = restore_photo(coloured(), kit=kit, settings=settings)
    assert (restored.cleaned, spy.seen) == (1, [(90, 120)])
    restored.save(tmp_path / "a.png")
    told = read_metadata(tmp_path / "a.png")
    assert told["photopulse:mode"] == "archival"
    assert told["Description"].endswith("nothing was generated")


def test_grain_comes_back_over_faces_too_and_always_the_same(toy_restore_kit):
    class Smooth(nn.Module):
        def forward(self, photo):
            return nn.functional.avg_pool2d(photo, 9, stride=1, padding=4, count_include_pad=False)

    grainy = plain(300, 200) + 0.05 * torch.randn(1, 1, 200, 300, generator=torch.Generator().manual_seed(0))
    kit = toy_restore_kit(faces=[(150, 100, 80)], photo_net=Smooth(), enlarge_net=None)

    def made(**settings) -> torch.Tensor:
        return restore_photo(grainy, kit=kit, settings=RestoreSettings(**settings)).image

    smooth, grain = made(), made(grain=True)
    added = grain - smooth
    face, rest = added[..., 70:130, 120:180], added[..., :60]
    assert rest.std().item() == pytest.approx(0.05, rel=0.2)
    assert face.std().item() == pytest.approx(rest.std().item(), rel=0.2)
    assert torch.equal(grain, made(grain=True))
    assert not torch.equal(grain, made(grain=True, seed=1))
