import random

import numpy as np
import pytest

from photopulse.evaluation.methods import METHOD_NAMES, RESTORER_NAMES
from photopulse.evaluation.records import Row
from photopulse.evaluation.summaries import Task, condition_order, method_order, summarise
from photopulse.reporting.intervals import bootstrap_interval, wilson_interval


def row(image, method="pulse", condition="clean", size=128, small=16, *, error=None, features=(), **values):
    return Row(
        image=image,
        method=method,
        condition=condition,
        size=size,
        small=small,
        values=values,
        error=error,
        traits={"features": features},
    )


def test_figures_are_those_worked_by_hand():
    rows = [
        row("a", psnr=20.0, downscale_mse=1e-5, seconds=1.0, converged=True),
        row("b", psnr=22.0, downscale_mse=2e-5, seconds=2.0, converged=False),
        row("c", psnr=27.0, downscale_mse=9e-5, seconds=9.0, converged=False),
        row("d", psnr=99.0, error="out of memory"),
    ]
    (summary,) = summarise(rows)
    assert (summary.task, summary.method, summary.scope) == (Task("clean", 16, 128), "pulse", "all")
    assert (summary.images, summary.failed) == (4, 1)
    values = {name: estimate.value for name, estimate in summary.figures.items()}
    assert values == pytest.approx(
        {"psnr": 23, "downscale_mse_mean": 4, "downscale_mse_median": 2, "seconds": 2, "converged": 1 / 3}
    )
    assert {estimate.count for estimate in summary.figures.values()} == {3}
    assert (summary.figures["converged"].low, summary.figures["converged"].high) == wilson_interval(1, 3)


def test_shifts_of_skin_to_both_sides_cancel_in_their_mean_but_not_in_their_size():
    rows = [row(str(i), ita_shift=shift) for i, shift in enumerate((-9.0, 2.0, 1.0))]
    (summary,) = summarise(rows)
    figures = {name: estimate.value for name, estimate in summary.figures.items()}
    assert figures == {"ita_shift": -2, "absolute_ita_shift": 4, "absolute_ita_shift_median": 2}
    estimate = summary.figures["absolute_ita_shift"]
    assert (estimate.low, estimate.high) == bootstrap_interval([9.0, 2.0, 1.0])


def test_intervals_are_bootstrapped_from_the_same_values_and_statistic():
    values = np.random.default_rng(0).gamma(2, size=20)
    (summary,) = summarise([row(str(i), seconds=value, psnr=value) for i, value in enumerate(values)])
    for name, statistic in (("psnr", np.mean), ("seconds", np.median)):
        estimate = summary.figures[name]
        assert (estimate.low, estimate.high) == bootstrap_interval(values, statistic=statistic)
        assert estimate.low < estimate.value < estimate.high


def test_one_picture_and_infinite_values_have_no_interval():
    (one,) = summarise([row("a", psnr=20.0)])
    (infinite,) = summarise([row("a", psnr=20.0), row("b", psnr=np.inf)])
    for summary, value in ((one, 20), (infinite, np.inf)):
        estimate = summary.figures["psnr"]
        assert (estimate.value, estimate.low, estimate.high) == (value, None, None)


def test_what_nobody_measured_is_no_figure():
    (summary,) = summarise([row("a", ssim=0.5), row("b")])
    assert set(summary.figures) == {"ssim"}
    assert summary.figures["ssim"].count == 1


def test_each_method_size_and_condition_has_its_own_summary_in_a_readers_order():
    rows = [
        row("a", method, condition, size, small)
        for method in ("pulse", "nearest")
        for condition in ("jpeg:30", "clean")
        for size, small in ((1024, 16), (128, 16), (1024, 32))
    ]
    order = [(s.task.small, s.task.size, s.task.condition, s.method) for s in summarise(rows)]
    assert order == [
        (small, size, condition, method)
        for small, size in ((16, 128), (32, 1024), (16, 1024))
        for condition in ("clean", "jpeg:30")
        for method in ("nearest", "pulse")
    ]


def test_equal_rows_in_any_order_have_equal_summaries():
    draw = np.random.default_rng(1)
    rows = [row(str(i), method, psnr=draw.normal(), niqe=1e9 * draw.normal()) for i in range(20) for method in "ab"]
    shuffled = rows.copy()
    random.Random(2).shuffle(shuffled)
    assert summarise(rows) == summarise(shuffled)


def test_the_shared_scope_keeps_only_the_pictures_that_all_methods_solved():
    rows = [row(name, "bicubic", psnr=value) for name, value in (("a", 1.0), ("b", 2.0), ("c", 30.0), ("d", 40.0))]
    rows += [row("a", "pulse", psnr=5.0), row("b", "pulse", psnr=6.0), row("c", "pulse", error="no")]
    rows += [row("a", "broken", error="no")]
    shared = [summary for summary in summarise(rows) if summary.scope == "shared"]
    assert [summary.fair for summary in summarise(rows)] == [False] * 3 + [True] * 2
    assert [(s.method, s.images, s.failed, s.figures["psnr"].value, s.scope) for s in shared] == [
        ("bicubic", 2, 0, 1.5, "shared"),
        ("pulse", 2, 0, 5.5, "shared"),
    ]


def test_nothing_is_shared_where_all_methods_saw_the_same_pictures_or_have_none_in_common():
    same = [row(name, method) for name in "ab" for method in ("bicubic", "pulse")]
    apart = [row("a", "bicubic"), row("b", "pulse")]
    failed = [row("a", "bicubic", error="no")]
    for rows, fair in ((same, True), (apart, False), (failed, True)):
        assert {(summary.scope, summary.fair) for summary in summarise(rows)} == {("all", fair)}
    assert summarise([]) == []


def test_figures_of_sets_are_over_the_pictures_of_each_scope():
    def drawn(name, method):
        features = np.random.default_rng(sum(f"{name}{method}".encode())).random(5)
        return row(name, method, features=features.tolist())

    rows = [drawn(name, method) for name in "abcdef" for method in ("original", "bicubic")]
    rows += [drawn(name, "pulse") for name in "abcd"] + [row("e", "pulse", error="no")]
    found = {(summary.method, summary.scope): summary.figures for summary in summarise(rows)}
    assert [found["bicubic", scope]["kd"].count for scope in ("all", "shared")] == [6, 4]
    assert [found["pulse", scope]["kd"].count for scope in ("all", "shared")] == [4, 4]
    assert found["pulse", "all"]["kd"] == found["pulse", "shared"]["kd"]
    assert "kd" not in found["original", "all"]
    # The Frechet distance depends on the number of pictures, which differs over all.
    assert ["fd" in found["bicubic", scope] for scope in ("all", "shared")] == [False, True]


def test_methods_stand_in_the_order_of_papers_with_variants_beside_their_family():
    order = ["original", "nearest", "bicubic", "lanczos", "realesrgan", "fsrnet", "fsrgan", "pulse", "pulse-fast"]
    order += ["pulse:400", "fast", "fast:best", "fast:draft", "another", "spandrel"]
    assert sorted(set(order), key=method_order) == order


def test_every_method_has_its_place_in_that_order():
    places = [method_order(name)[0] for name in dict.fromkeys(METHOD_NAMES + RESTORER_NAMES)]
    assert len(set(places)) == len(places)
    assert max(places) < method_order("another")[0]


def test_clean_faces_come_first_and_levels_of_damage_grow():
    assert sorted(["noise:25", "blur", "clean"], key=condition_order) == ["clean", "blur", "noise:25"]
    order = ["light", "light, face", "medium", "heavy", "heavy, face"]
    assert sorted(sorted(order), key=condition_order) == order


def test_photos_of_all_sizes_make_one_summary_a_level():
    rows = [row(name, condition="heavy", size=None, small=None, psnr=value) for name, value in (("a", 20), ("b", 30))]
    (summary,) = summarise(rows)
    assert (summary.task, summary.figures["psnr"].value) == (Task("heavy", None, None), 25)
