"""What the rows of a campaign say of imports before a run, and of the run's own: read only."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import boto3
from retry_later import READ_AGAIN

# A run that ended so has trained on its data. One that failed may not have.
TRAINED = {"COMPLETE", "REJECTED", "ROLLED_BACK"}
PAGE = 8
MOST_ROWS = 100

dynamodb = boto3.client("dynamodb", config=READ_AGAIN)

Item = Mapping[str, Any]


class LastImport(NamedTuple):
    """A dataset's import in the last run that was trained; `created` in epoch seconds."""

    created: int
    size: int | None  # in bytes, if the files could be listed
    import_mode: str


class PastImports(NamedTuple):
    """By datasets' row prefixes: their last imports, and which the run itself has begun."""

    last: dict[str, LastImport]
    own: set[str]


def newest_rows(table: str, campaign_name: str, until: int) -> Iterator[Item]:
    """Yield the campaign's rows up to a date (20200928), the newest first, read as they are used.

    They are read consistently, since what the run has paid for a moment ago must be seen.
    """
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="campaign_name = :name AND base_date <= :until",
        ExpressionAttributeValues={":name": {"S": campaign_name}, ":until": {"N": str(until)}},
        ScanIndexForward=False,
        ConsistentRead=True,
        PaginationConfig={"PageSize": PAGE, "MaxItems": MOST_ROWS},
    )
    return (item for page in pages for item in page["Items"])


def past_imports(rows: Iterable[Item], run_key: str, prefixes: Collection[str]) -> PastImports:
    """Return the imports before a run; `rows` are read only until each dataset's is found."""
    found = PastImports({}, set())
    for row in _runs(rows):
        if row.get("run_key", {}).get("S") == run_key:
            found.own.update(p for p in prefixes if _value(row, f"{p}dataset_import_job_arn", "S"))
        elif row.get("refresh_status", {}).get("S") in TRAINED:
            for prefix in prefixes:
                if prefix not in found.last and (last := _last_import(row, prefix)):
                    found.last[prefix] = last
        if len(found.last) == len(set(prefixes)):
            break
    return found


def _runs(rows: Iterable[Item]) -> Iterator[Item]:
    """Yield each row, and after it the older run of its date that it has replaced."""
    for row in rows:
        yield row
        if replaced := _value(row, "replaced_row", "M"):
            yield replaced


def _last_import(row: Item, prefix: str) -> LastImport | None:
    created = _value(row, f"{prefix}dataset_import_job_datetime", "N")
    if created is None:
        return None
    size = _value(row, f"{prefix}dataset_import_job_bytes", "N")
    return LastImport(
        created=int(float(created)),
        size=None if size is None else int(float(size)),
        import_mode=_value(row, f"{prefix}import_mode", "S") or "FULL",
    )


def _value(row: Item, name: str, kind: str) -> Any:
    """Return an attribute's value; None if it is absent, NULL or of another type."""
    return row.get(name, {}).get(kind)
