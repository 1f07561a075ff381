import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.training.fsrnet.discriminator import PairDiscriminator, hinge_loss


def _pictures(seed: int, size: int = 64) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_each_patch_gets_a_verdict(one_thread: None):
    judge = PairDiscriminator(width=4, levels=3)
    assert judge(_pictures(0), _pictures(1)).shape == (2, 1, 8, 8)
    assert PairDiscriminator(width=2)(_pictures(0, 128), _pictures(1, 128)).shape == (2, 1, 8, 8)


def test_the_verdict_depends_on_the_picture_and_on_what_it_was_made_from(one_thread: None):
    judge = PairDiscriminator(width=4, levels=3).eval()
    verdict = judge(_pictures(0), _pictures(1))
    assert not torch.allclose(judge(_pictures(2), _pictures(1)), verdict)
    assert not torch.allclose(judge(_pictures(0), _pictures(2)), verdict)


def test_a_verdict_sees_a_patch_only(one_thread: None):
    judge = PairDiscriminator(width=4, levels=3).eval()
    picture, given = _pictures(0), _pictures(1)
    changed = picture.clone()
    changed[:, :, :8, :8] = 0
    same = judge(changed, given)[..., 5:, 5:] == judge(picture, given)[..., 5:, 5:]
    assert same.all()


def test_no_layer_makes_anything_larger(one_thread: None):
    torch.manual_seed(0)
    judge = PairDiscriminator(width=4, levels=2)
    for _ in range(20):
        judge(_pictures(0, 16), _pictures(1, 16))
    judge.eval()
    kernels = [layer.weight.detach() for layer in judge.body if isinstance(layer, nn.Conv2d)]
    assert len(kernels) == 3
    for kernel in kernels:
        assert abs(torch.linalg.matrix_norm(kernel.flatten(1), 2).item() - 1) < 0.02


def test_the_hinge_loss_as_worked_by_hand():
    real, made = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.5])
    # (0 + 0.5) / 2 for the photos, (0 + 1.5) / 2 for the made ones.
    assert hinge_loss(real, made).item() == 1.0
    assert hinge_loss(torch.tensor([1.0]), torch.tensor([-1.0])).item() == 0


def test_a_judge_learns_to_tell_noise_from_smooth_pictures(one_thread: None):
    torch.manual_seed(0)
    judge = PairDiscriminator(width=8, levels=2)
    optimizer = torch.optim.Adam(judge.parameters(), lr=4e-3)
    given = _pictures(9, 16)
    for step in range(25):
        noise = _pictures(step, 16)
        smooth = F.avg_pool2d(F.pad(noise, (2, 2, 2, 2), mode="reflect"), 5, 1)
        loss = hinge_loss(judge(smooth, given), judge(noise, given))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # What a judge that knows nothing pays is 2.
    assert loss.item() < 1.4
