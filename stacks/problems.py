"""What is wrong with an environment file, in words: which field, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

ARN_PARTS = 6
UNION_BRANCHES = ("Provisioned", "literal['on_demand']", "Reconcile", "literal['never']")


def faults_in_words(error: ValidationError) -> list[str]:
    """Return one line a fault of a field, `<path of the field>: <what to do>`."""
    faults: list[dict[str, Any]] = [dict(fault) for fault in error.errors()]
    # where a word or a mapping may stand, each is judged as what it is, not as the other too
    return [
        _in_words(fault)
        for fault in faults
        if not (fault["type"] == "literal_error" and isinstance(fault["input"], dict))
        and not (fault["type"] == "model_type" and fault["loc"][-1] in UNION_BRANCHES)
    ]


def contradictions(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the fields of a file say against each other.

    Takes the file as it was read, of whatever shape: what is malformed is passed over here, since
    it is reported as the fault of a field.
    """
    role = raw.get("import_role")
    role = role if isinstance(role, dict) else {}
    if "import_role" in raw and ("arn" in role) == ("buckets" in role):
        yield "import_role: give either arn (an existing role) or buckets (the stack makes a role)"
    yield from _foreign(str(role.get("arn", "")), str(raw.get("account")), raw.get("region"))
    if "arn" in role and role.get("bucket_keys"):
        yield (
            "import_role.bucket_keys: the stack makes no role that could use them; remove them, "
            "and let the role of import_role.arn decrypt with these keys"
        )
    yield from _elsewhere(raw, role)
    used = {
        bucket[1]
        for at, refresh in _items(raw, "refreshes")
        for _, dataset in _items(refresh, "datasets", at)
        if (bucket := re.match(r"s3://([^/]+)", str(dataset.get("location"))))
    }
    buckets = role.get("buckets")
    for bucket in buckets if isinstance(buckets, list) else []:
        if bucket not in used:
            yield f"import_role.buckets: no dataset lies in {bucket}; remove it"
    seen: dict[tuple[str, str], str] = {}
    for at, refresh in _items(raw, "refreshes"):
        yield from _twice(seen, "refresh", refresh.get("name"), f"{at}.name")
        groups, types = set(), dict[tuple[str, str], str]()
        for where, dataset in _items(refresh, "datasets", at):
            groups.add(str(dataset.get("dataset_group")))
            yield from _twice(types, "dataset type", dataset.get("type"), f"{where}.type")
            yield from _unreadable(str(dataset.get("location")), role.get("buckets"), where)
        if len(groups) > 1:
            yield (
                f"{at}.datasets: one refresh fills one dataset group, these belong to "
                f"{', '.join(sorted(groups))}; make a refresh for each (with the same glue_job)"
            )
        for where, campaign in _items(refresh, "campaigns", at):
            yield from _twice(seen, "campaign", campaign.get("name"), f"{where}.name")


def _in_words(fault: dict[str, Any]) -> str:
    given = fault["input"]
    match fault["type"]:
        case "extra_forbidden":
            advice = "is not a known setting; remove it, or check its spelling"
        case "missing":
            advice = "is missing; add it"
        case "string_type" if isinstance(given, int):
            advice = f"must be text; put it in quotes: '{given}'"
        case "string_pattern_mismatch" if "s3://" in fault["ctx"]["pattern"]:
            advice = (
                f"{given!r} is not an S3 location; write a folder with its trailing / "
                "(s3://bucket/folder/) or one file (s3://bucket/folder/file.csv)"
            )
        case "string_pattern_mismatch" if "rate" in fault["ctx"]["pattern"]:
            advice = (
                f"{given!r} is not a schedule; write rate(1 day), or six fields as in "
                "cron(0 12 * * ? *)"
            )
        case "string_pattern_mismatch":
            advice = f"{given!r} does not have the form {fault['ctx']['pattern']}"
        case "literal_error" if fault["loc"][-1] in UNION_BRANCHES:
            advice = f"must be {fault['ctx']['expected']} or a mapping, not {given!r}"
        case "value_error":
            advice = fault["msg"].removeprefix("Value error, ")
        case _:
            advice = f"{fault['msg']} (it is {given!r})"
    return f"{_field(fault['loc'])}: {advice}"


def _field(location: tuple[int | str, ...]) -> str:
    # pydantic adds the name of a union's branch; it means nothing to the file's author
    parts = [part for part in location if part not in UNION_BRANCHES]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return path.lstrip(".")


def _foreign(arn: str, account: str, region: Any) -> Iterator[str]:
    parts = arn.split(":")
    if len(parts) < ARN_PARTS:
        return
    if re.fullmatch(r"\d{12}", parts[4]) and parts[4] != account:
        yield (
            f"import_role.arn: belongs to account {parts[4]}, this environment is {account}; "
            "name a role of this account"
        )
    if parts[3] and parts[3] != region:
        yield (
            f"import_role.arn: names region {parts[3]}, this environment is in {region}; "
            f"a role's ARN has no region: {parts[0]}:{parts[1]}:iam::<account>:role/<name>"
        )


def _elsewhere(raw: Mapping[str, Any], role: Mapping[str, Any]) -> Iterator[str]:
    """Yield the KMS keys of another region, and a permissions boundary of another account."""
    keys = role.get("bucket_keys")
    named = [("encryption_key", raw.get("encryption_key"))]
    named += [
        (f"import_role.bucket_keys[{index}]", key)
        for index, key in enumerate(keys if isinstance(keys, list) else [])
    ]
    for field, key in named:
        parts = str(key).split(":")
        if len(parts) == ARN_PARTS and parts[3] != raw.get("region"):
            yield (
                f"{field}: is in region {parts[3]}, this environment in {raw.get('region')}; "
                "name a key of this region"
            )
    owner = re.match(r"arn:[^:]*:iam::(\d{12}):policy/", str(raw.get("permissions_boundary")))
    if owner and owner[1] != str(raw.get("account")):
        yield (
            f"permissions_boundary: belongs to account {owner[1]}, this environment is "
            f"{raw.get('account')}; name a policy of this account"
        )


def _unreadable(location: str, buckets: Any, at: str) -> Iterator[str]:
    bucket = re.match(r"s3://([^/]+)", location)
    if bucket and isinstance(buckets, list) and bucket[1] not in buckets:
        yield (
            f"{at}.location: the import role may not read bucket {bucket[1]}; "
            "add it to import_role.buckets"
        )


def _twice(seen: dict[tuple[str, str], str], kind: str, name: Any, at: str) -> Iterator[str]:
    if isinstance(name, str) and (first := seen.setdefault((kind, name), at)) != at:
        yield f"{at}: {name!r} is already at {first}; each {kind} may stand once"


def _items(raw: Mapping[str, Any], key: str, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    values = raw.get(key)
    for index, value in enumerate(values if isinstance(values, list) else []):
        if isinstance(value, dict):
            yield f"{at}.{key}[{index}]".lstrip("."), value
