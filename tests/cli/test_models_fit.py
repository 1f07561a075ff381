"""`photopulse models fit` as a user meets it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.cli import models_fit as command
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.files.load import load_generator
from photopulse.search.prior import fit_prior, load_prior
from photopulse.search.prior_cache import prior_path
from photopulse.search.twin_cache import find_twin, twin_path
from photopulse.training.twin import run as twin_run
from photopulse.training.twin.run import TwinFit


@pytest.fixture(scope="session")
def generator_file(build_generator, tmp_path_factory):
    """A generator of 64 px, which has twins of 16 and 32 px, as a file."""
    path = tmp_path_factory.mktemp("generator") / "tiny.safetensors"
    save_checkpoint(build_generator(channels=(16, 16, 16, 16)), path)
    return path


@pytest.fixture
def generator(generator_file):
    return load_generator(str(generator_file))


@pytest.fixture
def fit(generator_file, own_cache, one_thread):
    """Runs ``photopulse models fit tiny.safetensors ...`` on an empty cache, with few samples and steps."""

    def run(*arguments):
        few = ("--samples", 500, "--twin-samples", 24, "--twin-steps", 12, "--device", "cpu")
        return CliRunner().invoke(app, ["models", "fit", str(generator_file), *map(str, (*few, *arguments))])

    return run


def test_the_gaussian_and_the_usual_twins_are_fitted_and_found(fit, generator):
    result = fit()
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    prior, *twins = result.stdout.splitlines()
    assert prior == f"tiny\t{prior_path(generator)}"
    assert load_prior(prior_path(generator)).mean.equal(fit_prior(generator, samples=500).mean)
    for size, line in zip((16, 32), twins, strict=True):
        name, path, errors = line.split("\t")
        assert (name, path) == (f"tiny twin of {size} px", str(twin_path(generator, size)))
        assert errors.startswith("held-out mse ")
        assert find_twin(generator, size).source == "fitted"


def test_json_tells_files_and_errors(fit, generator):
    result = fit("--twins", "16", "--json")
    told = json.loads(result.stdout)
    assert (told["generator"], told["prior"]) == ("tiny", str(prior_path(generator)))
    (row,) = told["twins"]
    assert (row["size"], row["path"], row["kept"]) == (16, str(twin_path(generator, 16)), True)
    assert row["after"]["mean"] < row["before"]["mean"]
    assert set(row["after"]) == {"mean", "median"}


def test_none_leaves_it_at_the_gaussian(fit, generator):
    result = fit("--twins", "none")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"tiny\t{prior_path(generator)}\n"
    assert not twin_path(generator, 16).parent.exists()


def test_a_generator_without_twins_says_so_and_gets_the_gaussian(fit, generator, monkeypatch):
    monkeypatch.setattr(type(generator), "make_twin", lambda _self, _size: None)
    result = fit()
    assert result.exit_code == 0
    assert result.stdout == f"tiny\t{prior_path(generator)}\n"
    assert result.stderr == "tiny has no twins; only the Gaussian was fitted\n"


@pytest.mark.parametrize(
    ("twins", "message"),
    [
        ("16,64", "cannot fit a twin of 64 px: tiny has none of that size. Give --twins 16,32."),
        ("17", "cannot fit a twin of 17 px"),
        ("16;32", "cannot fit the twins '16;32': that is no list of sizes"),
        ("", "that is no list of sizes"),
        ("0", "that is no list of sizes"),
        ("-16", "that is no list of sizes"),
        ("all", "that is no list of sizes"),
    ],
)
def test_sizes_that_cannot_be_fitted_are_one_line_of_error_before_anything_is_done(fit, generator, twins, message):
    result = fit("--twins", twins)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: cannot fit ")
    assert message in line
    assert not prior_path(generator).exists()


def test_sizes_may_have_spaces_and_are_fitted_once(fit):
    told = json.loads(fit("--twins", " 32, 16,32", "--twin-steps", 1, "--json").stdout)
    assert [row["size"] for row in told["twins"]] == [32, 16]


def test_a_twin_that_did_not_get_better_is_told_and_not_kept(fit, generator):
    good = fit("--twins", "16")
    wanted = twin_path(generator, 16).read_bytes()
    result = fit("--twins", "16", "--twin-steps", 1)
    assert result.exit_code == good.exit_code == 0
    assert result.stdout == f"tiny\t{prior_path(generator)}\n"
    assert result.stderr.startswith("the fitted twin of 16 px is no better and not kept: held-out mse ")
    assert twin_path(generator, 16).read_bytes() == wanted


def test_an_interruption_exits_with_130_and_the_next_run_ends_as_one_without(fit, generator, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "whole"))
    whole = fit()
    wanted = [twin_path(generator, size).read_bytes() for size in (16, 32)]
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "parts"))
    original = twin_run.train_twin

    def impatient(twin, *arguments, **others):
        for state in original(twin, *arguments, **others):
            yield state
            if (twin.size, state.step) == (32, 3):
                raise KeyboardInterrupt

    monkeypatch.setattr(twin_run, "train_twin", impatient)
    result = fit()
    assert (result.exit_code, result.stdout) == (130, "")
    assert "the same command goes on from there" in result.stderr
    assert find_twin(generator, 16).source == "fitted"
    monkeypatch.setattr(twin_run, "train_twin", original)
    again = fit()
    assert again.exit_code == 0
    assert again.stdout.replace("parts", "whole") == whole.stdout
    assert [twin_path(generator, size).read_bytes() for size in (16, 32)] == wanted


def test_a_cache_that_cannot_be_written_is_one_line_of_error(fit, monkeypatch, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("a file where the cache folder should be")
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(blocker))
    result = fit()
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: cannot write ")
    assert "PHOTOPULSE_CACHE" in line


@pytest.mark.parametrize(
    "arguments",
    [("--twin-steps", 0), ("--twin-samples", 0), ("--samples", 1), ("--seed", -1), ("--label", 1), ("--device", "no")],
)
def test_wrong_usage_exits_with_two(fit, arguments):
    assert fit(*arguments).exit_code == 2


def test_errors_are_printed_with_three_digits(capsys):
    from photopulse.training.twin.train import TwinError

    row = TwinFit(
        size=16,
        path=Path("a"),
        before=TwinError(mean=0.0067759, median=0.00506),
        after=TwinError(mean=0.001, median=0.0009),
    )
    command._print("tiny", Path("p"), [row], as_json=False)
    assert capsys.readouterr().out.splitlines()[1] == (
        "tiny twin of 16 px\ta\theld-out mse 6.78e-03 before, 1.00e-03 after (median 5.06e-03, 9.00e-04)"
    )
