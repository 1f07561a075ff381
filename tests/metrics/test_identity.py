import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from photopulse import weights
from photopulse.errors import PhotopulseError
from photopulse.metrics.identity import identity_distance, identity_similarity, load_identity

# Distances below it speak for one person, by the maker of the network.
SAME_PERSON_DISTANCE = 0.6


def resized(face, size):
    return F.interpolate(face, (size, size), mode="bicubic", antialias=True).clamp(0, 1)


def test_the_distance_and_the_cosine_are_those_of_hand_worked_vectors():
    a, b = np.zeros(128), np.zeros(128)
    a[:2], b[:2] = (3, 0), (3, 4)
    assert identity_distance(a, b) == 4
    assert identity_similarity(a, b) == pytest.approx(0.6)
    assert identity_similarity(a, -2 * a) == pytest.approx(-1)


def test_without_dlib_the_error_says_what_to_install(monkeypatch, own_cache):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(PhotopulseError, match=r"pip install 'photopulse\[identity\]'"):
        load_identity()
    assert not own_cache.exists()


@pytest.mark.weights
def test_one_person_stays_nearer_than_another_under_blur_noise_and_mirroring(
    identity_net, generated_face, aligned_astronaut
):
    first = generated_face
    noise = torch.randn(first.shape, generator=torch.Generator().manual_seed(0))
    own = identity_net.embed(first)
    other = identity_net.embed(aligned_astronaut)
    assert own.shape == (128,)
    assert own.dtype == np.float64
    for changed in (resized(first, 128), (first + 0.05 * noise).clamp(0, 1), first.flip(3), resized(first, 64)):
        embedding = identity_net.embed(changed)
        assert identity_distance(own, embedding) < SAME_PERSON_DISTANCE < identity_distance(own, other)
        assert identity_similarity(own, embedding) > identity_similarity(own, other)


@pytest.mark.weights
def test_real_people_differ_and_stay_themselves(identity_net, aligned_portraits):
    embeddings = [identity_net.embed(face) for face in aligned_portraits]
    small = [identity_net.embed(resized(face, 64)) for face in aligned_portraits]
    for i, mine in enumerate(small):
        distances = [identity_distance(mine, embedding) for embedding in embeddings]
        assert int(np.argmin(distances)) == i
        assert distances[i] < 0.3
        assert all(distance > SAME_PERSON_DISTANCE for j, distance in enumerate(distances) if j != i)


@pytest.mark.weights
def test_the_known_box_gives_nearly_what_the_detector_of_dlib_gives(identity_net, aligned_astronaut):
    dlib = pytest.importorskip("dlib")
    pixels = (resized(aligned_astronaut, 512)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    pixels = np.ascontiguousarray(pixels)
    folder = weights.folder("dlib-face-embedding")
    predictor = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    recognition = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))
    box = dlib.get_frontal_face_detector()(pixels, 0)[0]
    expected = np.array(recognition.compute_face_descriptor(pixels, predictor(pixels, box)))
    assert identity_distance(identity_net.embed(aligned_astronaut), expected) < 0.1


@pytest.mark.weights
def test_a_face_is_described_alike_every_time(identity_net, aligned_astronaut):
    assert np.array_equal(identity_net.embed(aligned_astronaut), identity_net.embed(aligned_astronaut))


@pytest.mark.weights
@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (1, 1, 64, 64), (1, 3, 64, 65), (3, 64, 64)])
def test_what_is_no_single_square_face_is_refused(identity_net, shape):
    with pytest.raises(ValueError, match="square face"):
        identity_net.embed(torch.zeros(shape))
