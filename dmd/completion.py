"""``dmd completion``: what a shell needs to complete the arguments of ``dmd``."""

from __future__ import annotations

import rich_click as click
from click.shell_completion import get_completion_class

from console.errors import CommandError
from console.help import Command
from console.terminal import write

VARIABLE = "_DMD_COMPLETE"
"""The environment variable by which a shell's script asks for completions."""

_SETUP = """
Add one of these lines to the file that your shell reads when it starts:

  bash   ~/.bashrc     eval "$(dmd completion bash)"
  zsh    ~/.zshrc      eval "$(dmd completion zsh)"
  fish   ~/.config/fish/config.fish
                       dmd completion fish | source

bash has to be 4.4 or newer. The shell must find `dmd`: activate .venv, or
put .venv/bin into PATH.
"""


@click.command(cls=Command, epilog=_SETUP)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> int:
    """Print the script that completes commands, options, stacks and record types in a shell."""
    from dmd.cli import dmd

    found = get_completion_class(shell)
    if found is None:
        raise CommandError(f"click has no completion for {shell}")
    write(found(dmd, {}, "dmd", VARIABLE).source())
    return 0
