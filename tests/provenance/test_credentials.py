"""Signed content credentials: written, read, and told rightly when something is wrong with them."""

import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.images import read_metadata, write_image
from photopulse.provenance.local_chain import make_local_chain

pytest.importorskip("c2pa", reason="the extra provenance is not installed")
pytest.importorskip("cryptography", reason="the extra provenance is not installed")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from photopulse.provenance.credentials import load_roots, read_credentials
from photopulse.provenance.signing import Edit, load_signature, seal_created, seal_edited
from photopulse.provenance.verify import verify_file


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain") / "signing"
    make_local_chain(folder)
    return folder


@pytest.fixture(scope="module")
def signature(chain):
    return load_signature(str(chain / "key.pem"), chain / "chain.pem")


def picture(path, seed=0, seal=None):
    pixels = torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, (1, 3, 80, 80))).float()
    write_image(path, pixels, metadata={"photopulse:note": "kept"}, seal=seal)
    return path


def sign_generated(path, signature):
    path.write_bytes(seal_created(signature, path.name, {"tiny": "abc"})(path.read_bytes()))


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
    with pytest.raises(PhotopulseError, match="no environment variable of that name"):
        load_signature("env:OTHER", chain / "chain.pem")


def test_what_cannot_sign_is_refused(chain, tmp_path):
    (tmp_path / "bad.pem").write_text("no key")
    with pytest.raises(PhotopulseError, match="not valid PEM"):
        load_signature(str(tmp_path / "bad.pem"), chain / "chain.pem")
    make_local_chain(tmp_path / "other")
    with pytest.raises(PhotopulseError, match="does not belong"):
        load_signature(str(tmp_path / "other" / "key.pem"), chain / "chain.pem")
    with pytest.raises(PhotopulseError, match="no file of the name") as caught:
        load_signature(str(tmp_path / "MIGHAgEAMBMGByqGSM49"), chain / "chain.pem")
    assert "MIGH" not in str(caught.value)


def test_a_chain_is_private_and_overwrites_nothing(chain):
    assert (chain / "key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(PhotopulseError, match="cannot write into"):
        make_local_chain(chain)


def test_an_expired_certificate_signs_nothing(tmp_path):
    make_local_chain(tmp_path / "old", valid=timedelta(0))
    with pytest.raises(PhotopulseError, match="is not valid today"):
        load_signature(str(tmp_path / "old" / "key.pem"), tmp_path / "old" / "chain.pem")


def edit(file=None, *, generated=True, title="old.jpg"):
    return Edit(generated=generated, description="1 face was redrawn", networks={"face": "abc"}, title=title, file=file)


def manifest(path, root):
    """What the library's own reader tells of the last credentials, and how many there are in the file."""
    import json

    import c2pa

    from photopulse.provenance.credentials import make_context

    with c2pa.Reader(f"image/{path.suffix[1:]}", io.BytesIO(path.read_bytes()), context=make_context(root)) as reader:
        told = json.loads(reader.json())
        assert reader.get_validation_state() == "Trusted"
    return told["manifests"][told["active_manifest"]], len(told["manifests"])


@pytest.mark.parametrize("generated", [True, False])
def test_an_edited_picture_names_its_input_and_says_honestly_what_was_done(tmp_path, chain, signature, generated):
    source = picture(tmp_path / "old.png", seed=1)
    path = picture(tmp_path / "new.png", seal=seal_edited(signature, "new.png", edit(source, generated=generated)))
    told, _ = manifest(path, (chain / "root.pem").read_bytes())
    (ingredient,) = told["ingredients"]
    assert (ingredient["title"], ingredient["relationship"]) == ("old.jpg", "parentOf")
    assert "thumbnail" not in ingredient
    (actions,) = (one["data"]["actions"] for one in told["assertions"] if one["label"].startswith("c2pa.actions"))
    opened, edited = actions
    assert opened["action"] == "c2pa.opened"
    assert opened["parameters"]["ingredients"][0]["url"].endswith("c2pa.ingredient.v3")
    kind = "compositeWithTrainedAlgorithmicMedia" if generated else "algorithmicallyEnhanced"
    assert (edited["action"], edited["digitalSourceType"].rpartition("/")[2]) == ("c2pa.edited", kind)
    assert edited["description"] == "1 face was redrawn"
    assert edited["parameters"]["photopulse.networks"] == {"face": "abc"}
    read = read_credentials(path)
    assert (read.state, read.generated, read.edited) == ("valid", False, True)
    assert verify_file(path, thorough=False).verdict == "restored"


def test_credentials_of_the_input_are_carried_on(tmp_path, chain, signature):
    source = picture(tmp_path / "old.png", seal=seal_created(signature, "old.png", {"tiny": "abc"}))
    path = picture(tmp_path / "new.png", seed=1, seal=seal_edited(signature, "new.png", edit(source)))
    _, count = manifest(path, (chain / "root.pem").read_bytes())
    assert count == 2


@pytest.mark.parametrize("content", [b"\xff\xd8\xff nothing more", b"no picture", None])
def test_an_input_that_cannot_be_an_ingredient_is_named_nevertheless(tmp_path, chain, signature, content):
    source = tmp_path / "old.jpg"
    if content is not None:
        source.write_bytes(content)
    path = picture(tmp_path / "new.png", seal=seal_edited(signature, "new.png", edit(source)))
    told, count = manifest(path, (chain / "root.pem").read_bytes())
    assert (told["ingredients"][0]["title"], count) == ("old.jpg", 1)


def test_a_picture_that_cannot_be_signed_is_not_written(tmp_path, signature):
    bad = replace(signature, key=b"no key")
    with pytest.raises(PhotopulseError, match="cannot sign"):
        picture(tmp_path / "a.png", seal=seal_created(bad, "a.png", {"tiny": "abc"}))
    assert list(tmp_path.iterdir()) == []


def test_what_is_signed_is_never_seen_unsigned(tmp_path, signature):
    # While it is signed, there is no file of that name.
    path = tmp_path / "a.png"
    seal = seal_created(signature, "a.png", {"tiny": "abc"})

    def watched(content):
        assert not path.exists()
        return seal(content)

    picture(path, seal=watched)
    assert read_credentials(path).state == "valid"


def test_no_message_tells_the_key(chain, tmp_path, monkeypatch, signature):
    key = (chain / "key.pem").read_text()
    secret = key.splitlines()[1]
    monkeypatch.setenv("SIGNING_KEY", key.replace("MI", "xx", 1))
    (tmp_path / "both.pem").write_text(key + (chain / "chain.pem").read_text())
    for given, certificate in (
        (key, "chain.pem"),
        (key.replace("\n", "\\n"), "chain.pem"),
        ("env:SIGNING_KEY", "chain.pem"),
        (str(chain / "key.pem"), "key.pem"),
        (str(chain / "key.pem"), "root.pem"),
    ):
        with pytest.raises(PhotopulseError) as error:
            load_signature(given, chain / certificate)
        assert secret not in str(error.value)
        assert "PRIVATE" not in str(error.value)
    # A file that holds key and certificates gives only these away.
    both = load_signature(str(tmp_path / "both.pem"), tmp_path / "both.pem")
    assert b"PRIVATE" not in both.chain
    path = picture(tmp_path / "a.png", seal=seal_created(both, "a.png", {"tiny": "abc"}))
    assert secret.encode() not in path.read_bytes()


def test_a_certificate_that_signs_no_pictures_is_refused_when_it_is_read(tmp_path):
    # It signs itself, and has none of the usages that C2PA asks for.
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "myself")])
    now = datetime.now(UTC)
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "own.pem").write_bytes(own.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(secret)
    with pytest.raises(PhotopulseError, match="cannot sign a trial picture"):
        load_signature(str(tmp_path / "key.pem"), tmp_path / "own.pem")


def test_an_expired_certificate_is_told_as_such_and_counts_for_nothing(tmp_path):
    make_local_chain(tmp_path / "short", valid=timedelta(seconds=2))
    signature = load_signature(str(tmp_path / "short" / "key.pem"), tmp_path / "short" / "chain.pem")
    path = picture(tmp_path / "a.png", seal=seal_created(signature, "a.png", {"tiny": "abc"}))
    assert read_credentials(path).state == "valid"
    # The times in a certificate are whole seconds.
    time.sleep(4.5)
    told = read_credentials(path, roots=load_roots(tmp_path / "short" / "root.pem"))
    assert (told.state, told.signer) == ("expired", "local signer")
    assert verify_file(path, thorough=False).verdict == "nothing found"
    # If its pixels were changed, too, it is broken.
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    assert read_credentials(path).state == "broken"


def test_roots_are_certificates_and_no_keys(chain, tmp_path):
    assert load_roots(chain / "root.pem") == (chain / "root.pem").read_bytes()
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")
    (tmp_path / "empty.pem").write_text("")
    for path, why in (
        (chain / "key.pem", "private key"),
        (tmp_path / "bad.pem", "cannot be read"),
        (tmp_path / "empty.pem", "no certificate"),
        (tmp_path / "missing.pem", "cannot read"),
    ):
        with pytest.raises(PhotopulseError, match=why) as error:
            load_roots(path)
        assert str(path) in str(error.value)


def test_roots_of_no_use_do_not_make_an_intact_picture_broken(tmp_path, signature):
    path = picture(tmp_path / "a.png", seal=seal_created(signature, "a.png", {"tiny": "abc"}))
    with pytest.raises(PhotopulseError, match="trusted roots"):
        read_credentials(path, roots=b"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")


def test_a_photo_that_needed_nothing_is_not_said_to_be_edited(chain, tmp_path):
    signature = load_signature(str(chain / "key.pem"), chain / "chain.pem")
    source = picture(tmp_path / "old.png")
    nothing = replace(edit(source), description="", networks={})
    path = picture(tmp_path / "new.png", seal=seal_edited(signature, "new.png", nothing))
    credentials = read_credentials(path)
    assert credentials is not None
    assert credentials.state == "valid"
    assert not credentials.edited
