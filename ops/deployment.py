"""The deployed stack of an environment, reached with the operator's own AWS credentials.

Nothing of an account is touched before it is certain that it is the environment's account.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError

from stacks.load import load
from stacks.settings import Environment

_CHECKOUT = Path(__file__).parent.parent / "environments"
# Where the command is installed, the environment files are those of the current directory.
ENVIRONMENTS = _CHECKOUT if _CHECKOUT.is_dir() else Path("environments")
STACK_PREFIX = "PersonalizeRefresh-"
# An operator is waiting: by default boto3 would try an unreachable host for minutes.
CONFIG = Config(
    connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4}
)
RENEW = (
    "give valid AWS credentials of the environment's account, for example by `aws sso login` or "
    "AWS_PROFILE"
)
NOT_AWS = (
    "what answers at AWS_ENDPOINT_URL, or at the proxy, is not AWS; unset AWS_ENDPOINT_URL, or "
    "correct it and HTTPS_PROXY"
)
_BAD_CREDENTIALS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class Refusal(Exception):
    """Why the command cannot do its work; the text says what is wrong and what to do."""


@dataclass(frozen=True)
class Deployment:
    """An environment's stack, as CloudFormation describes it."""

    environment: str
    settings: Environment
    stack: str
    status: str
    session: boto3.Session
    outputs: Mapping[str, str]

    def now(self) -> float:
        """Return AWS's time in epoch seconds, by which the rows are written."""
        answer = self.session.client("dynamodb", config=CONFIG).query(
            TableName=self.output("TableName"),
            KeyConditionExpression="campaign_name = :none",
            ExpressionAttributeValues={":none": {"S": "-"}},
            Limit=1,
        )
        date: str = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(date).timestamp()

    def output(self, name: str) -> str:
        """Return an output of the stack, or refuse if this deployment has none of that name."""
        if name not in self.outputs:
            raise Refusal(
                f"the stack {self.stack} is {self.status} and has no output {name}; deploy it: "
                f"npx cdk deploy {self.stack}"
            )
        return self.outputs[name]


def find(name: str) -> Deployment:
    """Return the deployed stack of the environment `name`.

    The variable ENVIRONMENTS names another folder of environment files, as for app.py. Raises
    Refusal, SettingsError with every problem of the files, or botocore's own errors.
    """
    environment, session, refused = reach(name)
    if refused is not None:
        raise refused
    return _described(name, environment, session)


def reach(name: str) -> tuple[Environment, boto3.Session, Refusal | None]:
    """Return an environment's settings, a session of its region, and why it must not be used.

    Raises Refusal if there is no such environment, SettingsError, or botocore's own errors.
    """
    folder = Path(os.environ.get("ENVIRONMENTS", ENVIRONMENTS))
    environments = load(folder)
    if name not in environments:
        raise Refusal(
            f"there is no environment {name!r}; {folder.name}/ has {', '.join(environments)}"
        )
    environment = environments[name]
    session = boto3.Session(region_name=environment.region)
    identity = caller(session)
    if identity["Account"] == environment.account:
        return environment, session, None
    refused = Refusal(
        f"the credentials are of account {identity['Account']} ({identity['Arn']}), but "
        f"{folder.name}/{name}.yaml is of account {environment.account}; use that account's"
    )
    return environment, session, refused


def caller(session: boto3.Session) -> Mapping[str, str]:
    """Return whose credentials these are: Account and Arn. Raises Refusal if nobody at AWS says."""
    try:
        identity = session.client("sts", config=CONFIG).get_caller_identity()
    except (ResponseParserError, KeyError) as error:  # botocore reads what it does not find
        raise Refusal(NOT_AWS) from error
    if "Account" not in identity:
        raise Refusal(NOT_AWS)
    return {"Account": identity["Account"], "Arn": identity["Arn"]}


def _described(name: str, environment: Environment, session: boto3.Session) -> Deployment:
    stack = STACK_PREFIX + name
    try:
        found = session.client("cloudformation", config=CONFIG).describe_stacks(StackName=stack)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
            raise Refusal(
                f"the stack {stack} is not deployed in {session.region_name}; deploy it: "
                f"npx cdk deploy {stack}"
            ) from error
        raise
    described = found["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}
    return Deployment(name, environment, stack, described["StackStatus"], session, outputs)


def in_words(error: ClientError | BotoCoreError) -> str:
    """Return what AWS has refused, or why it was not reached, and what to do."""
    if isinstance(error, ClientError):
        return _refusal_in_words(error)
    reason = " ".join(str(error).rstrip(".").split())
    if isinstance(error, (NoConnectionError, HTTPClientError)):
        return (
            f"{reason}; check the network, the environment's region, AWS_ENDPOINT_URL and "
            "HTTPS_PROXY"
        )
    return f"{reason}; {RENEW}"


def _refusal_in_words(error: ClientError) -> str:
    code = error.response["Error"]["Code"]
    message = error.response["Error"]["Message"].rstrip(".")
    if code in _BAD_CREDENTIALS:
        remedy = RENEW
    elif "AccessDenied" in code or "NotAuthorized" in code:
        remedy = "ask for that permission, or use credentials that have it"
    elif "NonExistentQueue" in code or code == "QueueDoesNotExist":
        remedy = "the stack's queue is gone: deploy the stack again"
    else:
        remedy = "fix that, and try again"
    return f"AWS refused {error.operation_name}: {message} ({code}); {remedy}"
