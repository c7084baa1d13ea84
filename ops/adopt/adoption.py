"""One adoption from its request to the file: reads, decides, writes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from ops.adopt import account, groups, parameters, surroundings
from ops.adopt.draft import TYPES, Adopted, Draft, location
from ops.adopt.text import compose, write
from ops.deployment import ENVIRONMENTS, Refusal, caller
from stacks import rules

Places = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person has asked for; `locations` are texts such as ITEMS=s3://bucket/items/."""

    name: str
    region: str | None
    dataset_groups: list[str]
    locations: list[str]
    glue_job: str | None
    keep_import_role: bool
    parameters: Path | None
    bucket: str | None
    account: str | None
    time_zone: str | None
    output: Path | None
    force: bool


@dataclass(frozen=True, kw_only=True)
class Home:
    """The account and region; without a session AWS is not asked."""

    owner: str
    region: str
    session: boto3.Session | None


def adopt(request: Request) -> Adopted:
    """Write the environment file, and return what it says and what is left for a person.

    Raises Refusal with every reason if nothing was written, or botocore's own errors.
    """
    path = _output(request)
    _refuse_contradictions(request)
    places = _places(request.locations)
    home = _home(request)
    if request.parameters:
        draft = _from_parameters(request, request.parameters, places, home)
    else:
        draft = _from_account(request, places, home)
    surroundings.settle_glue_job(draft, home.session, request.glue_job)
    if request.time_zone is None:
        draft.note(
            "NOTE",
            "time_zone",
            "the date of a refresh is the date in UTC",
            "write your own, such as Asia/Seoul, or run this again with --time-zone",
        )
    table = f"{request.name.upper().replace('-', '_')}_PERSONALIZE_DATA_PROCESS"
    settings = {
        "account": home.owner,
        "region": home.region,
        "time_zone": request.time_zone or "UTC",
        "table": {"name": table},
        "import_role": _import_role(request, draft, home),
        "refreshes": draft.refreshes,
    }
    write(path, request.name, compose(settings, draft.notes))
    command = f"python -m ops doctor --environment {request.name}"
    if path.resolve().parent != _folder().resolve():
        command = f"ENVIRONMENTS={path.parent} {command}"
    return Adopted(file=str(path), settings=settings, notes=draft.notes, next=command)


def _output(request: Request) -> Path:
    """Return where to write. Raises Refusal if that is no place for it."""
    path = request.output or _folder() / f"{request.name}.yaml"
    if path.name != f"{request.name}.yaml":
        raise Refusal(
            f"{path} is not the file of an environment {request.name}: an environment has its "
            f"file's name; write --output {path.with_name(request.name + '.yaml')}"
        )
    if not path.parent.is_dir():
        raise Refusal(f"{path.parent} is not a folder; create it, or choose another --output")
    if path.exists() and not request.force:
        raise Refusal(f"{path} exists; add --force to overwrite it, or choose another --output")
    return path


def _folder() -> Path:
    return Path(os.environ.get("ENVIRONMENTS", ENVIRONMENTS))


def _refuse_contradictions(request: Request) -> None:
    """Refuse options that mean nothing together."""
    if request.parameters:
        given = {
            "--dataset-group": request.dataset_groups,
            "--keep-import-role": request.keep_import_role,
        }
        why = "means nothing with --from-parameters: the file names one dataset group, and no role"
    else:
        given = {"--bucket": request.bucket, "--account": request.account}
        why = "can only be used with --from-parameters: an account says this itself"
    if wrong := [option for option, value in given.items() if value]:
        raise Refusal(f"{', '.join(wrong)} {why}; leave it out")
    if request.account and not re.fullmatch(r"\d{12}", request.account):
        raise Refusal(f"--account {request.account} is not an account: write its twelve digits")


def _home(request: Request) -> Home:
    session = boto3.Session(region_name=request.region)
    region = session.region_name
    if not region:
        raise Refusal("no region is configured; add --region, or set AWS_REGION")
    try:
        rules.region(region)
    except ValueError as error:
        raise Refusal(f"{error}: --region") from error
    if request.account:
        return Home(owner=request.account, region=region, session=None)
    return Home(owner=caller(session)["Account"], region=region, session=session)


def _places(texts: list[str]) -> Places:
    """Return the given locations by type. Raises Refusal with all that are wrong."""
    places, problems = {}, []
    for text in texts:
        kind, _, place = text.partition("=")
        if kind.upper() not in TYPES:
            problems.append(f"--location {text} must begin with one of {', '.join(TYPES)} and =")
        elif location(place) != place:
            problems.append(
                f"--location {text} must end with a folder, with its trailing /, or one .csv file: "
                f"{kind.upper()}=s3://bucket/folder/"
            )
        else:
            places[kind.upper()] = place
    if problems:
        raise Refusal("\n".join(problems))
    return places


def _from_account(request: Request, places: Places, home: Home) -> Draft:
    assert home.session  # noqa: S101 - without --account there is one
    found = account.look(home.session, request.dataset_groups)
    names = [group.described["name"] for group in found]
    if places and len(found) > 1:
        raise Refusal(
            f"--location is for one dataset group, and there are {', '.join(names)}; add "
            "--dataset-group"
        )
    if missing := [kind for kind in places if kind not in found[0].imports]:
        raise Refusal(
            f"the dataset group {names[0]} has no dataset {', '.join(missing)}; create it, or "
            "leave its --location out"
        )
    draft = groups.draft_of(found, places)
    if not draft.refreshes:
        reasons = [f"{n['where']}: {n['what']}; {n['do']}" for n in draft.notes]
        raise Refusal("\n".join(["nothing was written: nothing could be refreshed", *reasons]))
    return draft


def _from_parameters(request: Request, file: Path, places: Places, home: Home) -> Draft:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} cannot be read as UTF-8 text: {error}") from error

    def place_of(group: str, kind: str) -> str | None:
        if kind in places or request.bucket is None:
            return places.get(kind)
        return f"s3://{request.bucket}/train/{group}/{kind.lower()}/"

    draft = parameters.draft_of(text, str(file), place_of)
    for index, dataset in enumerate(draft.refreshes[0]["datasets"]):
        if dataset["type"] not in places:
            where = f"refreshes[0].datasets[{index}].location"
            surroundings.settle_place(draft, home.session, dataset, where)
    return draft


def _import_role(request: Request, draft: Draft, home: Home) -> dict[str, Any]:
    """Return the role of the settings: one that the stack makes, or the old one."""
    if request.keep_import_role and not draft.roles:
        raise Refusal("no dataset has been imported with a role; leave --keep-import-role out")
    groups.role_note(draft, kept=request.keep_import_role)
    if request.keep_import_role:
        return {"arn": draft.roles[0]}
    keys = surroundings.keys_of(draft, home.session) if home.session else []
    return {"buckets": draft.buckets, **({"bucket_keys": keys} if keys else {})}
