"""Errors of `python -m ops`: one line that says what to do."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from embedded_aws import Clock, Cloud, start
from ops.__main__ import main
from ops.deployment import in_words
from rehearsal.assembly import find_stack
from rehearsal.shop import LAST_WEEK
from tests.rehearsal.conftest import Kept
from tests.rehearsal.ops_commands import ops, refusal


@pytest.fixture
def bare(kept: Kept, assembly: Path) -> Iterator[Cloud]:
    """A cloud in the account of prod, without any stack."""
    kept.stack.close()
    prod = find_stack(assembly, "prod")
    with start(account=prod.account, region=prod.region, clock=Clock(LAST_WEEK)) as cloud:
        yield cloud


@pytest.mark.usefixtures("bare")
def test_a_stack_that_is_not_deployed_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "undelivered", "--environment", "prod") == (
        "ops: the stack PersonalizeRefresh-prod is not deployed in ap-northeast-1; deploy it: "
        "npx cdk deploy PersonalizeRefresh-prod"
    )


def test_a_stack_without_the_output_of_the_queue_is_reported(
    bare: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    bare.client("cloudformation").create_stack(
        StackName="PersonalizeRefresh-prod", TemplateBody=json.dumps(template)
    )
    assert refusal(capsys, "replay", "--environment", "prod") == (
        "ops: the stack PersonalizeRefresh-prod is CREATE_COMPLETE and has no output "
        "UndeliveredEventsUrl; deploy it: npx cdk deploy PersonalizeRefresh-prod"
    )


def test_an_unknown_environment_is_reported_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = refusal(capsys, "undelivered", "--environment", "production")
    assert line == "ops: there is no environment 'production'; environments/ has dev, prod"


def test_every_problem_of_the_environment_files_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prod.yaml").write_text("account: 1\n")
    (tmp_path / "dev.yaml").write_text("account: 1\n")
    monkeypatch.setenv("ENVIRONMENTS", str(tmp_path))
    assert main(["undelivered", "--environment", "prod"]) == 2
    problems = capsys.readouterr().err
    assert "dev.yaml: account: " in problems
    assert "prod.yaml: refreshes: " in problems


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "ops: Unable to locate credentials; give valid AWS credentials",
        ),
        ({"AWS_PROFILE": "nobody"}, "ops: The config profile (nobody) could not be found; give"),
        ({"AWS_ENDPOINT_URL": "nowhere"}, "ops: Invalid endpoint: nowhere; AWS_ENDPOINT_URL must"),
        (
            {"AWS_ENDPOINT_URL": "http://localhost:1"},
            'ops: Could not connect to the endpoint URL: "http://localhost:1/"; check the network',
        ),
    ],
    ids=["no credentials", "an unknown profile", "no URL", "no connection"],
)
def test_a_command_that_cannot_call_aws_prints_one_sentence(
    variables: dict[str, str], expected: str, tmp_path: Path
) -> None:
    none = {"AWS_CONFIG_FILE": str(tmp_path), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path)}
    done = ops("undelivered", **{**none, **variables})
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "User x may not."}}, "DescribeStacks"
            ),
            "AWS refused DescribeStacks: User x may not (AccessDenied); ask for that permission",
        ),
        (
            ClientError(
                {"Error": {"Code": "ExpiredToken", "Message": "It has expired"}},
                "GetCallerIdentity",
            ),
            "AWS refused GetCallerIdentity: It has expired (ExpiredToken); give valid AWS",
        ),
        (
            ClientError(
                {"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue", "Message": "Gone."}},
                "ReceiveMessage",
            ),
            "(AWS.SimpleQueueService.NonExistentQueue); the stack's queue is gone: deploy",
        ),
        (EndpointConnectionError(endpoint_url="https://sts.x"), "; check the network"),
        (ReadTimeoutError(endpoint_url="https://sts.x"), "; check the network"),
        (NoCredentialsError(), "; give valid AWS credentials"),
    ],
)
def test_an_error_of_aws_is_reported_with_what_to_do(
    error: ClientError | BotoCoreError, remedy: str
) -> None:
    assert remedy in in_words(error)
    assert "\n" not in in_words(error)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>hello"), (200, b"<html/>"), (200, b'{"a": 1}'), (200, b"")],
    ids=["no XML", "other XML", "JSON", "nothing"],
)
def test_an_endpoint_that_is_not_aws_is_reported(
    status: int, body: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        line = refusal(capsys, "undelivered", "--environment", "prod")
        server.shutdown()
    assert line.startswith("ops: what answers at AWS_ENDPOINT_URL, or at the proxy, is not AWS;")
