"""All checks, one after another; each finds what it finds, and none hides another.

Everything is read, nothing is changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops.deployment import CONFIG, STACK_PREFIX, Refusal, in_words, reach
from stacks.settings import Environment

Level = Literal["OK", "WARNING", "PROBLEM", "UNKNOWN"]
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "403",
    "AuthorizationErrorException",
}
_ABSENT = {
    "EntityNotFoundException",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchEntity",
    "NotFoundException",
    "ResourceNotFoundException",
    "ResourceNotFound",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ValidationError",  # CloudFormation's word for a stack that does not exist
    "404",
}


class Finding(TypedDict):
    """One finding: what, why it matters, and the command or setting that fixes it."""

    check: str
    level: Level
    what: str
    why: str
    fix: str


@dataclass
class Examination:
    """An environment, how it is reached, and what was found so far."""

    name: str
    settings: Environment
    session: boto3.Session
    outputs: dict[str, str] | None = None  # of the deployed stack; None before its deployment
    findings: list[Finding] = field(default_factory=list)
    check: str = ""

    @property
    def stack(self) -> str:
        """The name of the environment's stack."""
        return STACK_PREFIX + self.name

    def client(self, service: Any) -> Any:
        """Return a client of the environment's region."""
        return self.session.client(service, config=CONFIG)

    def ok(self, what: str) -> None:
        """Note that something is as it should be."""
        self.findings.append(Finding(check=self.check, level="OK", what=what, why="", fix=""))

    def problem(self, what: str, why: str, fix: str, *, level: Level = "PROBLEM") -> None:
        """Note what is wrong."""
        self.findings.append(Finding(check=self.check, level=level, what=what, why=why, fix=fix))

    def ask(self, action: str, call: Callable[..., Any], **parameters: Any) -> Any:
        """Return what AWS answers to a call; None if the thing does not exist.

        Raises Unknown, with a finding, if AWS does not answer.
        """
        try:
            return call(**parameters)
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code in _ABSENT:
                return None
            fix = f"allow {action} to who runs this" if code in _DENIED else "run it again"
            self._unknown(action, in_words(error), fix)
            raise Unknown from error
        except BotoCoreError as error:
            self._unknown(action, in_words(error), "run it again")
            raise Unknown from error

    def _unknown(self, action: str, why: str, fix: str) -> None:
        self.problem(f"{action} was refused or failed: not checked", why, fix, level="UNKNOWN")


class Unknown(Exception):
    """A check that cannot go on; its finding says why."""


Check = Callable[[Examination], None]


def checks() -> dict[str, Check]:
    """Return every check by its name, in their order."""
    from ops.doctor.data import CHECKS as DATA  # noqa: PLC0415 - these need this module
    from ops.doctor.deployed import CHECKS as DEPLOYED  # noqa: PLC0415
    from ops.doctor.models import CHECKS as MODELS  # noqa: PLC0415

    return {**DEPLOYED, **MODELS, **DATA}


def examine(name: str) -> list[Finding]:
    """Examine the environment `name`; return every finding, in the order of the checks.

    Raises Refusal or SettingsError if there is no such environment.
    """
    settings, session, refused = reach(name)
    examination = Examination(name, settings, session, check="credentials")
    if refused is not None:
        examination.problem(
            str(refused), "nothing of the account can be looked at", "see the sentence"
        )
        return examination.findings
    examination.ok(f"the credentials are of account {settings.account}, region {settings.region}")
    for check, look in checks().items():
        examination.check = check
        try:
            look(examination)
        except Unknown:
            continue
        except Refusal as error:
            examination.problem(str(error), "it could not be checked", "see the sentence")
    return examination.findings
