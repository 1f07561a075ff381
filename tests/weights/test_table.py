import re
from dataclasses import replace

import pytest

from photopulse import weights
from photopulse.errors import PhotopulseError
from photopulse.weights import SHIPPED, WEIGHTS, FetchedWeights, find_entry
from photopulse.weights.fetching import fetch_entry

ENTRIES = pytest.mark.parametrize("entry", WEIGHTS.values(), ids=WEIGHTS.keys())


def test_the_table_knows_the_weights_that_photopulse_promises():
    assert set(WEIGHTS) == {
        "mobilestylegan-ffhq-1024",
        "blazeface",
        "facemesh",
        "realesrgan-x4plus",
        "efficientnet-lite0",
        "lpips-alex-heads",
        "dlib-face-embedding",
        "blood-cells-64",
        "nuclei-64",
    }


@ENTRIES
def test_every_file_is_pinned_by_a_whole_sha256_and_a_size(entry):
    carriers = (entry.carrier,) if isinstance(entry, FetchedWeights) else ()
    for pinned in (*carriers, *entry.members):
        assert re.fullmatch("[0-9a-f]{64}", pinned.sha256)
        assert pinned.size > 0


@ENTRIES
def test_member_names_differ_within_an_entry(entry):
    names = [member.name for member in entry.members]
    assert len(set(names)) == len(names) > 0


@ENTRIES
def test_every_entry_says_its_licence_terms_and_source(entry):
    assert all((entry.what, entry.format, entry.source, entry.licence, entry.terms))


def test_the_default_generator_says_that_its_teacher_is_non_commercial():
    terms = find_entry("mobilestylegan-ffhq-1024").terms
    assert "Apache-2.0" in terms
    assert "StyleGAN2-FFHQ" in terms
    assert "non-commercial" in terms


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(PhotopulseError, match=r"'nope'.*blazeface"):
        find_entry("nope")


def test_the_front_door_works_by_name(index, monkeypatch):
    entry = index.add_wheel({"pkg/a.bin": b"aaaa"})
    monkeypatch.setitem(WEIGHTS, "tiny", entry)
    assert weights.status("tiny") == "missing"
    folder = weights.fetch("tiny")
    assert folder == weights.folder("tiny")
    assert (folder / "a.bin").read_bytes() == b"aaaa"
    assert (weights.status("tiny"), weights.size_on_disk("tiny")) == ("ready", 4)


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.name)
def test_weights_that_come_with_photopulse_are_ready_without_a_cache_and_small(entry, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path))
    assert weights.status(entry.name) == "ready"
    assert weights.fetch(entry.name, offline=True) == entry.folder
    assert weights.size_on_disk(entry.name) < 3e6


def test_shipped_weights_that_are_damaged_are_refused_with_a_way_out(tmp_path):
    entry = replace(SHIPPED[0], folder=tmp_path)
    (tmp_path / entry.members[0].name).write_bytes(b"something else")
    with pytest.raises(PhotopulseError, match=r"missing or damaged.*[Ii]nstall photopulse again"):
        fetch_entry(entry)
