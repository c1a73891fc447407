"""Errors of schemas."""

from __future__ import annotations


class SchemaError(Exception):
    """A schema that cannot be used.

    Parameters
    ----------
    file
        The schema's file, or another name for it.
    field
        Path of the field with the error (``venue.city``), or an empty text for the whole schema.
    problem
        What is wrong.
    remedy
        What to do about it.
    """

    def __init__(self, file: str, field: str, problem: str, remedy: str) -> None:
        where = f"{file}, field {field}" if field else file
        super().__init__(f"{where}: {problem}. {remedy}.")
        self.file = file
        self.field = field
        self.problem = problem
        self.remedy = remedy


class UnknownRecordType(SchemaError):
    """A record type that no file in ``schemas/`` describes."""

    def __init__(self, record_type: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"schemas/{record_type}.json",
            "",
            f"there is no record type {record_type!r}",
            f"Use one of {', '.join(known)}, or add that file",
        )
