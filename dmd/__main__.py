"""The command `dmd`: reads the arguments, runs one subcommand, shows errors as one line."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Sequence

# Each has add_parser(subparsers), and sets the function that runs it.
_COMMANDS = (
    "demo.command",
    "estate.provision.command",
    "estate.resources.command",
    "athena.command",
    "ops.schema_command",
)

# What a user's shell says of AWS and of proxies is for the real AWS. Local commands name their
# endpoint and credentials themselves, and must not trip over a profile that does not exist here.
_LOCALHOST = "127.0.0.1,localhost"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments
        Without the program's name; the process's own unless given.
    """
    # A kill ends as Ctrl-C does, so that processes started on the way are stopped, too. Shells
    # start background jobs with Ctrl-C ignored; a signal that somebody sends all the same counts.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("dmd: stopped\n")
        return 130
    except BrokenPipeError:
        # Whoever read the output has enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    # Imported here: it takes a second or two, in which somebody may press Ctrl-C.
    import pulumi
    from botocore.exceptions import BotoCoreError, ClientError

    from console.errors import CommandError

    _ignore_surroundings()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal's encoding lacks is shown as an escape.
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    parser = argparse.ArgumentParser(
        prog="dmd",
        description="Lands a DynamoDB table's changes in S3 as partitioned Avro for Athena.",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name in _COMMANDS:
        importlib.import_module(name).add_parser(subparsers)
    args = parser.parse_args(arguments)
    try:
        return int(args.run(args))
    except (CommandError, pulumi.RunError) as error:
        sys.stderr.write(f"dmd {args.command}: {error}\n")
        return 1
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"dmd {args.command}: the endpoint did not do as asked: {error}\n")
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stderr.write(f"dmd {args.command}: {error}\n")
        return 1


def _ignore_surroundings() -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _LOCALHOST)))


if __name__ == "__main__":
    sys.exit(main())
