"""What is loaded for which settings, and by what networks are told apart."""

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.restoration import kit as restore_kit
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.settings import RestoreSettings


def test_kits_are_loaded_for_the_settings(monkeypatch):
    asked = []
    monkeypatch.setattr(restore_kit.FaceSearch, "load", lambda _device: asked.append("generator"))
    for name in ("photo_net", "full_size_net", "enlarge_net", "damage_mask_net", "inpaint_net"):
        monkeypatch.setattr(restore_kit, f"load_{name}", lambda _device, name=name: asked.append(name))
    monkeypatch.setattr(restore_kit, "load_realesrgan", lambda _device: asked.append("realesrgan"))
    monkeypatch.setattr(restore_kit.FaceDetector, "load", lambda: asked.append("detector"))
    RestoreKit.load(RestoreSettings(repair="auto"))
    repair = ["damage_mask_net", "inpaint_net"]
    assert asked == ["detector", "generator", "photo_net", "full_size_net", *repair]
    asked.clear()
    RestoreKit.load(RestoreSettings(only="photo", scale=2, sr="realesrgan"))
    assert asked == ["photo_net", "full_size_net", "realesrgan"]
    asked.clear()
    RestoreKit.load(RestoreSettings(only="face", scale=4))
    assert asked == ["detector", "generator", "photo_net", "full_size_net", "enlarge_net"]
    asked.clear()
    RestoreKit.load(RestoreSettings(max_faces=0))
    assert asked == ["photo_net", "full_size_net"]


def test_a_device_that_is_not_there_is_told_before_anything_is_loaded():
    with pytest.raises(PhotopulseError, match="cannot use the device 'cuda:99'"):
        RestoreKit.load(device="cuda:99")


def test_fingerprints_tell_weights_apart_and_name_what_is_there(toy_restore_kit):
    kit, same, other = toy_restore_kit(), toy_restore_kit(enlarge_net=None), toy_restore_kit()
    with torch.no_grad():
        other.full_size_net.last.bias.add_(1)
    assert kit.fingerprints["full_size"] == same.fingerprints["full_size"]
    assert kit.fingerprints["full_size"] != other.fingerprints["full_size"]
    assert set(same.fingerprints) == {"face", "photo", "full_size", "damage_mask", "inpaint"}
    assert all(len(digits) == 16 for digits in same.fingerprints.values())
