"""The README of embedded_aws: its lines run, and its tables say what the code says."""

import ast
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from botocore import xform_name

from embedded_aws.deployment import _CHECKS
from embedded_aws.faults import KINDS, Fault
from embedded_aws.services.awslambda.behaviour import LambdaBehaviour
from embedded_aws.services.cloudformation.behaviour import CloudFormationBehaviour
from embedded_aws.services.events.behaviour import EventsBehaviour
from embedded_aws.services.glue.models import GlueBehaviour
from embedded_aws.services.iam.actions import _RULES
from embedded_aws.services.personalize.behaviour import PersonalizeBehaviour
from embedded_aws.services.personalize.models import PersonalizeBackend
from embedded_aws.services.scheduler.models import SchedulerBehaviour
from embedded_aws.services.stepfunctions.behaviour import StepFunctionsBehaviour
from embedded_aws.validation import service_model
from tests.conftest import ROOT

TEXT = (ROOT / "embedded_aws" / "README.md").read_text("utf-8")
SWITCHES = {
    "personalize": PersonalizeBehaviour,
    "awslambda": LambdaBehaviour,
    "cloudformation": CloudFormationBehaviour,
    "events": EventsBehaviour,
    "glue": GlueBehaviour,
    "scheduler": SchedulerBehaviour,
    "stepfunctions": StepFunctionsBehaviour,
}


def blocks(language: str, section: str) -> list[str]:
    """The fenced blocks of a language in a section."""
    _, _, rest = TEXT.partition(f"\n## {section}\n")
    return re.findall(rf"```{language}\n(.*?)```", rest.partition("\n## ")[0], re.DOTALL)


def rows(section: str) -> list[list[str]]:
    """The cells of each row of the table in a section, without its head."""
    _, _, rest = TEXT.partition(f" {section}\n")
    lines = [line for line in re.split(r"\n##", rest)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_a_reader_who_pastes_the_lines_sees_what_the_readme_shows(tmp_path: Path) -> None:
    prepare, run = blocks("python", "Try it")
    assert len(run.splitlines()) <= 10
    (shown,) = blocks("text", "Try it")
    for name, lines in (("prepare.py", prepare), ("run.py", run)):
        (tmp_path / name).write_text(lines, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", name],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == shown


def test_the_table_of_services_has_the_types_that_can_be_deployed() -> None:
    (supported,) = (row[1] for row in rows("Services and operations") if row[0] == "CloudFormation")
    assert re.findall(r"`(AWS::\w+::\w+)`", supported) == sorted(_CHECKS)


def test_the_table_of_services_has_every_operation_of_personalize() -> None:
    (supported,) = (row[1] for row in rows("Services and operations") if row[0] == "Personalize")
    assert sorted(supported.split(", ")) == sorted(
        name
        for service in ("personalize", "personalize-runtime", "personalize-events")
        for name in service_model(service).operation_names
        if hasattr(PersonalizeBackend, xform_name(name))
    )


def test_the_table_of_a_role_s_calls_has_each_call_that_can_be_judged() -> None:
    assert [
        f"{service.strip('`')}:{name}"
        for service, names in rows("What a role may call")
        for name in names.split(", ")
    ] == sorted(_RULES)


def test_the_table_of_switches_has_every_field_with_its_default() -> None:
    assert {
        field.strip("`"): ast.literal_eval(default.strip("`"))
        for field, default, _ in rows("Switches")
    } == {
        f"{service}.{name}": default
        for service, switches in SWITCHES.items()
        for name, default in dataclasses.asdict(switches()).items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_is_written_as_the_readme_says(kind: str) -> None:
    (written,) = re.findall(rf"`({kind}(?::SECONDS|:ERROR)?)`", TEXT.partition("\n## Faults\n")[2])
    form, *_ = blocks("text", "Faults")
    spec = form.strip().replace("[:ARGUMENT]", "").replace("KIND", written)
    spec = spec.replace("SECONDS", "30").replace("ERROR", "ServiceException")
    spec = spec.replace("[@N]", "@2").replace("[*TIMES]", "*always")
    assert Fault.parse(spec).kind == kind
