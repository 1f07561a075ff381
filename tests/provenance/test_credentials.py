"""Signed content credentials: written, read, and told rightly when something is wrong with them."""

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.images import read_metadata, write_image
from photopulse.provenance.local_chain import make_local_chain

pytest.importorskip("c2pa", reason="the extra provenance is not installed")
pytest.importorskip("cryptography", reason="the extra provenance is not installed")

from photopulse.provenance.credentials import load_signature, read_credentials, sign_generated
from photopulse.provenance.verify import verify_file


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain") / "signing"
    make_local_chain(folder)
    return folder


@pytest.fixture(scope="module")
def signature(chain):
    return load_signature(str(chain / "key.pem"), chain / "chain.pem")


def picture(path, seed=0):
    pixels = torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, (1, 3, 80, 80))).float()
    write_image(path, pixels, metadata={"photopulse:note": "kept"})
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_a_signed_picture_is_intact_and_trusted_with_its_root(tmp_path, chain, signature, suffix):
    path = picture(tmp_path / f"a{suffix}")
    before = np.array(Image.open(path))
    sign_generated(path, signature)
    stranger = read_credentials(path)
    assert (stranger.state, stranger.signer, stranger.generated) == ("valid", "local signer", True)
    assert "signingCredential.untrusted" in stranger.problems
    known = read_credentials(path, roots=(chain / "root.pem").read_bytes())
    assert (known.state, list(known.problems)) == ("trusted", [])
    # Nothing else changed.
    np.testing.assert_array_equal(np.array(Image.open(path)), before)
    assert read_metadata(path)["photopulse:note"] == "kept"
    assert verify_file(path, thorough=False).verdict == "synthetic"


def test_another_root_is_not_trusted(tmp_path, signature):
    make_local_chain(tmp_path / "other")
    path = picture(tmp_path / "a.png")
    sign_generated(path, signature)
    assert read_credentials(path, roots=(tmp_path / "other" / "root.pem").read_bytes()).state == "valid"


def test_changed_pixels_break_the_credentials(tmp_path, signature):
    path = picture(tmp_path / "a.png")
    sign_generated(path, signature)
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    broken = read_credentials(path)
    assert broken.state == "broken"
    assert broken.problems


def test_credentials_of_another_picture_are_broken(tmp_path, signature):
    # The PNG chunk that holds them is moved into another file.
    first, second = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", seed=1)
    sign_generated(first, signature)
    content = first.read_bytes()
    start = content.index(b"caBX") - 4
    chunk = content[start : start + 12 + int.from_bytes(content[start : start + 4], "big")]
    other = second.read_bytes()
    second.write_bytes(other[:33] + chunk + other[33:])
    assert read_credentials(second).state == "broken"
    assert verify_file(second, thorough=False).verdict == "nothing found"


def test_a_picture_without_credentials_has_none(tmp_path):
    assert read_credentials(picture(tmp_path / "a.png")) is None


def test_damaged_files_are_intact_only_if_nothing_changed_that_was_signed(tmp_path, signature):
    path = picture(tmp_path / "a.jpg")
    sign_generated(path, signature)
    good = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = np.array(Image.open(path))
    random = np.random.default_rng(0)
    for _ in range(100):
        damaged = good.copy()
        place = random.integers(0, len(good))
        damaged[place] ^= 1 << random.integers(0, 8)
        path.write_bytes(damaged.tobytes())
        try:
            told = read_credentials(path)
        except (PhotopulseError, OSError):
            continue
        # Padding around the signature is not signed.
        if told is not None and told.state != "broken":
            np.testing.assert_array_equal(np.array(Image.open(path)), pixels)
            assert (told.signer, told.generated) == ("local signer", True)


def test_a_key_comes_from_the_environment_and_is_not_printed(chain, monkeypatch):
    monkeypatch.setenv("SIGNING_KEY", (chain / "key.pem").read_text())
    signature = load_signature("env:SIGNING_KEY", chain / "chain.pem")
    assert signature.algorithm == "es256"
    assert "PRIVATE" not in repr(signature)
    with pytest.raises(PhotopulseError, match="no environment variable OTHER"):
        load_signature("env:OTHER", chain / "chain.pem")


def test_what_cannot_sign_is_refused(chain, tmp_path):
    (tmp_path / "bad.pem").write_text("no key")
    with pytest.raises(PhotopulseError, match="not valid PEM"):
        load_signature(str(tmp_path / "bad.pem"), chain / "chain.pem")
    make_local_chain(tmp_path / "other")
    with pytest.raises(PhotopulseError, match="does not belong"):
        load_signature(str(tmp_path / "other" / "key.pem"), chain / "chain.pem")
    with pytest.raises(PhotopulseError, match="cannot read"):
        load_signature(str(tmp_path / "missing.pem"), chain / "chain.pem")


def test_a_chain_is_private_and_overwrites_nothing(chain):
    assert (chain / "key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(PhotopulseError, match="cannot write into"):
        make_local_chain(chain)


def test_an_expired_certificate_signs_nothing(tmp_path, monkeypatch):
    from photopulse.provenance import local_chain

    monkeypatch.setattr(local_chain, "_DAYS", 0)
    make_local_chain(tmp_path / "old")
    with pytest.raises(PhotopulseError, match="is not valid today"):
        load_signature(str(tmp_path / "old" / "key.pem"), tmp_path / "old" / "chain.pem")
