"""The pinned CDK CLI works against the served cloud as it works against AWS.

The commands are those of the README; only the synthesis is not repeated (`--app` names what the
tests have synthesised already).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import marketplace
from rehearsal.__main__ import TODAY
from rehearsal.assembly import SynthesisedStack, find_stack
from rehearsal.cloud import Cloud
from rehearsal.refresh import Refresh

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
Cdk = Callable[..., str]


@pytest.fixture
def stack(assembly: Path, tmp_path: Path) -> SynthesisedStack:
    """The stack of the dev environment, in a copy of the assembly: the CLI writes into it."""
    return find_stack(Path(shutil.copytree(assembly, tmp_path / "cdk.out")), "dev")


@pytest.fixture
def cdk(cloud: Cloud, stack: SynthesisedStack, tmp_path: Path) -> Cdk:
    """The CLI with what a user of the served cloud exports; it returns what it prints."""
    if not (ROOT / "node_modules/aws-cdk").exists():
        pytest.fail("the CDK CLI is not installed: run `make install`")

    def run(command: str, *arguments: str) -> str:
        app = ("--app", str(stack.assembly))
        done = subprocess.run(  # noqa: S603 - our own command line
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
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_bootstrap_and_deploy_and_a_glue_event_lead_to_a_complete_row(
    cloud: Cloud, stack: SynthesisedStack, cdk: Cdk, tmp_path: Path
) -> None:
    last_week, this_week = marketplace.deliveries(tmp_path, TODAY, [], [])
    marketplace.prepare(cloud, stack.settings, last_week)

    cdk("bootstrap", f"aws://{stack.account}/{stack.region}")
    written = tmp_path / "outputs.json"
    cdk("deploy", stack.name, "--require-approval", "never", "--outputs-file", str(written))
    assert "There were no differences" in cdk("diff", stack.name)

    outputs = json.loads(written.read_text())[stack.name]
    refresh = Refresh(cloud, stack, outputs, last_week, this_week)
    refresh.start()
    assert cloud.clock.wait_until_idle(60)
    (row,) = refresh.rows()
    assert row["refresh_status"] == "COMPLETE"
    assert row["solution_version_status"] == "ACTIVE"
    assert all(call.allowed for call in cloud.calls)


def test_a_changed_template_is_shown_by_diff_and_deployed_in_place(
    cloud: Cloud, stack: SynthesisedStack, cdk: Cdk
) -> None:
    cdk("bootstrap", f"aws://{stack.account}/{stack.region}")
    cdk("deploy", stack.name, "--require-approval", "never")
    _change_queue(stack)

    assert "MessageRetentionPeriod" in cdk("diff", stack.name)
    cdk("deploy", stack.name, "--require-approval", "never")

    (url,) = cloud.client("sqs").list_queues()["QueueUrls"]
    queue = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert queue["Attributes"]["MessageRetentionPeriod"] == "777"


def _change_queue(stack: SynthesisedStack) -> None:
    """Synthesise, as it were, another retention of the queue: the template's asset is a new one."""
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
