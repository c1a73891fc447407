"""The command line of ``dmd demo``, which runs ``demo.action``."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from console.help import Command
from estate.command import Setting
from ops.options import complete_stacks, types_option
from schemas import RECORD_TYPES

_EXAMPLES = """
Examples:

  dmd demo --records 20000 --seed 7
  dmd demo --set delivery=shared
  dmd sample > changes.jsonl
  dmd demo --input changes.jsonl --export out --json

Then ask the tables: dmd sql "SELECT count(*) FROM demand".
"""


@click.command(cls=Command, epilog=_EXAMPLES)
@click.option(
    "--stack",
    default="dev1",
    show_default=True,
    shell_complete=complete_stacks,
    help="Run the program of this stack.",
)
@click.option(
    "--endpoint-url",
    metavar="URL",
    help="Use this AWS-compatible emulator instead of the embedded one. The run deletes its "
    "delivery streams, schedules and subscription filters there, so that nothing else delivers.",
)
@click.option(
    "--records",
    type=click.IntRange(min=0),
    default=4000,
    show_default=True,
    metavar="N",
    help="Generate this many change records.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    metavar="S",
    help="Another seed generates other records.",
)
@click.option(
    "--input",
    "source",
    metavar="FILE",
    help="Feed only the change records of this file, unchanged: one JSON object per line, as `dmd "
    "sample` prints them. The file may be gzip (.gz); - is standard input.",
)
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Copy the bucket's objects and the Glue catalog into this new or empty folder.",
)
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    metavar="KEY=VALUE",
    help="Use this value of a setting, a list as JSON. Can be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option(
    "--keep", is_flag=True, help="Keep the endpoint up and the pipeline at work until Ctrl-C."
)
def demo(
    stack: str,
    endpoint_url: str | None,
    records: int,
    seed: int,
    source: str | None,
    export: Path | None,
    settings: tuple[tuple[str, str], ...],
    as_json: bool,
    keep: bool,
) -> int:
    """Run the whole pipeline on this machine, from change records to answers of Athena SQL.

    The command feeds change records into Kinesis, in an embedded AWS emulator. The delivery
    streams with their functions and the Avro writer turn them into partitioned Avro. Then the
    command reconciles every count and runs three queries on the tables. The exit status is 1 if a
    count does not reconcile, or if most of your own records failed.
    """
    from demo.action import run
    from demo.run import DemoOptions
    from estate.provision.action import LOCAL_PACKAGES

    options = DemoOptions(
        stack=stack,
        packages=LOCAL_PACKAGES,
        endpoint_url=endpoint_url,
        seed=seed,
        records=records,
        input=source,
        settings=dict(settings),
    )
    return run(options, export=export, json_wanted=as_json, keep=keep)


@click.command(cls=Command)
@types_option("Print only records of this record type.", "all")
@click.option(
    "--records",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="Print this many change records.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    metavar="S",
    help="Another seed prints other records.",
)
def sample(types: tuple[str, ...], records: int, seed: int) -> int:
    """Print change records to begin with, one JSON object per line.

    They have the form in which DynamoDB sends changes to Kinesis, as `dmd demo --input` takes them.
    Change them as you like.
    """
    from console.terminal import write
    from demo.feed.generator import sample as make
    from infra.stack_config import settings_of, stack_config

    table_name = settings_of("dev1", stack_config("dev1")).table_name
    for record in make(seed, records, table_name, types or RECORD_TYPES):
        write(f"{record.decode()}\n")
    return 0
