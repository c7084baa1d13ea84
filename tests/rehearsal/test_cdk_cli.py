"""The pinned CDK CLI works against the served cloud as it works against AWS.

The README's own commands run in test_readme.py; here a stack changes and is deployed again. The
synthesis is not repeated: `--app` names what the tests have synthesised already.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded_aws import Cloud
from rehearsal.assembly import SynthesisedStack, find_stack

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
Cdk = Callable[..., str]


@pytest.fixture
def environment() -> str:
    return "dev"


@pytest.fixture
def stack(assembly: Path, tmp_path: Path, environment: str) -> SynthesisedStack:
    """The stack of the environment, in a copy of the assembly: the CLI writes into it."""
    return find_stack(Path(shutil.copytree(assembly, tmp_path / "cdk.out")), environment)


@pytest.fixture
def cdk(cloud: Cloud, stack: SynthesisedStack, tmp_path: Path) -> Cdk:
    """The CLI with the variables that a user of the served cloud exports; it returns its output."""
    if not (ROOT / "node_modules/aws-cdk").exists():
        pytest.fail("the CDK CLI is not installed: run `make install`")

    def run(command: str, *arguments: str, fails: bool = False) -> str:
        app = ("--app", str(stack.assembly))
        done = subprocess.run(
            [BIN / "npx", "--no-install", "cdk", command, *arguments, *app, "--no-notices"],
            cwd=ROOT,
            env={
                **os.environ,
                **cloud.environment,
                "CDK_DISABLE_CLI_TELEMETRY": "1",
                "CI": "true",  # progress and errors in one stream each
                "HOME": str(tmp_path),  # the CLI caches accounts by access key there
                "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert bool(done.returncode) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_the_cli_can_compare_and_redeploy_a_stack_that_it_deployed(
    cloud: Cloud, stack: SynthesisedStack, cdk: Cdk
) -> None:
    cdk("bootstrap", f"aws://{stack.account}/{stack.region}")
    cdk("deploy", stack.name, "--require-approval", "never")
    assert "There were no differences" in cdk("diff", stack.name)

    _change_queue(stack)
    assert "MessageRetentionPeriod" in cdk("diff", stack.name)
    printed = cdk("deploy", stack.name, "--require-approval", "never")

    assert f"{stack.name}.TableName = DEV_PERSONALIZE_DATA_PROCESS" in printed
    sqs = cloud.client("sqs")
    queues = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    ]
    assert [queue["MessageRetentionPeriod"] for queue in queues] == ["777", "777"]


@pytest.mark.parametrize("environment", ["prod"])
@pytest.mark.slow
def test_the_cli_deploys_after_a_failure_over_an_existing_table_and_after_destroy(
    cloud: Cloud, stack: SynthesisedStack, cdk: Cdk
) -> None:
    deploy = ("deploy", stack.name, "--require-approval", "never")
    in_the_way = f"/aws/vendedlogs/states/{stack.name}-refresh"
    logs, dynamodb = cloud.client("logs"), cloud.client("dynamodb")
    cdk("bootstrap", f"aws://{stack.account}/{stack.region}")

    # a first deployment that fails says why, and leaves nothing behind
    logs.create_log_group(logGroupName=in_the_way)
    assert "already exists" in " ".join(cdk(*deploy, fails=True).split())
    assert dynamodb.list_tables()["TableNames"] == []
    assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == [in_the_way]

    # the article's own table and this log group are imported as they are
    table = "PROD_PERSONALIZE_DATA_PROCESS"
    row = {"campaign_name": {"S": "of the article"}, "base_date": {"N": "20200928"}}
    dynamodb.create_table(
        TableName=table,
        KeySchema=[
            {"AttributeName": "campaign_name", "KeyType": "HASH"},
            {"AttributeName": "base_date", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "campaign_name", "AttributeType": "S"},
            {"AttributeName": "base_date", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=table, Item=row)
    # but for the stream, which the stack follows and docs/deploy.md says how to enable
    dynamodb.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    cdk(*deploy, "--import-existing-resources")
    assert dynamodb.scan(TableName=table)["Items"] == [row]

    # what a destroyed stack has kept, the next one takes over
    cdk("destroy", stack.name, "--force")
    assert cloud.client("stepfunctions").list_state_machines()["stateMachines"] == []
    cdk(*deploy, "--import-existing-resources")
    assert dynamodb.scan(TableName=table)["Items"] == [row]
    outputs = cloud.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    assert outputs["StackStatus"] == "CREATE_COMPLETE"


def _change_queue(stack: SynthesisedStack) -> None:
    """Change the queue's retention in the synthesised template, and the hash of the template."""
    template = stack.assembly / f"{stack.name}.template.json"
    changed = json.loads(template.read_text())
    for resource in changed["Resources"].values():
        if resource["Type"] == "AWS::SQS::Queue":
            resource["Properties"]["MessageRetentionPeriod"] = 777
    template.write_text(json.dumps(changed))
    assets = stack.assembly / f"{stack.name}.assets.json"
    files = json.loads(assets.read_text())["files"]
    (asset,) = (name for name, file in files.items() if file["source"]["path"] == template.name)
    old = asset.partition("-")[0]
    for listing in (assets, stack.assembly / "manifest.json"):
        listing.write_text(listing.read_text().replace(old, "f" * len(old)))
