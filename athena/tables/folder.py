"""The catalog of an exported folder, from its ``catalog.json``."""

from __future__ import annotations

import json
from pathlib import Path

from athena.errors import SqlError
from athena.tables.catalog import Catalog, tables_of
from athena.tables.current import with_stand_ins

CATALOG_FILE = "catalog.json"


def read_catalog(data_dir: Path) -> Catalog:
    """Read ``catalog.json`` of a data directory.

    Raises
    ------
    SqlError
        There is none, or it is not what an export writes.
    """
    path = data_dir / CATALOG_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return with_stand_ins(
            Catalog(
                bucket=content["bucket"],
                databases=tuple(database["Name"].lower() for database in content["databases"]),
                tables=tables_of(content["tables"]),
            )
        )
    except FileNotFoundError:
        raise SqlError(
            f"there are no tables in {data_dir} ({CATALOG_FILE} is missing);"
            " run `dmd demo` first, or name an exported folder with --data"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SqlError(f"{path} is not a catalog that `dmd demo` wrote: {error!r}") from error
