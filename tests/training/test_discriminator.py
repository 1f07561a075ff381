import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.training.fsrnet.discriminator import PairDiscriminator
from photopulse.training.gan_losses import discriminator_loss


def _pictures(seed: int, size: int = 64) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_each_patch_has_a_logit(one_thread: None):
    discriminator = PairDiscriminator(width=4, levels=3)
    assert discriminator(_pictures(0), _pictures(1)).shape == (2, 1, 8, 8)
    assert PairDiscriminator(width=2)(_pictures(0, 128), _pictures(1, 128)).shape == (2, 1, 8, 8)


def test_the_logits_depend_on_the_picture_and_on_what_it_was_made_from(one_thread: None):
    discriminator = PairDiscriminator(width=4, levels=3).eval()
    logits = discriminator(_pictures(0), _pictures(1))
    assert not torch.allclose(discriminator(_pictures(2), _pictures(1)), logits)
    assert not torch.allclose(discriminator(_pictures(0), _pictures(2)), logits)


def test_a_logit_sees_a_patch_only(one_thread: None):
    discriminator = PairDiscriminator(width=4, levels=3).eval()
    picture, condition = _pictures(0), _pictures(1)
    changed = picture.clone()
    changed[:, :, :8, :8] = 0
    same = discriminator(changed, condition)[..., 5:, 5:] == discriminator(picture, condition)[..., 5:, 5:]
    assert same.all()


def test_no_layer_makes_anything_larger(one_thread: None):
    torch.manual_seed(0)
    discriminator = PairDiscriminator(width=4, levels=2)
    for _ in range(20):
        discriminator(_pictures(0, 16), _pictures(1, 16))
    discriminator.eval()
    kernels = [layer.weight.detach() for layer in discriminator.body if isinstance(layer, nn.Conv2d)]
    assert len(kernels) == 3
    for kernel in kernels:
        assert abs(torch.linalg.matrix_norm(kernel.flatten(1), 2).item() - 1) < 0.02


def test_a_discriminator_learns_to_tell_noise_from_smooth_pictures(one_thread: None):
    torch.manual_seed(0)
    discriminator = PairDiscriminator(width=8, levels=2)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=4e-3)
    condition = _pictures(9, 16)
    for step in range(25):
        noise = _pictures(step, 16)
        smooth = F.avg_pool2d(F.pad(noise, (2, 2, 2, 2), mode="reflect"), 5, 1)
        loss = discriminator_loss(discriminator(smooth, condition), discriminator(noise, condition))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # The loss of an untrained discriminator is 2.
    assert loss.item() < 1.4
