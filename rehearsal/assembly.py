"""The synthesised app: what the rehearsal deploys, and the only place it learns settings from."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

APP = Path(__file__).parent.parent / "app.py"
STACK_PREFIX = "PersonalizeRefresh-"


class SynthesisError(Exception):
    """The app cannot be synthesised, or has no such environment; the text says what to do."""


@dataclass(frozen=True)
class SynthesisedStack:
    """One environment's stack in a cloud assembly."""

    assembly: Path
    name: str
    account: str
    region: str
    template: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """What is deployed with the task that plans: refreshes, names and ARNs."""
        return self._settings_of("plan_refresh")[0]

    @property
    def made(self) -> set[str]:
        """The ARNs of the datasets and solutions that its first refresh makes."""
        described = self._settings_of("make_missing")
        return {arn for settings in described for kind in settings.values() for arn in kind}

    def _settings_of(self, module: str) -> list[dict[str, Any]]:
        """Return what is deployed with a task, or nothing if the task is not."""
        functions = self._all("AWS::Lambda::Function")
        found = [f for f in functions if f["Handler"].startswith(f"{module}.")]
        keys = [str(f["Code"]["S3Key"]).removesuffix(".zip") for f in found]
        files = [self.assembly / f"asset.{key}" / "settings.json" for key in keys]
        return [json.loads(file.read_text("utf-8")) for file in files]

    @property
    def glue_jobs(self) -> list[str]:
        """The Glue jobs whose success the rules wait for, in the order of the settings."""
        details = [r["EventPattern"]["detail"] for r in self._all("AWS::Events::Rule")]
        return [job for d in details if d.get("state") == ["SUCCEEDED"] for job in d["jobName"]]

    @property
    def partition(self) -> str:
        """The partition of its ARNs: aws or aws-cn."""
        first = self.settings["refreshes"][0]["datasets"][0]
        return str(first["dataset_arn"]).split(":")[1]

    @property
    def boundaries(self) -> list[str]:
        """The ARNs of the managed policies that are the boundaries of its roles."""
        boundaries = [role.get("PermissionsBoundary") for role in self._all("AWS::IAM::Role")]
        return list(dict.fromkeys(filter(None, boundaries)))

    @property
    def existing_import_role(self) -> str | None:
        """The ARN of the role with which Personalize reads the data; None if the stack makes it."""
        arn = self.template["Outputs"]["ImportRoleArn"]["Value"]
        return arn if isinstance(arn, str) else None

    @property
    def encryption_key(self) -> str | None:
        """The ARN of the KMS key that encrypts its table; None for AWS's own."""
        (table,) = self._all("AWS::DynamoDB::Table")
        key: str | None = table.get("SSESpecification", {}).get("KMSMasterKeyId")
        return key

    @property
    def bucket_keys(self) -> list[str]:
        """The ARNs of the KMS keys with which its import role may decrypt."""
        policies = [*self._all("AWS::IAM::Policy"), *self._all("AWS::IAM::ManagedPolicy")]
        statements = [s for p in policies for s in p["PolicyDocument"]["Statement"]]
        keys = [s["Resource"] for s in statements if s["Action"] == "kms:Decrypt"]
        return [key for some in keys for key in ([some] if isinstance(some, str) else some)]

    def _all(self, kind: str) -> list[dict[str, Any]]:
        resources = self.template["Resources"].values()
        return [r["Properties"] for r in resources if r["Type"] == kind]


class Synthesis:
    """app.py, running in a process of its own, as the CDK CLI runs it; ended with the block.

    `environments` is the folder of the environment files, if not the app's own. Without
    `validate`, the CDK's own check of the templates is left out: it takes half of the time, and
    `cdk synth`, `make synth` and the test suite make it.
    """

    def __init__(
        self, folder: Path, environments: Path | None = None, *, validate: bool = False
    ) -> None:
        chosen = {"ENVIRONMENTS": str(environments)} if environments else {}
        self._folder = folder
        self._process = subprocess.Popen(  # noqa: S603 - our own app
            [sys.executable, str(APP)],
            env={
                **os.environ,
                "CDK_OUTDIR": str(folder),
                "CDK_VALIDATION": str(validate).lower(),
                "PYTHONUTF8": "1",
                "PYTHONIOENCODING": "utf-8",
                **chosen,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def assembly(self) -> Path:
        """Wait for its end; return the folder that it has written. SynthesisError if it failed."""
        output, errors = self._process.communicate()
        if self._process.returncode:
            raise SynthesisError((errors or output).strip())
        return self._folder


def synthesise(folder: Path, environments: Path | None = None, *, validate: bool = False) -> Path:
    """Run app.py and return the cloud assembly it writes to `folder`; SynthesisError if it fails.

    The arguments are Synthesis's.
    """
    with Synthesis(folder, environments, validate=validate) as synthesis:
        return synthesis.assembly()


def find_stack(assembly: Path, environment: str) -> SynthesisedStack:
    """Return an environment's stack; SynthesisError names those that there are."""
    try:
        stacks = _stacks(assembly)
        if environment in stacks:
            return _stack(assembly, environment, stacks[environment])
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise SynthesisError(
            f"{assembly} is not a cloud assembly of this app ({type(error).__name__}: {error}); "
            "name what `cdk synth` wrote"
        ) from error
    if not stacks:
        raise SynthesisError(f"{assembly} has no stack of this app; name what `cdk synth` wrote")
    raise SynthesisError(unknown_environment(environment, "environments", sorted(stacks)))


def environments_of(assembly: Path) -> list[str]:
    """Return the names of the environments in a cloud assembly."""
    return sorted(_stacks(assembly))


def environment_problem(name: str) -> str | None:
    """Return what is wrong with an environment's name, before anything is synthesised.

    None also if there is no environment at all: app.py then says what is missing.
    """
    folder = Path(os.environ.get("ENVIRONMENTS", APP.parent / "environments"))
    known = sorted(file.stem for file in folder.glob("*.yaml"))
    if not known or name in known:
        return None
    return unknown_environment(name, folder.name, known)


def unknown_environment(name: str, folder: str, known: Sequence[str]) -> str:
    """Return in words that there is no environment of this name."""
    return f"there is no environment {name!r}; {folder}/ has {', '.join(known)}"


def _stacks(assembly: Path) -> dict[str, Any]:
    """Return the artifacts of the app's stacks by their environment."""
    artifacts = json.loads((assembly / "manifest.json").read_text("utf-8"))["artifacts"]
    return {
        name.removeprefix(STACK_PREFIX): artifact
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack" and name.startswith(STACK_PREFIX)
    }


def _stack(assembly: Path, environment: str, artifact: Mapping[str, Any]) -> SynthesisedStack:
    account, region = artifact["environment"].removeprefix("aws://").split("/")
    template = (assembly / artifact["properties"]["templateFile"]).read_text("utf-8")
    stack = SynthesisedStack(
        assembly=assembly,
        name=STACK_PREFIX + environment,
        account=account,
        region=region,
        template=json.loads(template),
    )
    datasets(stack.settings)  # as it will be read
    return stack


def datasets(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return each dataset once, though several refreshes may fill it."""
    every = [dataset for refresh in settings["refreshes"] for dataset in refresh["datasets"]]
    return list({dataset["dataset_arn"]: dataset for dataset in every}.values())


def campaigns_of(refresh: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the campaigns of a refresh, without its recommenders."""
    return [entry for entry in refresh["campaigns"] if "recommender_arn" not in entry]


def recommenders_of(refresh: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the recommenders of a refresh."""
    return [entry for entry in refresh["campaigns"] if "recommender_arn" in entry]


def recommends_actions(refresh: Mapping[str, Any]) -> bool:
    """Whether the campaigns of a refresh recommend actions instead of items."""
    return "ACTIONS" in map(dataset_type, refresh["datasets"])


def dataset_type(dataset: Mapping[str, Any]) -> str:
    """Return a dataset's type, such as INTERACTIONS."""
    return str(dataset["dataset_arn"]).rsplit("/", 1)[-1]


def bucket_name(dataset: Mapping[str, Any]) -> str:
    """Return the bucket that a dataset's files lie in."""
    return str(dataset["location"]).removeprefix("s3://").split("/")[0]
