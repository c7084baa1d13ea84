"""A stack of many campaigns is deployed: its overflow policies grant, its rules deliver."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
import yaml

from embedded_aws import Clock, Cloud, deploy, start
from rehearsal.assembly import SynthesisedStack, find_stack, synthesise
from tests.conftest import START
from tests.rehearsal.policies import Statement, statements
from tools.sizes import many

pytestmark = pytest.mark.slow
CAMPAIGNS = 60


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedStack:
    """The stack of an environment with 60 campaigns, 180 datasets and 60 Glue jobs."""
    environments = tmp_path_factory.mktemp("environments")
    settings = many(CAMPAIGNS).model_dump(exclude_defaults=True)
    (environments / "many.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return find_stack(synthesise(tmp_path_factory.mktemp("many"), environments), "many")


@pytest.fixture(scope="module")
def deployed(stack: SynthesisedStack) -> Iterator[Cloud]:
    """A cloud in which it is deployed."""
    with start(account=stack.account, region=stack.region, clock=Clock(START)) as cloud:
        deploy(stack.assembly, stack.name, cloud)
        yield cloud


def of_managed(found: list[Statement]) -> list[Statement]:
    """The statements of overflow policies: a role's, in other policies than its first one."""
    first: dict[str | None, object] = {}
    return [s for s in found if first.setdefault(s.policy.role, s.policy) is not s.policy]


def covered(found: list[Statement], action: str) -> list[str]:
    """The campaigns on which the deployed statements allow the action."""
    grants = [g.resource for s in found for g in s.grants if g.action == action]
    arns = map(many(CAMPAIGNS).campaign_arn, many(CAMPAIGNS).campaigns)
    return [arn for arn in arns if any(fnmatchcase(arn, pattern) for pattern in grants)]


def test_every_statement_is_deployed_those_of_overflow_policies_included(
    deployed: Cloud, stack: SynthesisedStack
) -> None:
    found = statements(deployed, stack)
    assert of_managed(found)
    assert len(covered(found, "personalize:UpdateCampaign")) == CAMPAIGNS


def test_a_statement_of_an_overflow_policy_can_be_removed_and_put_back(
    deployed: Cloud, stack: SynthesisedStack
) -> None:
    before = [s.body for s in statements(deployed, stack)]
    removed = of_managed(statements(deployed, stack))[0]
    with removed.removed():
        deployed_now = managed(deployed, str(removed.policy.role))
        assert removed.body not in [body for bodies in deployed_now for body in bodies]
    assert [s.body for s in statements(deployed, stack)] == before


def managed(cloud: Cloud, role: str) -> list[list[object]]:
    """The statements of each managed policy that is attached to a role."""
    access = cloud.client("iam")
    documents = []
    for attached in access.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = access.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = access.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        documents.append(found["Document"]["Statement"])
    return documents


def test_the_event_of_the_last_glue_job_starts_its_refresh_and_no_other(
    deployed: Cloud, stack: SynthesisedStack
) -> None:
    assert stack.glue_jobs == many(CAMPAIGNS).glue_jobs
    job = stack.glue_jobs[-1]
    detail = {"jobName": job, "jobRunId": f"jr_{64 * 'a'}", "state": "SUCCEEDED"}
    deployed.send_service_event("aws.glue", "Glue Job State Change", detail)
    with deployed.clock.running():
        deployed.clock.sleep(1)  # no schedule begins unless time passes
    assert deployed.clock.wait_until_idle(60)
    states = deployed.client("stepfunctions")
    arn = f"arn:aws:states:{stack.region}:{stack.account}:stateMachine:{stack.name}"
    dispatched = states.list_executions(stateMachineArn=f"{arn}-dispatch")["executions"]
    # the event's, and that of the schedule, which begins at once
    assert [execution["status"] for execution in dispatched] == ["SUCCEEDED", "SUCCEEDED"]
    started = states.list_executions(stateMachineArn=f"{arn}-refresh")["executions"]
    inputs = [
        json.loads(states.describe_execution(executionArn=e["executionArn"])["input"])
        for e in started
    ]
    assert [i["campaign_name"] for i in inputs] == [many(CAMPAIGNS).campaigns[-1].name]
