from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from photopulse.networks.face import FaceNet, FaceNetSettings, make_decoder
from photopulse.networks.face_decoder import FaceDecoder
from photopulse.training.compute import Compute
from photopulse.training.learner import seeded_weights
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration import face_restoration as module
from photopulse.training.restoration.face_crops import FaceCrops
from photopulse.training.restoration.face_restoration import FaceTraining, train_face

pytestmark = pytest.mark.usefixtures("one_thread", "stage_features")


@pytest.fixture
def settings(tiny_face_net: FaceNetSettings) -> FaceTraining:
    optimisation = Optimisation(steps=3, batch_size=2, learning_rate=1e-3, warmup=1, save_every=2)
    return FaceTraining(network=tiny_face_net, optimisation=optimisation)


def test_an_interrupted_training_goes_on_to_the_same_network(
    face_crops: FaceCrops, settings: FaceTraining, tmp_path: Path
):
    def train(name: str):
        return train_face(
            face_crops, settings, decoder=None, photo_net=nn.Identity(), checkpoint=tmp_path / name, compute=Compute()
        )

    whole = list(train("whole.pt"))
    assert set(whole[0].losses) == {"pixel", "coarse", "identity", "perceptual", "adversarial", "discriminator"}
    for state in train("parts.pt"):
        if state.step == 2:
            break
    # The checkpoint of step 2 comes before the state of step 2.
    (last,) = train("parts.pt")
    assert (last.step, last.losses) == (3, whole[-1].losses)
    for ours, theirs in zip(last.network.parameters(), whole[-1].network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_decoder_starts_with_the_weights_of_the_gan_but_for_its_rgb_layers(
    face_crops: FaceCrops, settings: FaceTraining, tmp_path: Path
):
    still = replace(settings, optimisation=replace(settings.optimisation, steps=1, learning_rate=0.0))
    torch.manual_seed(7)
    decoder = make_decoder(settings.network)
    list(
        train_face(
            face_crops,
            still,
            decoder=decoder,
            photo_net=nn.Identity(),
            checkpoint=tmp_path / "face.pt",
            compute=Compute(),
        )
    )
    trained = torch.load(tmp_path / "face.pt", weights_only=True)["network"]
    for name, values in decoder.named_parameters():
        expected = torch.zeros_like(values) if name.startswith(("to_rgb", "last")) else values
        assert torch.equal(trained[f"decoder.{name}"], expected)


def test_the_decoder_learns_more_slowly_than_the_encoder(
    face_crops: FaceCrops, settings: FaceTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # While nothing is drawn, nothing but the last layers learns.
    monkeypatch.setattr(FaceDecoder, "forget_colours", lambda _self: None)
    one = replace(settings, optimisation=replace(settings.optimisation, steps=1, warmup=0, last_rate=1.0))
    torch.manual_seed(7)
    decoder = make_decoder(settings.network)
    before = {name: values.clone() for name, values in decoder.named_parameters()}
    list(
        train_face(
            face_crops,
            one,
            decoder=decoder,
            photo_net=nn.Identity(),
            checkpoint=tmp_path / "face.pt",
            compute=Compute(),
        )
    )
    trained = torch.load(tmp_path / "face.pt", weights_only=True)["network"]
    moved = max((trained[f"decoder.{name}"] - values).abs().max().item() for name, values in before.items())
    # Adam's first step is the learning rate: half of the encoder's.
    assert moved == pytest.approx(0.5e-3, rel=0.01)
    with seeded_weights(0):
        encoder = FaceNet(settings.network)
    stem = (trained["stem.weight"] - encoder.stem.weight).abs().max().item()
    assert stem == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize(("update_threshold", "learns"), [(0.0, True), (100.0, False)])
def test_the_discriminator_rests_while_it_wins(
    face_crops: FaceCrops, settings: FaceTraining, tmp_path: Path, update_threshold: float, learns: bool
):
    controlled = replace(settings, adversarial=replace(settings.adversarial, update_threshold=update_threshold))
    list(
        train_face(
            face_crops,
            controlled,
            decoder=None,
            photo_net=nn.Identity(),
            checkpoint=tmp_path / "face.pt",
            compute=Compute(),
        )
    )
    assert bool(torch.load(tmp_path / "face.pt", weights_only=True)["discriminator_optimizer"]["state"]) == learns


def test_whether_the_discriminator_rests_is_decided_by_all_processes(
    face_crops: FaceCrops, settings: FaceTraining, tmp_path: Path
):
    asked: list[int] = []

    def mean(tensor: torch.Tensor) -> torch.Tensor:
        asked.append(tensor.numel())
        return torch.zeros_like(tensor)

    compute = Compute(processes=2, mean=mean)
    list(
        train_face(
            face_crops,
            settings,
            decoder=None,
            photo_net=nn.Identity(),
            checkpoint=tmp_path / "face.pt",
            compute=compute,
        )
    )
    weights = sum(values.numel() for values in FaceNet(settings.network).parameters())
    assert asked == [1, weights] * 3


def test_faces_are_cleaned_by_the_photo_network_first(tiny_face_net: FaceNetSettings):
    network = FaceNet(tiny_face_net)
    torch.nn.init.normal_(network.decoder.last.weight)
    face, fidelity = torch.rand(1, 3, 64, 64), torch.ones(1)
    both = module.clean_and_restore(network, lambda picture: picture * 1.5 - 0.1, face, fidelity)
    torch.testing.assert_close(both, network(face, (face * 1.5 - 0.1).clamp(0, 1), fidelity))


def test_at_full_fidelity_detail_does_not_count(face_crops: FaceCrops, settings: FaceTraining, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_fidelities", lambda count, _random: torch.ones(count))
    ends = []
    for name, weight in (("light", 0.0), ("heavy", 9.0)):
        weighed = replace(
            settings,
            adversarial=replace(settings.adversarial, weight=weight),
            weights=replace(settings.weights, perceptual=weight),
        )
        (*_, last) = train_face(
            face_crops,
            weighed,
            decoder=None,
            photo_net=nn.Identity(),
            checkpoint=tmp_path / f"{name}.pt",
            compute=Compute(),
        )
        ends.append(torch.cat([values.flatten() for values in last.network.parameters()]))
    torch.testing.assert_close(*ends, rtol=0, atol=1e-6)


def test_who_it_is_counts_at_full_fidelity(face_crops: FaceCrops, settings: FaceTraining, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_fidelities", lambda count, _random: torch.ones(count))
    ends = []
    for weight in (0.0, 100.0):
        (*_, last) = train_face(
            face_crops,
            replace(settings, identity_weight=weight),
            decoder=None,
            photo_net=nn.Identity(),
            checkpoint=tmp_path / f"{weight}.pt",
            compute=Compute(),
        )
        assert ("identity" in last.losses) == (weight > 0)
        ends.append(torch.cat([values.flatten() for values in last.network.parameters()]))
    assert not torch.equal(*ends)


def test_fidelities_lie_between_0_and_1_and_often_at_the_ends():
    drawn = module._fidelities(2000, torch.Generator().manual_seed(0))
    assert drawn.min() == 0
    assert drawn.max() == 1
    assert (drawn == 0).float().mean().item() == pytest.approx(1 / 6, abs=0.03)
    assert (drawn == 1).float().mean().item() == pytest.approx(1 / 6, abs=0.03)


def test_fidelities_and_patches_are_drawn_from_numbers_of_their_own(
    face_crops: FaceCrops, settings: FaceTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    used: list[bytes] = []

    def remember(name: str) -> None:
        draw = getattr(module, name)

        def remembered(*arguments: object) -> object:
            (random,) = (each for each in arguments if isinstance(each, torch.Generator))
            used.append(random.get_state().numpy().tobytes())
            return draw(*arguments)

        monkeypatch.setattr(module, name, remembered)

    remember("_fidelities")
    remember("_patch")
    identity = nn.Identity()
    list(
        train_face(
            face_crops, settings, decoder=None, photo_net=identity, checkpoint=tmp_path / "f.pt", compute=Compute()
        )
    )
    assert len(used) == len(set(used)) == 2 * settings.optimisation.steps
