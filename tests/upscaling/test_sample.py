"""Faces drawn from the toy generator."""

import pytest
import torch
import torch.nn.functional as F

from photopulse.errors import PhotopulseError
from photopulse.upscaling.sample import sample_faces


def test_each_seed_gives_a_face_of_the_generators_size(tiny_generator):
    faces = list(sample_faces(tiny_generator, [3, 8]))
    assert [seed for seed, _ in faces] == [3, 8]
    for _, face in faces:
        assert face.shape == (1, 3, 32, 32)
        assert 0 <= face.min() < face.max() <= 1
        assert not face.requires_grad
    assert (faces[0][1] - faces[1][1]).abs().mean() > 0.02


def test_a_face_is_its_seeds_alone(tiny_generator):
    together = dict(sample_faces(tiny_generator, range(4)))
    backwards = dict(sample_faces(tiny_generator, [3, 0]))
    assert torch.equal(together[0], backwards[0])
    assert torch.equal(together[3], backwards[3])


def test_latent_and_noise_are_drawn_from_the_seed(tiny_generator):
    ((_, face),) = sample_faces(tiny_generator, [5])
    random = torch.Generator().manual_seed(5)
    ws = tiny_generator.map(torch.randn(1, 16, generator=random))
    noise = [torch.randn(1, *shape, generator=random) for shape in tiny_generator.noise_shapes]
    torch.testing.assert_close(face, tiny_generator.synthesize(ws, noise).clamp(0, 1))


def test_smaller_faces_are_the_large_ones_downscaled(tiny_generator):
    ((_, large),) = sample_faces(tiny_generator, [0])
    ((_, small),) = sample_faces(tiny_generator, [0], size=8)
    assert small.shape == (1, 3, 8, 8)
    expected = F.interpolate(large, size=(8, 8), mode="bicubic", antialias=True)
    torch.testing.assert_close(small[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-5, rtol=0)
    ((_, same),) = sample_faces(tiny_generator, [0], size=32)
    torch.testing.assert_close(same, large)


def test_truncation_pulls_the_faces_together(tiny_generator):
    def spread(psi):
        return torch.cat([face for _, face in sample_faces(tiny_generator, range(6), truncation_psi=psi)]).std(0).mean()

    assert spread(0.0) < 0.5 * spread(1.0)


def test_wrong_settings_stop_before_the_first_face(tiny_generator):
    for size in (0, 12, 64):
        with pytest.raises(PhotopulseError, match=f"cannot draw faces of {size} px: the size must divide the 32 px"):
            sample_faces(tiny_generator, [0], size=size)
    for seeds in ([-1], range(2**32 - 1, 2**32 + 1)):
        with pytest.raises(PhotopulseError, match="seeds of 32 bits"):
            sample_faces(tiny_generator, seeds)
    with pytest.raises(PhotopulseError, match="it has 0 classes"):
        sample_faces(tiny_generator, [0], label=1)


def test_no_seeds_give_no_faces(tiny_generator):
    assert list(sample_faces(tiny_generator, [])) == []


class Labelled:
    """A generator with two classes around the toy one; it keeps the labels that it was given."""

    def __init__(self, generator):
        self.generator, self.c_dim, self.labels = generator, 2, []

    def __getattr__(self, name):
        return getattr(self.generator, name)

    def map(self, z, c, **others):
        self.labels.append(c.tolist())
        return self.generator.map(z, **others)


def test_a_conditional_generator_is_given_the_class(tiny_generator):
    generator = Labelled(tiny_generator)
    list(sample_faces(generator, [0, 1], label=1))
    assert generator.labels == [[[0, 1]], [[0, 1]]]
    with pytest.raises(PhotopulseError, match="--label 0 to 1"):
        sample_faces(generator, [0])
