"""The command lines of ``dmd provision`` and ``dmd resources``.

They run `estate.provision.action` and `estate.resources.action`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from console.help import Command
from ops.options import complete_stacks


class Setting(click.ParamType[tuple[str, str]]):
    """A setting of a stack with a value, ``KEY=VALUE``."""

    name = "setting"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, str]:
        """Return the key and the value."""
        key, equals, text = str(value).partition("=")
        if not (key and equals):
            self.fail(f"{value!r} is not KEY=VALUE", parameter, context)
        return key, text


@click.command(cls=Command)
@click.option("--endpoint-url", required=True, metavar="URL", help="The endpoint.")
@click.option(
    "--stack",
    default="dev1",
    show_default=True,
    shell_complete=complete_stacks,
    help="The stack to make.",
)
@click.option(
    "--packages",
    type=click.Path(path_type=Path),
    metavar="DIR",
    show_default="build/lambda/local, built if need be",
    help="Take the functions' packages from this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def provision(endpoint_url: str, stack: str, packages: Path | None, as_json: bool) -> int:
    """Create a stack's resources at an AWS-compatible endpoint.

    The command runs the Pulumi program of the stack and creates each of its resources with boto3.
    It also creates the table, the streams and the bucket, which the program only looks up. It
    refuses AWS itself: use `pulumi up` there.
    """
    from estate.provision.action import run

    return run(endpoint_url, stack, packages, as_json=as_json)


_RESOURCES_NOTES = """
Examples:

  dmd resources --stack prod1
  dmd resources --diff dev1 prod1
  dmd resources --diff prod1 prod1 --set writer_memory_mb=3008

The last one shows what a setting would change.

The text form shows documents in inputs, such as policies, as YAML, and omits
options at their defaults. `all of X` means all resources of a component.
--diff replaces names that always differ by {naming}, {database}, {account_id}
and {environment}, and shows all other differences.
"""


@click.command(cls=Command, epilog=_RESOURCES_NOTES)
@click.option("--stack", metavar="S", shell_complete=complete_stacks, help="Show this stack.")
@click.option(
    "--diff",
    nargs=2,
    metavar="S1 S2",
    shell_complete=complete_stacks,
    help="Show the differences between two stacks.",
)
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    metavar="KEY=VALUE",
    help="Use this value of a setting, a list as JSON. With --diff, it applies to the second "
    "stack. Can be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resources(
    stack: str | None,
    diff: tuple[str, str] | None,
    settings: tuple[tuple[str, str], ...],
    as_json: bool,
) -> int:
    """Show the resources of a stack, or the differences between two, without AWS.

    The command shows each resource's name, inputs and options, and the ARNs and IDs that it will
    have in the stack's account. It first builds the functions' packages if necessary, because
    their hashes are inputs.
    """
    if bool(stack) == bool(diff):
        raise click.UsageError("give either --stack or --diff")
    from estate.resources.action import print_difference, print_graph

    overrides = dict(settings)
    if diff:
        return print_difference(*diff, overrides, as_json=as_json)
    return print_graph(str(stack), overrides, as_json=as_json)
