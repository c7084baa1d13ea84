"""`ops doctor` finds what would keep refreshes from working, each thing and all at once."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from ops.doctor import Finding, examine
from ops.doctor.examination import checks
from rehearsal.scenario_names import ENVIRONMENTS
from rehearsal.shop import MINUTE, Shop
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import JOB

BUCKET = "brandi-personalize-prod"
DOCUMENT = (ROOT / "docs" / "doctor.md").read_text("utf-8")
Break = Callable[[Shop], None]


@pytest.fixture
def shop(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("ops.doctor.deployed._synthesised", _deployed)
    return open_shop("prod", new=True, freshness=True)


def _deployed(look: Any) -> Any:
    """Return the deployed template: a synthesis takes seconds, and one test makes a real one."""
    body = look.client("cloudformation").get_template(StackName=look.stack)["TemplateBody"]
    return json.loads(body) if isinstance(body, str) else body


def found(level: str = "PROBLEM") -> list[Finding]:
    return [finding for finding in examine("prod") if finding["level"] == level]


def api(shop: Shop, service: str) -> Any:
    return shop.cloud.client(service)


def no_glue_job(shop: Shop) -> None:
    api(shop, "glue").delete_job(JobName=JOB)


def bucket_without_policy(shop: Shop) -> None:
    api(shop, "s3").delete_bucket_policy(Bucket=BUCKET)


def follows_latest(shop: Shop) -> None:
    (campaign,) = shop.campaigns
    api(shop, "personalize").update_campaign(
        campaignArn=campaign["campaign_arn"],
        solutionVersionArn=f"{campaign['solution_arn']}/$LATEST",
        campaignConfig={"syncWithLatestSolutionVersion": True},
    )


def trains_by_itself(shop: Shop) -> None:
    (campaign,) = shop.campaigns
    api(shop, "personalize").update_solution(
        solutionArn=campaign["solution_arn"], performAutoTraining=True
    )


def undelivered(shop: Shop) -> None:
    api(shop, "sqs").send_message(QueueUrl=shop.outputs["UndeliveredEventsUrl"], MessageBody="{}")


def unannounced(shop: Shop) -> None:
    api(shop, "sqs").send_message(QueueUrl=shop.outputs["UnannouncedEventsUrl"], MessageBody="{}")


def table_without_stream(shop: Shop) -> None:
    api(shop, "dynamodb").update_table(
        TableName=shop.outputs["TableName"], StreamSpecification={"StreamEnabled": False}
    )


def paused_schedule(shop: Shop) -> None:
    scheduler = api(shop, "scheduler")
    name = next(
        each["Name"]
        for each in scheduler.list_schedules()["Schedules"]
        if "Reconcile" in each["Name"]
    )
    given = scheduler.get_schedule(Name=name)
    kept = (
        "Name",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "FlexibleTimeWindow",
        "Target",
    )
    scheduler.update_schedule(**{key: given[key] for key in kept}, State="DISABLED")


def full_quota(shop: Shop) -> None:
    dataset = shop.settings["refreshes"][0]["datasets"][0]["dataset_arn"]
    for number in range(5):
        api(shop, "personalize").create_dataset_import_job(
            jobName=f"other-{number}",
            datasetArn=dataset,
            dataSource={"dataLocation": f"s3://{BUCKET}/interactions/"},
            roleArn=shop.outputs["ImportRoleArn"],
        )


def no_data(shop: Shop) -> None:
    s3 = api(shop, "s3")
    for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])


def failed_dispatch(shop: Shop) -> None:
    shop.ask(refresh="none")


def failed_job(shop: Shop) -> None:
    shop.cloud.glue.end_run(JOB, state="FAILED")
    shop.settle()


WRONG: dict[str, tuple[Break, str, str]] = {
    "no Glue job": (no_glue_job, "PROBLEM", f"the Glue job {JOB} does not exist"),
    "no bucket policy": (
        bucket_without_policy,
        "PROBLEM",
        f"the policy of the bucket {BUCKET} does not allow personalize.amazonaws.com s3:GetObject",
    ),
    "$LATEST": (follows_latest, "PROBLEM", "follows its solution's latest version by itself"),
    "automatic training": (trains_by_itself, "PROBLEM", "trains by itself (performAutoTraining)"),
    "undelivered": (undelivered, "PROBLEM", "1 undelivered event lies in its queue"),
    "unannounced": (unannounced, "PROBLEM", "1 unannounced event lies in its queue"),
    "no stream": (table_without_stream, "PROBLEM", "PROD_PERSONALIZE_DATA_PROCESS has no stream"),
    "paused schedule": (paused_schedule, "PROBLEM", "is DISABLED"),
    "no data": (no_data, "WARNING", f"s3://{BUCKET}/interactions/ has no CSV file"),
    "failed dispatch": (failed_dispatch, "WARNING", "which is FAILED"),
    "failed Glue run": (failed_job, "WARNING", f"the last run of the Glue job {JOB} is FAILED"),
    "full quota": (full_quota, "WARNING", "5 of this environment's imports go on"),
}


def test_a_healthy_environment_has_no_problem(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.succeed()
    shop.settle()
    assert found() == []
    assert main(["doctor", "--environment", "prod"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 PROBLEM, ")
    assert main(["doctor", "--environment", "prod", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {each["check"] for each in shown["findings"]} <= {*checks(), "credentials"}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_by_itself(shop: Shop, name: str) -> None:
    if name != "no Glue job":
        shop.cloud.glue.record_run(JOB)
    happen, level, what = WRONG[name]
    happen(shop)
    matching = [each for each in found(level) if what in each["what"]]
    assert len(matching) == 1, [each["what"] for each in examine("prod")]
    assert matching[0]["fix"]
    assert matching[0]["why"]


def test_all_that_is_wrong_is_found_at_once(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    order = sorted(WRONG, key=lambda name: name == "no Glue job")
    for name in order:
        if name != "failed Glue run":  # its job is gone
            WRONG[name][0](shop)
    findings = examine("prod")
    for name in order:
        if name != "failed Glue run":
            _, level, what = WRONG[name]
            assert any(what in f["what"] and f["level"] == level for f in findings), name
    assert main(["doctor", "--environment", "prod"]) == 1
    assert "does not exist" in capsys.readouterr().out


@pytest.mark.slow
def test_a_canary_that_no_version_could_pass_is_found(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop("careful", new=True)
    (campaign,) = shop.campaigns
    personalize = api(shop, "personalize")
    before = personalize.describe_solution(solutionArn=campaign["solution_arn"])["solution"]
    personalize.delete_campaign(campaignArn=campaign["campaign_arn"])
    shop.settle()
    personalize.delete_solution(solutionArn=campaign["solution_arn"])
    shop.settle()
    personalize.create_solution(
        name=before["name"],
        datasetGroupArn=before["datasetGroupArn"],
        recipeArn="arn:aws:personalize:::recipe/aws-sims",
        performAutoTraining=False,
    )
    shop.settle()
    monkeypatch.setenv("ENVIRONMENTS", str(ENVIRONMENTS))
    findings = examine("careful")
    assert any("recommends no items to a user" in each["what"] for each in findings)


def test_the_command_of_a_finding_fixes_it(shop: Shop) -> None:
    trains_by_itself(shop)
    shop.later(MINUTE)
    (problem,) = found()
    assert "aws personalize update-solution" in problem["fix"]
    (campaign,) = shop.campaigns
    api(shop, "personalize").update_solution(
        solutionArn=campaign["solution_arn"], performAutoTraining=False
    )
    shop.later(MINUTE)
    assert found() == []


def test_other_accounts_credentials_are_the_only_finding(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert shop
    text = (ROOT / "environments" / "prod.yaml").read_text("utf-8")
    (tmp_path / "prod.yaml").write_text(text.replace("111122223333", "444455556666"))
    monkeypatch.setenv("ENVIRONMENTS", str(tmp_path))
    (finding,) = examine("prod")
    assert (finding["check"], finding["level"]) == ("credentials", "PROBLEM")


@pytest.mark.slow
def test_a_template_that_is_not_of_this_checkout_is_found(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert open_shop("prod", freshness=True)
    (same,) = (f for f in examine("prod") if f["check"] == "template")
    assert (same["level"], same["what"]) == ("OK", "the deployed template is that of this checkout")
    text = (ROOT / "environments" / "prod.yaml").read_text("utf-8")
    changed = text.replace("log_retention_days: 365", "log_retention_days: 400")
    (tmp_path / "prod.yaml").write_text(changed)
    monkeypatch.setenv("ENVIRONMENTS", str(tmp_path))
    (other,) = (f for f in examine("prod") if f["check"] == "template")
    assert other["level"] == "WARNING"
    assert "CheckCampaignLog" in other["what"]


def test_it_needs_the_permissions_of_the_document_and_no_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (policy,) = re.findall(r"```json\n(.+?)```", DOCUMENT, re.DOTALL)
    iam, root = api(shop, "iam"), {"AWS": "arn:aws:iam::111122223333:root"}
    trust = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="doctor",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="doctor", PolicyName="reads", PolicyDocument=policy)
    given = api(shop, "sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])
    assert found("UNKNOWN") == []
    assert found() == []
    calls = [call for call in shop.cloud.calls if call.caller == "doctor"]
    assert all(call.allowed for call in calls)
    assert len({call.action for call in calls}) > 15
    iam.delete_role_policy(RoleName="doctor", PolicyName="reads")
    unknown = found("UNKNOWN")
    assert {each["check"] for each in unknown} == {
        "stack", "table", "datasets", "campaigns", "quotas", "glue jobs", "buckets",
    }  # fmt: skip
    assert all(each["fix"].startswith("allow ") for each in unknown)


def test_the_document_names_every_check() -> None:
    for name in ("credentials", *checks()):
        assert f"| {name} |" in DOCUMENT
