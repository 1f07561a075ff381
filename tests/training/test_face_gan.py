from pathlib import Path

import pytest
import torch

from photopulse.networks.face import FaceNetSettings
from photopulse.training.compute import Compute
from photopulse.training.restoration.face_crops import FaceCrops
from photopulse.training.restoration.face_gan import (
    FaceGANTraining,
    Stage,
    diversity_loss,
    doublings,
    saturation_penalty,
    to_image,
    train_face_gan,
)

pytestmark = pytest.mark.usefixtures("one_thread", "stage_features")


@pytest.fixture
def settings(tiny_face_net: FaceNetSettings) -> FaceGANTraining:
    stages = (Stage(size=16, steps=2, batch_size=2), Stage(size=32, steps=2, batch_size=1))
    return FaceGANTraining(network=tiny_face_net, stages=stages, save_every=2)


def test_an_interrupted_training_goes_on_through_its_stages_to_the_same_decoder(
    face_crops: FaceCrops, settings: FaceGANTraining, tmp_path: Path
):
    whole = list(train_face_gan(face_crops, settings, checkpoint=tmp_path / "whole.pt", compute=Compute()))
    assert [state.step for state in whole] == [1, 2, 3, 4]
    assert set(whole[0].losses) == {"discriminator", "adversarial", "diversity", "saturation"}
    for state in train_face_gan(face_crops, settings, checkpoint=tmp_path / "parts.pt", compute=Compute()):
        if state.step == 3:
            break
    parts = list(train_face_gan(face_crops, settings, checkpoint=tmp_path / "parts.pt", compute=Compute()))
    assert [(state.step, state.losses) for state in parts] == [(s.step, s.losses) for s in whole[2:]]
    for ours, theirs in zip(parts[-1].network.parameters(), whole[-1].network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_larger_layers_learn_only_when_their_size_is_trained(
    face_crops: FaceCrops, settings: FaceGANTraining, tmp_path: Path
):
    states = train_face_gan(face_crops, settings, checkpoint=tmp_path / "gan.pt", compute=Compute())
    after = [{name: values.clone() for name, values in state.network.named_parameters()} for state in states]
    # At 16 px one doubling is used, at 32 px two; the average starts as the weights do.
    assert not torch.equal(after[0]["steps.0.join.weight"], after[1]["steps.0.join.weight"])
    assert torch.equal(after[0]["steps.1.join.weight"], after[1]["steps.1.join.weight"])
    assert not torch.equal(after[1]["steps.1.join.weight"], after[3]["steps.1.join.weight"])
    assert torch.equal(after[0]["steps.2.join.weight"], after[3]["steps.2.join.weight"])


def test_the_second_of_two_processes_sees_other_faces(face_crops: FaceCrops, settings: FaceGANTraining, tmp_path: Path):
    losses = [
        next(train_face_gan(face_crops, settings, checkpoint=tmp_path / f"{process}.pt", compute=compute)).losses
        for process, compute in enumerate((Compute(), Compute(process=1, processes=2)))
    ]
    assert losses[0] != losses[1]
    assert not list(tmp_path.iterdir())


def test_each_step_has_the_size_of_its_stage(settings: FaceGANTraining):
    assert settings.steps == 4
    assert [settings.size_in(step) for step in range(1, 5)] == [16, 16, 32, 32]
    assert [doublings(size) for size in (16, 32, 64, 128, 256)] == [1, 2, 3, 4, 5]


def test_faces_that_differ_less_than_real_ones_have_a_diversity_loss():
    real = [torch.randn(4, 8, 6, 6, generator=torch.Generator().manual_seed(stage)) for stage in range(2)]
    same = [stage[:1].expand(4, -1, -1, -1) for stage in real]
    nearer = [stage.lerp(mean, 0.5) for stage, mean in zip(real, same, strict=True)]
    assert diversity_loss(real, real) == 0
    assert diversity_loss(same, real) == 0  # More varied than photos is no fault.
    assert diversity_loss(real, same) > diversity_loss(real, nearer) > 0


def test_the_diversity_loss_has_a_gradient_where_faces_are_alike():
    made = (1e-3 * torch.randn(4, 8, 6, 6, generator=torch.Generator().manual_seed(0)) + 1).requires_grad_()
    diversity_loss([torch.randn(4, 8, 6, 6)], [made]).backward()
    assert made.grad is not None
    assert made.grad.abs().max() > 0


def test_the_saturation_penalty_leads_back_where_the_image_is_saturated():
    inside, white = torch.linspace(-1, 1, 5), torch.full((1, 3, 4, 4), 3.0, requires_grad=True)
    assert saturation_penalty(inside) == 0
    assert to_image(white).min() > 0.9999
    saturation_penalty(white).backward()
    assert white.grad is not None
    assert (white.grad > 0).all()
