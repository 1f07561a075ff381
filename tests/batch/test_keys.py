from dataclasses import replace

import numpy as np
import torch

from photopulse.batch.keys import answer_key, run_key
from photopulse.pipeline import UpscaleSettings
from photopulse.search.pulse import PulseSettings

SETTINGS = UpscaleSettings()


def test_the_run_key_follows_settings_weights_and_kernel(build_generator, tmp_path):
    kernels = [tmp_path / "one.npy", tmp_path / "two.npy"]
    for number, path in enumerate(kernels):
        np.save(path, np.full((2, 2), number + 1.0))
    generator = build_generator()
    keys = [
        run_key(generator, SETTINGS),
        run_key(generator, replace(SETTINGS, degradation="box")),
        run_key(generator, replace(SETTINGS, search=PulseSettings(steps=99))),
        run_key(generator, replace(SETTINGS, search=PulseSettings(eps=0.5))),
        run_key(generator, replace(SETTINGS, kernel=kernels[0])),
        run_key(generator, replace(SETTINGS, kernel=kernels[1])),
        run_key(build_generator(name="other"), SETTINGS),
        run_key(build_generator(seed=1), SETTINGS),
    ]
    assert len(set(keys)) == len(keys)
    assert run_key(build_generator(), UpscaleSettings()) == keys[0]


def test_a_kernel_may_move(build_generator, tmp_path):
    np.save(tmp_path / "k.npy", np.ones((2, 2)))
    before = run_key(build_generator(), replace(SETTINGS, kernel=tmp_path / "k.npy"))
    (tmp_path / "k.npy").rename(tmp_path / "moved.npy")
    assert run_key(build_generator(), replace(SETTINGS, kernel=tmp_path / "moved.npy")) == before


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
