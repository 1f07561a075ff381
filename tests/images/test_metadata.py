"""What pictures say about themselves, read back by us, by Pillow and by a plain XML reader."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from photopulse.errors import PhotopulseError
from photopulse.images import OUTPUT_SUFFIXES, read_metadata, restored_metadata, synthetic_metadata, write_image

GRAY = torch.full((1, 3, 4, 4), 0.5)
SYNTHETIC = synthetic_metadata(
    generator="mobilestylegan-ffhq-1024", seed=0, version="0.1.0", method="classic", source="Zoë & <Ömer>.png"
)
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


@pytest.mark.parametrize("suffix", OUTPUT_SUFFIXES)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("gray", [False, True])
def test_metadata_come_back_from_every_format(tmp_path: Path, suffix: str, bits: int, gray: bool) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, GRAY, metadata=SYNTHETIC, bits=bits, gray=gray)
    assert read_metadata(path) == SYNTHETIC


def test_synthetic_pictures_say_all_that_is_needed_to_make_them_again() -> None:
    assert SYNTHETIC["photopulse:synthetic"] == "true"
    assert SYNTHETIC["photopulse:generator"] == "mobilestylegan-ffhq-1024"
    assert SYNTHETIC["photopulse:seed"] == "0"
    assert SYNTHETIC["photopulse:version"] == "0.1.0"
    assert SYNTHETIC["photopulse:method"] == "classic"
    assert SYNTHETIC["photopulse:source"] == "Zoë & <Ömer>.png"
    assert SYNTHETIC["Software"] == "photopulse 0.1.0"
    assert "identifies no one" in SYNTHETIC["Description"]


def xmp_of(path: Path) -> ElementTree.Element:
    with Image.open(path) as image:
        return ElementTree.fromstring(image.info["xmp"])


@pytest.mark.parametrize("suffix", OUTPUT_SUFFIXES)
def test_synthetic_pictures_carry_the_digital_source_type(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, GRAY, metadata=SYNTHETIC)
    sources = [element.text for element in xmp_of(path).iter(IPTC)]
    assert sources == ["http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"]


@pytest.mark.parametrize("suffix", OUTPUT_SUFFIXES)
@pytest.mark.parametrize(
    ("faces", "kind"), [(0, "algorithmicallyEnhanced"), (2, "compositeWithTrainedAlgorithmicMedia")]
)
def test_restored_pictures_say_whether_faces_were_redrawn(tmp_path: Path, suffix: str, faces: int, kind: str) -> None:
    path = tmp_path / f"a{suffix}"
    told = restored_metadata(version="0.1.0", faces=faces, fidelity=0.25, mode="enhance", source="old.jpg")
    write_image(path, GRAY, metadata=told)
    assert read_metadata(path) == told
    assert told["Description"].startswith("Restored by photopulse 0.1.0")
    assert ("redrawn by a neural network" in told["Description"]) == (faces > 0)
    assert told["photopulse:source"] == "old.jpg"
    assert told.get("photopulse:fidelity") == ("0.25" if faces else None)
    assert "photopulse:synthetic" not in told
    sources = [element.text for element in xmp_of(path).iter(IPTC)]
    assert sources == [f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"]


def test_other_pictures_do_not_claim_to_be_synthetic(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", GRAY, metadata={"Software": "photopulse 0.1.0"})
    assert list(xmp_of(tmp_path / "a.jpg").iter(IPTC)) == []


@pytest.mark.parametrize("bits", [8, 16])
def test_png_text_is_read_by_pillow(tmp_path: Path, bits: int) -> None:
    write_image(tmp_path / "a.png", GRAY, metadata=SYNTHETIC, bits=bits)
    with Image.open(tmp_path / "a.png") as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)
        image.load()
        assert {key: image.text[key] for key in SYNTHETIC} == SYNTHETIC


def test_text_of_other_programs_is_read(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Ann")
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png", pnginfo=text, dpi=(72, 72))
    Image.new("RGB", (2, 2)).save(tmp_path / "a.jpg", xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    assert read_metadata(tmp_path / "a.png") == {"Author": "Ann"}
    assert read_metadata(tmp_path / "a.jpg") == {}


@settings(max_examples=50)
@given(
    metadata=st.dictionaries(
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=79),
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.just("\n")),
        max_size=4,
    ),
    suffix=st.sampled_from(OUTPUT_SUFFIXES),
)
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, metadata: dict[str, str], suffix: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"text{suffix}"
    write_image(path, GRAY, metadata=metadata)
    assert read_metadata(path) == metadata


def test_what_text_cannot_hold_is_replaced(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", GRAY, metadata={"Title": "a\0b\x1bc\udcffd\r\ne\rf"})
    assert read_metadata(tmp_path / "a.png") == {"Title": "a\ufffdb\ufffdc\ufffdd\ne\nf"}


@pytest.mark.parametrize("key", ["", "k" * 80, "ключ", "a\0b", " a"])
def test_keys_that_no_format_holds_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="metadata key"):
        write_image(tmp_path / "a.png", GRAY, metadata={key: "x"})
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    "packet",
    [
        b"not xml",
        b"<a xmlns:p='urn:photopulse:metadata:1'><p:metadata>{broken</p:metadata></a>",
        b"<a xmlns:p='urn:photopulse:metadata:1'><p:metadata>[1]</p:metadata></a>",
        b"<a xmlns:p='urn:photopulse:metadata:1'><p:metadata/></a>",
        b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        b"\xff\xfe\x00",
    ],
)
def test_foreign_or_damaged_packets_count_as_none(tmp_path: Path, packet: bytes) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.jpg", xmp=packet)
    assert read_metadata(tmp_path / "a.jpg") == {}


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(PhotopulseError, match=r"a\.png"):
        read_metadata(tmp_path / "a.png")
