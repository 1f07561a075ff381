"""Loading what a command needs, with a word on what takes long."""

from typing import TYPE_CHECKING

from photopulse.cli.console import is_interactive, stderr_console

if TYPE_CHECKING:
    from photopulse.generators.protocol import Generator


def load_with_progress(name: str, device: str) -> "Generator":
    """Loads a generator by name or path; ``default`` is the default one."""
    from photopulse.generators.load import DEFAULT, load_generator

    chosen = DEFAULT if name == "default" else name
    if not is_interactive():
        return load_generator(chosen, device)
    with stderr_console().status(f"loading {chosen} (the first time it is fetched and converted)"):
        return load_generator(chosen, device)
