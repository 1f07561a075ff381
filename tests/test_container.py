"""The Dockerfile and the compose file: what can be known of them without building an image."""

import json
import re
import shlex
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from typer.main import get_command

from photopulse.cli import app
from photopulse.weights import WEIGHTS

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
INSTRUCTIONS = [
    tuple(line.split(maxsplit=1))
    for line in (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
SERVICE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["photopulse"]


def told(instruction: str) -> list[str]:
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


def place(start: str) -> int:
    (found,) = [k for k, line in enumerate(INSTRUCTIONS) if " ".join(line).startswith(start)]
    return found


def commands() -> list[list[str]]:
    """Every command of photopulse that is run while the image is built, and the one that a container runs."""
    built = [shlex.split(part) for line in told("RUN") for part in line.split("&&")]
    return [command for command in (*built, json.loads(told("CMD")[0])) if command[0] == "photopulse"]


def test_every_command_exists_with_these_options():
    names = []
    for command in commands():
        group = get_command(app)
        names.append(command[1])
        # Parses without running: an unknown option or argument is an error.
        _, sub, rest = group.resolve_command(group.make_context("photopulse", [], resilient_parsing=True), command[1:])
        while hasattr(sub, "resolve_command"):
            _, sub, rest = sub.resolve_command(sub.make_context(sub.name, [], resilient_parsing=True), rest)
        assert sub.make_context(sub.name, rest).params
    assert names == ["models", "upscale", "serve"]


def test_the_weights_that_jobs_need_are_fetched_before_the_network_is_left():
    (fetched,) = [command[3:] for command in commands() if command[1:3] == ["models", "get"]]
    assert {"mobilestylegan-ffhq-1024", "blazeface", "facemesh", "realesrgan-x4plus"} == set(fetched) <= set(WEIGHTS)
    assert place("RUN photopulse models get") < place("ENV PHOTOPULSE_OFFLINE=1") < place("RUN photopulse upscale")


def test_nothing_of_photopulse_runs_with_the_rights_of_root():
    users = told("USER")
    assert users == ["photopulse"]
    assert place("RUN useradd") < place("USER") < place("RUN photopulse models get")


def test_python_and_the_extras_are_those_of_the_package():
    (image,) = told("FROM")
    (required,) = re.findall(r'^requires-python = "(.+)"$', PROJECT, re.MULTILINE)
    assert re.fullmatch(r"python:(3\.\d+)-slim", image)[1] in SpecifierSet(required)
    (install,) = [line for line in told("RUN") if line.startswith("pip install")]
    extras = Requirement(f"photopulse{shlex.split(install)[-1].removeprefix('.')}").extras
    assert extras == {"web", "formats"}
    for extra in extras:
        assert re.search(rf"^{extra} = \[", PROJECT, re.MULTILINE)


def test_what_is_copied_exists_and_is_not_kept_out():
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for line in told("COPY"):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source in let_in


def test_health_is_asked_at_the_address_that_needs_no_secret():
    (check,) = told("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")
    assert "http://127.0.0.1:8000/healthz" in command[2]
    assert "healthcheck" not in SERVICE  # The image's holds.


def test_the_service_computes_with_as_many_threads_as_it_has_cores():
    assert re.fullmatch(r"\$\{[A-Z_]+:-\d+\}", SERVICE["cpus"])
    assert SERVICE["environment"]["OMP_NUM_THREADS"] == SERVICE["cpus"]


def test_the_service_is_closed_in():
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(SERVICE)
    assert SERVICE["tmpfs"][0].startswith("/tmp:size=")
    assert SERVICE["ports"] == ["127.0.0.1:8000:8000"]
    assert SERVICE["environment"]["PHOTOPULSE_TOKEN"].startswith("${PHOTOPULSE_TOKEN:?")
