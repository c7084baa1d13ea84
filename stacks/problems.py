"""What is wrong with an environment file, in words: which field, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from stacks import rules
from stacks.settings import Provisioned
from stacks.stage_settings import Stages
from stacks.subscribers import subscriber_problems
from stacks.yaml_text import Place, field_path

LONGEST_QUOTE = 120
ARN_PARTS = 6
SHARED = {
    "dataset": "refreshes share a dataset's import jobs",
    "solution": "campaigns share a solution's trainings",
}
# The recipes that have the training mode UPDATE.
UPDATABLE = ("aws-user-personalization", "aws-hrnn-coldstart")
# What does not recommend items to a user, which is what a canary asks for.
NOT_TO_USERS = (
    "aws-next-best-action", "aws-personalized-ranking", "aws-personalized-ranking-v2",
    "aws-semantic-similarity", "aws-similar-items", "aws-sims",
)  # fmt: skip
UNION_BRANCHES = (
    *("Provisioned", "literal['on_demand']", "Reconcile", "literal['never']"),
    *("Preflight", "Gate", "Canary", "Bake"),
)
KINDS_OF_ENTRIES = ("Campaign", "Recommender")  # pydantic adds these, too
BY_ITSELF = "Personalize trains a recommender by itself, in full and every 7 days"
# What an entry of campaigns has that a recommender cannot have, and what to do.
NOT_OF_RECOMMENDERS = {
    "name": "a recommender's name stands at recommender; remove name, or write name and solution "
    "instead of recommender",
    "solution": "a recommender has no solution; remove it, or write name and solution instead of "
    "recommender",
    "recipe": "a recommender is made by hand, for its use case; remove it",
    "min_provisioned_tps": "a recommender is made by hand; remove it",
    "training_mode": f"{BY_ITSELF}; remove it",
    "full_every": f"{BY_ITSELF}; remove it",
    "gate": "a recommender's new models go live by themselves, and nothing holds them back; "
    "remove it",
    "canary": "a recommender has no version before onto which it could be taken back; remove it",
    "bake": "a recommender has no version before onto which it could be taken back; remove it, "
    "and let the alarms tell you themselves",
}


def faults_in_words(
    error: ValidationError, written: Callable[[Place], str | None]
) -> dict[Place, str]:
    """Return what is wrong with each field, as `<path of the field>: <what to do>`, by its place.

    `written` returns the scalar at a place as the file has it.
    """
    faults: list[dict[str, Any]] = [dict(fault) for fault in error.errors()]
    # where a word or a mapping may stand, each is judged as what it is, not as the other too
    judged = [
        fault
        for fault in faults
        if not (fault["type"] == "literal_error" and isinstance(fault["input"], dict))
        and not (fault["type"] == "model_type" and fault["loc"][-1] in UNION_BRANCHES)
    ]
    words: dict[Place, str] = {}
    for fault in judged:
        # pydantic adds the name of a union's branch; it means nothing to the file's author
        added = (*UNION_BRANCHES, *KINDS_OF_ENTRIES)
        place = tuple(part for part in fault["loc"] if part not in added)
        given = _quoted(fault["input"], written(place))
        words[place] = f"{field_path(place)}: {_advice(fault, given, written(place))}"
    return words


def contradictions(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the fields of a file say against each other.

    Takes the file as it was read, of whatever shape: what is malformed is passed over here, since
    it is reported as the fault of a field.
    """
    role = raw.get("import_role")
    role = role if isinstance(role, dict) else {}
    if "import_role" in raw and ("arn" in role) == ("buckets" in role):
        yield "import_role: give either arn (an existing role) or buckets (the stack makes a role)"
    yield from _foreign(role.get("arn"), raw.get("account"), raw.get("region"))
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
    buckets = [bucket for bucket in _list(role.get("buckets")) if isinstance(bucket, str)]
    for name in dict.fromkeys(buckets):
        if name not in used:
            yield f"import_role.buckets: no dataset lies in {name}; remove it"
        if buckets.count(name) > 1:
            yield f"import_role.buckets: {name} stands {buckets.count(name)} times; keep one"
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
        for where, entry in _items(refresh, "campaigns", at):
            field = "recommender" if "recommender" in entry else "name"
            yield from _twice(seen, "campaign", entry.get(field), f"{where}.{field}")
        yield from _not_of_domains(refresh, at)
    yield from _cadences(raw)
    yield from _recipes(raw)
    yield from _two_ways(raw)
    yield from _common_folders(raw)
    yield from subscriber_problems(raw)
    yield from _over_the_maximum(raw)


def shared_names(raws: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what environments of one account and region share though each needs its own.

    Takes the files as they were read, by their names, of whatever shape.
    """
    owners: dict[tuple[Any, ...], str] = {}
    for file, raw in raws.items():
        for kind, place, name in dict.fromkeys(_owned(raw)):
            home = (str(raw.get("account")), str(raw.get("region")), kind, name)
            if (first := owners.setdefault(home, file)) != file:
                yield (
                    f"{file}: {place}: {kind} {name!r} is in {first} too, in the same account and "
                    f"region; two environments would change one {kind}: name another, or make "
                    "them one environment"
                )


def _owned(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield kind, place and name of what belongs to one environment alone."""
    table = raw.get("table")
    if isinstance(table, dict) and isinstance(table.get("name"), str):
        yield "table", "table.name", table["name"]
    solutions = set()
    for at, refresh in _items(raw, "refreshes"):
        for where, recommender in _recommenders(refresh, at):
            if isinstance(name := recommender["recommender"], str):
                yield "recommender", f"{where}.recommender", name
        for where, campaign in _campaigns(refresh, at):
            name, solution = campaign.get("name"), campaign.get("solution")
            if isinstance(name, str):
                yield "campaign", f"{where}.name", name
            if isinstance(solution, str) and solution not in solutions:
                solutions.add(solution)
                yield "solution", f"{where}.solution", solution


def _cadences(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield modes that only add and would never be full, and cadences of what is always full."""
    for at, refresh in _items(raw, "refreshes"):
        for where, dataset in _items(refresh, "datasets", at):
            yield from _cadence(dataset, "import_mode", "INCREMENTAL", "import", where)
            if "full_location" in dataset and dataset.get("import_mode") != "INCREMENTAL":
                yield f"{where}.full_location: goes with import_mode: INCREMENTAL; remove it"
        for where, campaign in _campaigns(refresh, at):
            yield from _cadence(campaign, "training_mode", "UPDATE", "training", where)


def _cadence(
    item: Mapping[str, Any], field: str, adding: str, what: str, where: str
) -> Iterator[str]:
    every, mode = item.get("full_every"), item.get(field, "FULL")
    if mode == adding and not every:
        yield (
            f"{where}.full_every: is missing; an {adding} {what} only adds to the last FULL one, "
            "and Personalize advises one regularly: write {days: 28}, or {runs: 4}"
        )
    elif mode == "FULL" and every is not None:
        yield f"{where}.full_every: goes with {field}: {adding}; every {what} is FULL, remove it"
    elif isinstance(every, dict) and not any(every.get(key) for key in ("days", "runs")):
        yield f"{where}.full_every: says neither days nor runs; write {{days: 28}}, or {{runs: 4}}"


def _recipes(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield what goes with a recipe, where there is none or another."""
    for at, refresh in _items(raw, "refreshes"):
        for where, campaign in _campaigns(refresh, at):
            recipe = campaign.get("recipe")
            if recipe is None and "min_provisioned_tps" in campaign:
                yield (
                    f"{where}.min_provisioned_tps: goes with recipe, by which the campaign is "
                    "made; add the recipe, or remove it"
                )
            updates = campaign.get("training_mode") == "UPDATE"
            if isinstance(recipe, str) and updates and recipe not in UPDATABLE:
                yield (
                    f"{where}.training_mode: {recipe} has no training mode UPDATE; write FULL, or "
                    f"one of the recipes {', '.join(UPDATABLE)}"
                )
            if recipe in NOT_TO_USERS and campaign.get("canary", "never") != "never":
                yield (
                    f"{where}.canary: {recipe} recommends no items to a user, so that every "
                    "version would be taken back; remove it"
                )


def _written(value: Any) -> str:
    """Return a value of a file as a text that can be compared, and quoted."""
    return "none" if value is None else str(value)


def _two_ways(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield datasets that are delivered, and solutions that are trained, in two ways."""
    first: dict[tuple[str, ...], tuple[str, str]] = {}

    def differs(kind: str, thing: str, field: str, value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            return
        other, before = first.setdefault((kind, thing, field), (at, value))
        if before != value:
            yield (
                f"{at}.{field}: {value} for {kind} {thing}, which has {before} at {other}.{field}; "
                f"{SHARED[kind]}: give both the same {field}"
            )

    for at, refresh in _items(raw, "refreshes"):
        for where, dataset in _items(refresh, "datasets", at):
            thing = f"{dataset.get('dataset_group')}/{dataset.get('type')}"
            mode = dataset.get("import_mode", "FULL")
            yield from differs("dataset", thing, "location", dataset.get("location"), where)
            modes = list(differs("dataset", thing, "import_mode", mode, where))
            yield from modes
            schema = _written(dataset.get("schema"))
            yield from differs("dataset", thing, "schema", schema, where)
            for field in () if modes else ("full_every", "full_location"):
                yield from differs("dataset", thing, field, _written(dataset.get(field)), where)
        for where, campaign in _campaigns(refresh, at):
            mode = campaign.get("training_mode", "FULL")
            solution = str(campaign.get("solution"))
            modes = list(differs("solution", solution, "training_mode", mode, where))
            yield from modes
            recipe = _written(campaign.get("recipe"))
            yield from differs("solution", solution, "recipe", recipe, where)
            for field in () if modes else ("full_every",):
                yield from differs(
                    "solution", solution, field, _written(campaign.get(field)), where
                )


def _not_of_domains(refresh: Mapping[str, Any], at: str) -> Iterator[str]:
    """Yield the datasets that cannot be in the domain dataset group of a recommender."""
    for place, _ in [*_recommenders(refresh, at)][:1]:
        for where, dataset in _items(refresh, "datasets", at):
            if (kind := dataset.get("type")) in ("ACTIONS", "ACTION_INTERACTIONS"):
                yield (
                    f"{where}.type: {kind} is not in a domain dataset group, and {place} is a "
                    "recommender of one; make a refresh of another dataset group for it"
                )
            if "schema" in dataset:
                yield (
                    f"{where}.schema: a refresh makes no domain dataset groups, and {place} is a "
                    "recommender of one; remove it, and make the dataset by hand"
                )


def _common_folders(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield datasets of different types whose files Personalize would read from one folder.

    It reads a folder one level deep, and all files there must have the dataset's columns.
    """
    seen: list[tuple[str, str, str]] = []
    for at, refresh in _items(raw, "refreshes"):
        for where, dataset in _items(refresh, "datasets", at):
            location, kind = dataset.get("location"), str(dataset.get("type"))
            if not isinstance(location, str):
                continue
            for place, other, other_kind in seen:
                folder = other.rpartition("/")[0] == location.rpartition("/")[0]
                whole = location == other or location.endswith("/") or other.endswith("/")
                if kind != other_kind and folder and whole:
                    yield (
                        f"{where}.location: {location} holds {kind}, and {place}.location has "
                        f"{other_kind} in the same folder; give each type a folder of its own"
                    )
                    break
            seen.append((where, location, kind))


def _over_the_maximum(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield a least value above its greatest."""
    for stage, values in Stages():
        given = raw.get("stages")
        given = given.get(stage) if isinstance(given, dict) else None
        yield from _in_order(
            f"stages.{stage}", given, values, "shortest_wait_seconds", "longest_wait_seconds"
        )
    table = raw.get("table")
    capacity = table.get("capacity") if isinstance(table, dict) else None
    yield from _in_order("table.capacity", capacity, Provisioned(), "write", "max_write")


def _in_order(at: str, given: Any, defaults: Any, low: str, high: str) -> Iterator[str]:
    given = given if isinstance(given, dict) else {}
    least, most = (given.get(name, getattr(defaults, name)) for name in (low, high))
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield f"{at}: {low} is {least}, over {high}, which is {most}; raise {high} or lower {low}"


def _advice(fault: dict[str, Any], given: str, written: str | None) -> str:
    match fault["type"]:
        case "extra_forbidden" if fault["loc"][-2:-1] == ("Recommender",) and (
            words := NOT_OF_RECOMMENDERS.get(str(fault["loc"][-1]))
        ):
            advice = words
        case "extra_forbidden":
            advice = "is not a known setting; remove it, or check its spelling"
        case "missing":
            advice = "is missing; add it"
        case "string_type" if written:
            advice = f"must be text; put it in quotes: '{written}'"
        case "string_pattern_mismatch":
            advice = _form(fault, given)
        case "literal_error" if fault["loc"][-1] in UNION_BRANCHES:
            advice = f"must be {fault['ctx']['expected']} or a mapping, not {given}"
        case "value_error":
            advice = fault["msg"].removeprefix("Value error, ")
        case _:
            advice = f"{fault['msg']} (it is {given})"
    return advice


def _form(fault: dict[str, Any], given: str) -> str:
    pattern = fault["ctx"]["pattern"]
    if "s3://" in pattern:
        return (
            f"{given} is not an S3 location; write a folder with its trailing / "
            "(s3://bucket/folder/) or one file (s3://bucket/folder/file.csv)"
        )
    if "rate" in pattern:
        return (
            f"{given} is not a schedule; write rate(1 day), or six fields as in cron(0 12 * * ? *)"
        )
    if fault["loc"] == ("account",):
        return f"{given} is not an account; write its twelve digits, in quotes"
    return f"{given} does not have the form {pattern}"


def _quoted(value: Any, written: str | None) -> str:
    """Return a value as people know it from the file, in one short line."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        quoted = repr(value)
    elif value is None:
        quoted = "empty"
    else:
        quoted = written or repr(value)
    return quoted if len(quoted) <= LONGEST_QUOTE else f"{quoted[:LONGEST_QUOTE]}…"


def _foreign(arn: Any, account: Any, region: Any) -> Iterator[str]:
    found = re.match(r"arn:(aws[a-z-]*):[a-z]+:([^:]*):(\d{12}):", str(arn))
    if found is None:
        return
    if isinstance(account, str) and found[3] != account:
        yield (
            f"import_role.arn: belongs to account {found[3]}, this environment is {account}; "
            "name a role of this account"
        )
    if region in rules.REGIONS and found[1] != rules.partition(region):
        yield (
            f"import_role.arn: is of partition {found[1]}, and {region} is in "
            f"{rules.partition(region)}; name a role of this partition"
        )
    if found[2] and found[2] != region:
        yield (
            f"import_role.arn: names region {found[2]}, this environment is in {region}; "
            "a role's ARN has no region: arn:<partition>:iam::<account>:role/<name>"
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
    for index, value in enumerate(_list(values)):
        if isinstance(value, dict):
            yield f"{at}.{key}[{index}]".lstrip("."), value


def _campaigns(refresh: Mapping[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    every = _items(refresh, "campaigns", at)
    return ((where, entry) for where, entry in every if "recommender" not in entry)


def _recommenders(refresh: Mapping[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    every = _items(refresh, "campaigns", at)
    return ((where, entry) for where, entry in every if "recommender" in entry)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
