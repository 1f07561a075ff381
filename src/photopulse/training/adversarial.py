"""Adversarial training of a restorer: a feature discriminator, updated only while its loss is above a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from photopulse.training.checkpoints import Stateful
from photopulse.training.compute import Compute
from photopulse.training.feature_discriminator import FeatureDiscriminator
from photopulse.training.gan_losses import discriminator_loss, generator_loss
from photopulse.training.learner import Learner, channels_last


@dataclass(frozen=True, kw_only=True)
class AdversarialSettings:
    """Settings of the adversarial loss.

    Attributes:
        weight: weight of the adversarial loss; the L1 distance has the weight 1.
        learning_rate: learning rate of the discriminator's Adam optimizer.
        update_threshold: the discriminator is updated only while its loss is above this, so that it does not win.
    """

    weight: float = 0.005
    learning_rate: float = 2e-4
    update_threshold: float = 1.2


class AdversarialLoss:
    """A discriminator with its optimizer; make it under ``seeded_weights``.

    ``betas`` are the decays of the moments of the discriminator's Adam optimizer.
    """

    def __init__(
        self, settings: AdversarialSettings, compute: Compute, *, betas: tuple[float, float] = (0.5, 0.99)
    ) -> None:
        self._threshold = settings.update_threshold
        self._compute = compute
        discriminator = channels_last(FeatureDiscriminator().to(compute.device))
        self._learner = Learner(
            discriminator,
            compute,
            learning_rate=settings.learning_rate,
            betas=betas,
            parameters=list(discriminator.heads.parameters()),
        )

    @property
    def parts(self) -> dict[str, Stateful]:
        """What a checkpoint keeps."""
        return self._learner.parts("discriminator_")

    def update_discriminator(self, of_sharp: Sequence[Tensor], of_made: Sequence[Tensor], step: int) -> Tensor:
        """Computes the discriminator's loss from features of sharp and of made pictures; learns if it is high.

        Returns:
            The loss before the update, a scalar without gradient.
        """
        discriminator = self._learner.network
        with self._compute.autocast():
            loss = discriminator_loss(discriminator(of_sharp), discriminator([stage.detach() for stage in of_made]))
        # The processes decide together. A loss that is no number any more ends the training, so it is not below.
        if not self._compute.mean(loss.detach()).item() <= self._threshold:
            self._learner.minimize(loss, step)
        return loss.detach()

    def generator_loss(self, of_made: Sequence[Tensor]) -> Tensor:
        """Computes the adversarial loss of each made picture (B,), not weighted, from its features."""
        with self._compute.autocast():
            return generator_loss(self._learner.network(of_made))
