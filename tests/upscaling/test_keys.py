from dataclasses import replace

import numpy as np
import torch

from photopulse.search.fast import FastSettings
from photopulse.search.kit import SearchKit
from photopulse.search.pulse import PulseSettings
from photopulse.search.twin_cache import save_twin, twin_path
from photopulse.upscaling.keys import answer_key, run_key
from photopulse.upscaling.upscale import UpscaleSettings

SETTINGS = UpscaleSettings()


def key_of(generator, settings=SETTINGS):
    return run_key(SearchKit.find(generator), settings)


def test_the_run_key_follows_settings_weights_and_kernel(build_generator, tmp_path):
    kernels = [tmp_path / "one.npy", tmp_path / "two.npy"]
    for number, path in enumerate(kernels):
        np.save(path, np.full((2, 2), number + 1.0))
    generator = build_generator()
    keys = [
        key_of(generator),
        key_of(generator, replace(SETTINGS, degradation="box")),
        key_of(generator, replace(SETTINGS, method="classic")),
        key_of(generator, replace(SETTINGS, classic=PulseSettings(steps=99))),
        key_of(generator, replace(SETTINGS, classic=PulseSettings(eps=0.5))),
        key_of(generator, replace(SETTINGS, fast=FastSettings(quality="best"))),
        key_of(generator, replace(SETTINGS, fast=FastSettings(time_limit=9))),
        key_of(generator, replace(SETTINGS, exact=True)),
        key_of(generator, replace(SETTINGS, kernel=kernels[0])),
        key_of(generator, replace(SETTINGS, kernel=kernels[1])),
        key_of(build_generator(name="other")),
        key_of(build_generator(seed=1)),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of(build_generator(), UpscaleSettings()) == keys[0]


def test_a_fitted_twin_changes_the_key_of_the_fast_search_only(build_generator, own_cache):
    generator = build_generator()
    settings = (SETTINGS, replace(SETTINGS, method="classic"))
    before = [key_of(generator, each) for each in settings]
    twin = generator.make_twin(16)
    with torch.no_grad():
        for values in twin.tail.parameters():
            values += 0.1
    save_twin(twin, twin_path(generator, 16), told={})
    after = [key_of(generator, each) for each in settings]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_kernel_may_move(build_generator, tmp_path):
    np.save(tmp_path / "k.npy", np.ones((2, 2)))
    before = key_of(build_generator(), replace(SETTINGS, kernel=tmp_path / "k.npy"))
    (tmp_path / "k.npy").rename(tmp_path / "moved.npy")
    assert key_of(build_generator(), replace(SETTINGS, kernel=tmp_path / "moved.npy")) == before


def test_the_answer_key_follows_run_pixels_size_and_seed():
    black = torch.zeros(1, 3, 8, 8)
    keys = [
        answer_key("run", black, 0),
        answer_key("run", black, 1),
        answer_key("other", black, 0),
        answer_key("run", torch.zeros(1, 3, 16, 16), 0),
        answer_key("run", black + 1 / 255, 0),
    ]
    assert len(set(keys)) == len(keys)
    assert answer_key("run", black.clone(), 0) == keys[0]
