"""A task of the workflows: one Lambda function with its own role and log."""

import atexit
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.log import log_group
from stacks.settings import Environment

LAMBDAS = Path(__file__).parent.parent / "lambdas"


class Task(Construct):
    """The function of a module in lambdas/; it may write its log, and what it is allowed.

    Each change of its code or configuration publishes a version, and the older ones are kept: an
    execution of days goes on calling the version that its definition named when it started.

    The module and the placeholder in the workflows are the name in snake case: CreateImport is
    `lambdas/create_import.py` and `${create_import}`.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        *,
        variables: dict[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Make the function; `files` are added to its code, by name."""
        super().__init__(scope, name)
        self.module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        log = log_group(self, environment)
        # a role of its own: CDK's would get AWS's managed policy, which allows every log group
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=_code(files or {}),
            handler=f"{self.module}.lambda_handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            memory_size=256,
            timeout=cdk.Duration.seconds(120),  # some thirty calls that may each take 20 s are few
            role=self.role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            environment=variables,
            current_version_options=lambda_.VersionOptions(
                # deleted only if the deployment that publishes it fails: an identical version
                # that is left over would make the next attempt fail
                removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            ),
        )

    @property
    def arn(self) -> str:
        """The function's ARN, without a version."""
        return self.function.function_arn

    @property
    def version_arn(self) -> str:
        """The ARN of the version that has this code and configuration."""
        return self.function.current_version.function_arn

    @property
    def logical_id(self) -> str:
        """The function's logical ID in the template."""
        resource = cast("cdk.CfnElement", self.function.node.default_child)
        return cdk.Stack.of(self).get_logical_id(resource)


def _code(files: Mapping[str, str]) -> lambda_.Code:
    """Return lambdas/ as the code of a function, with other files beside its modules."""
    unused = ["__pycache__", "*.pyc"]
    if not files:
        return lambda_.Code.from_asset(str(LAMBDAS), exclude=unused)
    folder = Path(tempfile.mkdtemp(prefix="lambdas-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the CDK copies it when it binds
    shutil.copytree(LAMBDAS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*unused))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return lambda_.Code.from_asset(str(folder))
