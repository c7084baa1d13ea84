"""The commands of the README and the documents do what they say, and print what is shown."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import Clock, start
from rehearsal.assembly import datasets, find_stack
from rehearsal.preparation import prepare
from rehearsal.scenario_names import NAMES
from rehearsal.shop import LAST_WEEK, TODAY, glue_event
from rehearsal.weekly_files import upload, weekly_files
from tests.rehearsal.test_ops_documents import scenes
from tools.generate import OUTPUT, README, ROOT, between

TEXT = README.read_text("utf-8")
# the commands that are not in the README are in these documents
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^ *\$ (.+)$", re.MULTILINE)
COMMANDS = [command for path in DOCUMENTS for command in COMMAND.findall(path.read_text("utf-8"))]
REHEARSALS = [
    command for command in COMMANDS if re.search("-m rehearsal .*--(fault|help)", command)
]
DEPLOYMENT = [
    command for command in COMMANDS if command.startswith("npx cdk ") and "--import" not in command
]
OPERATIONS = [command for command in COMMANDS if " -m ops " in command]
QUEUES = [command for command in OPERATIONS if re.search(" (undelivered|replay) ", command)]
ELSEWHERE = {
    ".venv/bin/python -m rehearsal --environment prod --json": "test_command_line.py",
    ".venv/bin/python -m pytest tests/unit": "`make test` runs these tests too",
    "npx cdk deploy PersonalizeRefresh-prod --import-existing-resources": "test_cdk_cli.py",
    "aws lambda list-versions-by-function --function-name <function>": "test_lambda_versions.py",
    "aws lambda delete-function --function-name <function> --qualifier <version>": (
        "test_lambda_versions.py"
    ),
    "aws dynamodb update-table --table-name PROD_PERSONALIZE_DATA_PROCESS "
    "--stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES": (
        "test_cdk_cli.py"
    ),
    "aws scheduler list-schedules --name-prefix PersonalizeRefresh-prod "
    "--query 'Schedules[].[Name,State]'": "test_doctor.py lists the same schedules",
    **{f"make rehearse ARGS='--scenario {name}'": "test_scenarios.py plays it" for name in NAMES},
    "aws s3 cp s3://<bucket>/train/music/config.json config.json": (
        "test_ops_documents.py takes the document's own file"
    ),
    "make docs": "test_generated.py compares what it writes",
    "make faults": "test_fault_matrix.py runs a part of it",
    "make test": "it runs this test",
    "make install": "`make test` has run it",
    "source .venv/bin/activate": "the tests' shell below does so",
}


def run(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a document in a shell, in the activated virtual environment."""
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "1", "CI": "1", "NO_COLOR": "1", **variables}
    exported = " ".join(f"{name}={shlex.quote(value)}" for name, value in quiet.items())
    return subprocess.run(
        ["bash", "-c", f"source .venv/bin/activate && export {exported} && {command}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_command_of_the_readme_is_within_its_first_60_lines() -> None:
    first = next(n for n, line in enumerate(TEXT.splitlines(), 1) if COMMAND.match(line))
    assert first <= 60


def test_every_command_of_the_documents_is_tested() -> None:
    starts = [command for command in COMMANDS if command.startswith("aws stepfunctions ")]
    known = {"make rehearse", *ELSEWHERE, *DEPLOYMENT, *REHEARSALS, *OPERATIONS, *starts}
    assert set(COMMANDS) == known
    assert len(QUEUES) == 2
    in_scenes = {f"python -m ops {command}" for command, _ in scenes()}
    assert set(OPERATIONS) == in_scenes
    assert (len(DEPLOYMENT), len(REHEARSALS), len(starts)) == (3, 2, 1)


def test_make_rehearse_prints_what_the_readme_shows() -> None:
    done = run("make rehearse")
    assert done.returncode == 0, done.stderr
    shown = ["```text", done.stdout.rstrip(), "```"]
    assert between(TEXT, OUTPUT, shown) == TEXT, "run `make docs`"


@pytest.mark.parametrize("command", REHEARSALS)
@pytest.mark.slow
def test_the_other_rehearsals_of_the_documents_succeed(command: str) -> None:
    done = run(command)
    assert done.returncode == 0, done.stderr


def as_boto3(command: str) -> tuple[str, str, dict[str, Any]]:
    """Return the service, method and parameters of an AWS CLI command, by their names in boto3."""
    _, service, operation, *options = shlex.split(command)
    names = [re.sub(r"-(\w)", lambda m: m[1].upper(), o.removeprefix("--")) for o in options[::2]]
    return service, operation.replace("-", "_"), dict(zip(names, options[1::2], strict=True))


@pytest.mark.slow
def test_the_cdk_cli_deploys_and_glues_event_leads_to_a_row(assembly: Path) -> None:
    prod = find_stack(assembly, "prod")
    clock = Clock(LAST_WEEK)
    with start(account=prod.account, region=prod.region, clock=clock) as cloud:
        for command in DEPLOYMENT:
            unattended = " --require-approval never" if " deploy " in command else ""
            done = run(command + unattended, **cloud.environment)
            assert done.returncode == 0, done.stderr
        folder = assembly.parent / f"readme-{cloud.endpoint.rsplit(':', 1)[-1]}"
        folder.mkdir()
        last_week, this_week = weekly_files(folder, TODAY, [], [])
        prepare(cloud, prod, last_week)
        with clock.running():
            clock.sleep(TODAY.timestamp() - clock.time())
            upload(cloud, datasets(prod.settings)[0], this_week)
            event = glue_event("Job-Brandi-Commerce-API", run_id="jr_" + "5" * 64)
            response = cloud.client("events").put_events(Entries=[event])
            assert response["FailedEntryCount"] == 0
        assert clock.wait_until_idle(timeout=60)
        key = {"campaign_name": {"S": "brandi-hrnn-campaign-v2"}, "base_date": {"N": "20200928"}}
        table = "PROD_PERSONALIZE_DATA_PROCESS"
        row = cloud.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
        assert row["refresh_status"] == {"S": "COMPLETE"}

        # the same by hand: the run is complete, so nothing is started twice
        (by_hand,) = (command for command in COMMANDS if command.startswith("aws stepfunctions "))
        service, method, parameters = as_boto3(by_hand)
        started = getattr(cloud.client(service), method)(**parameters)
        assert clock.wait_until_idle(timeout=60)
        ended = cloud.client(service).describe_execution(executionArn=started["executionArn"])
        assert json.loads(ended["output"])[0]["outcome"] == "ALREADY_STARTED"

        # an event that the rule's role may not deliver is listed and replayed, as a separate run
        cloud.faults.add("states:StartExecution=denied")
        missed = "jr_" + "6" * 64
        with clock.running():
            clock.sleep(1)
            upload(cloud, datasets(prod.settings)[0], this_week)
        event = glue_event("Job-Brandi-Commerce-API", run_id=missed)
        cloud.client("events").put_events(Entries=[event])
        assert clock.wait_until_idle(timeout=60)
        for command in QUEUES:
            done = run(command, **cloud.environment)
            assert done.returncode == 0, done.stderr
            assert missed in done.stdout
        assert clock.wait_until_idle(timeout=60)
        again = cloud.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
        assert again["refresh_status"] == {"S": "COMPLETE"}
        assert again["run_key"] != row["run_key"]
