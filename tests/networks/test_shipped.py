"""Networks that come with the package: where their files are looked for, and what a missing one says."""

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.networks import shipped
from photopulse.networks.damage_mask import DamageMaskNet, DamageMaskSettings
from photopulse.networks.enlarge import EnlargeNet, EnlargeNetSettings
from photopulse.networks.files import write_network
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings
from photopulse.networks.inpaint import InpaintNet, InpaintSettings
from photopulse.networks.photo import PhotoNet, PhotoNetSettings

SMALL = {
    "photo": (PhotoNet, PhotoNetSettings(widths=(4, 8), blocks=(1, 1))),
    "full-size": (FullSizeNet, FullSizeSettings(hidden=4, blocks=1, width=4)),
    "enlarge": (EnlargeNet, EnlargeNetSettings(width=4, blocks=1)),
    "damage-mask": (DamageMaskNet, DamageMaskSettings(widths=(4, 8), blocks=(1, 1))),
    "inpaint": (InpaintNet, InpaintSettings(widths=(4, 8), blocks=(1, 1))),
}
LOADERS = {
    "photo": shipped.load_photo_net,
    "full-size": shipped.load_full_size_net,
    "enlarge": shipped.load_enlarge_net,
    "damage-mask": shipped.load_damage_mask_net,
    "inpaint": shipped.load_inpaint_net,
}


@pytest.mark.parametrize("kind", SMALL)
def test_each_network_comes_from_its_file_with_its_sizes(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    make, settings = SMALL[kind]
    torch.manual_seed(0)
    network = make(settings)
    write_network(network, settings, kind, tmp_path / f"{kind}.safetensors")
    loaded = LOADERS[kind]()
    assert type(loaded) is make
    assert loaded.settings == settings
    assert not loaded.training
    for name, values in loaded.named_parameters():
        torch.testing.assert_close(values, network.get_parameter(name), atol=1e-3, rtol=1e-3)
        assert not values.requires_grad


@pytest.mark.parametrize("kind", SMALL)
def test_a_missing_file_is_named_with_a_way_out(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    with pytest.raises(PhotopulseError, match=rf"{kind}\.safetensors.*reinstall photopulse"):
        LOADERS[kind]()
