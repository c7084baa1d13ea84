"""The synthesised template: what would be deployed, resource by resource."""

import filecmp
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint
from syrupy.assertion import SnapshotAssertion

from rehearsal.assembly import synthesise

Template = Callable[[str], dict[str, Any]]


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {n: r["Properties"] for n, r in template["Resources"].items() if r["Type"] == kind}


def only(template: dict[str, Any], kind: str) -> dict[str, Any]:
    (properties,) = resources(template, kind).values()
    return properties


def policies(template: dict[str, Any]) -> list[dict[str, Any]]:
    """Every policy of a role: the inline ones, and the managed ones that take what is too much."""
    kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    return [policy for kind in kinds for policy in resources(template, kind).values()]


def statements(template: dict[str, Any], role: str) -> Iterator[dict[str, Any]]:
    """Every statement in the policies of the role whose logical ID starts with `role`."""
    for policy in policies(template):
        if any(attached["Ref"].startswith(role) for attached in policy["Roles"]):
            yield from policy["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_template_is_as_it_was_reviewed(
    template: Template, environment: str, snapshot: SnapshotAssertion
) -> None:
    text = re.sub(r"[0-9a-f]{64}", "<asset hash>", json.dumps(template(environment), indent=1))
    version = r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}"
    assert re.sub(version, r"\1<hash>", text) == snapshot


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_cfn_lint_finds_nothing(assembly: Path, environment: str) -> None:
    text = (assembly / f"PersonalizeRefresh-{environment}.template.json").read_text()
    # W3005: CDK makes a resource depend on its role's policies, and so on the role a second time
    assert lint(text, config=ManualArgs(ignore_checks=["W3005"])) == []


def test_two_syntheses_give_the_same_bytes(assembly: Path, tmp_path: Path) -> None:
    again = synthesise(tmp_path / "again")

    def differences(compared: filecmp.dircmp[str]) -> Iterator[str]:
        yield from compared.left_only + compared.right_only
        _, different, odd = filecmp.cmpfiles(
            compared.left, compared.right, compared.common_files, shallow=False
        )
        yield from different + odd
        for below in compared.subdirs.values():
            yield from differences(below)

    assert list(differences(filecmp.dircmp(assembly, again, ignore=[]))) == []


def test_the_rule_has_the_pattern_of_the_article_and_a_dead_letter_queue(
    template: Template,
) -> None:
    prod = template("prod")
    (rule,) = (
        rule
        for name, rule in resources(prod, "AWS::Events::Rule").items()
        if name.startswith("TriggersGlueJobSucceeded")
    )
    assert rule["EventPattern"] == {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
        "detail": {"state": ["SUCCEEDED"], "jobName": ["Job-Brandi-Commerce-API"]},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": logical_id(prod, "Dispatch")}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith(
        "TriggersUndeliveredEvents"
    )
    assert "Input" not in target
    assert "InputTransformer" not in target


def test_the_schedule_asks_the_dispatch_to_reconcile_once_a_day(template: Template) -> None:
    prod = template("prod")
    (schedule,) = (
        schedule
        for name, schedule in resources(prod, "AWS::Scheduler::Schedule").items()
        if name.startswith("Triggers")
    )
    assert schedule["ScheduleExpression"] == "rate(1 day)"
    assert schedule["ScheduleExpressionTimezone"] == "Asia/Seoul"
    target = schedule["Target"]
    assert target["Arn"] == {"Ref": logical_id(prod, "Dispatch")}
    assert json.loads(target["Input"]) == {"reconcile": True}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith(
        "TriggersUndeliveredEvents"
    )


def test_without_reconciliation_there_is_no_schedule_and_nothing_reads_glue(
    variants: Path,
) -> None:
    hasty = json.loads((variants / "PersonalizeRefresh-hasty.template.json").read_text())
    assert resources(hasty, "AWS::Scheduler::Schedule") == {}
    assert "glue:" not in json.dumps(policies(hasty))


def logical_id(template: dict[str, Any], start: str) -> str:
    (found,) = (
        n for n in resources(template, "AWS::StepFunctions::StateMachine") if n.startswith(start)
    )
    return found


def test_the_table_of_prod_is_the_table_of_the_article(template: Template) -> None:
    prod = template("prod")
    table = only(prod, "AWS::DynamoDB::Table")
    assert table["TableName"] == "PROD_PERSONALIZE_DATA_PROCESS"
    assert table["KeySchema"] == [
        {"AttributeName": "campaign_name", "KeyType": "HASH"},
        {"AttributeName": "base_date", "KeyType": "RANGE"},
    ]
    assert table["AttributeDefinitions"] == [
        {"AttributeName": "campaign_name", "AttributeType": "S"},
        {"AttributeName": "base_date", "AttributeType": "N"},
    ]
    assert table["ProvisionedThroughput"] == {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    scaled = only(prod, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert scaled["ScalableDimension"] == "dynamodb:table:WriteCapacityUnits"
    assert (scaled["MinCapacity"], scaled["MaxCapacity"]) == (1, 10)


def test_the_environment_says_whether_the_table_outlives_the_stack(template: Template) -> None:
    kept, gone = (template(name)["Resources"] for name in ("prod", "dev"))
    (kept_table,) = (r for r in kept.values() if r["Type"] == "AWS::DynamoDB::Table")
    (gone_table,) = (r for r in gone.values() if r["Type"] == "AWS::DynamoDB::Table")
    assert kept_table["DeletionPolicy"] == "RetainExceptOnCreate"
    assert kept_table["Properties"]["DeletionProtectionEnabled"] is True
    assert gone_table["DeletionPolicy"] == "Delete"
    assert gone_table["Properties"]["DeletionProtectionEnabled"] is False
    assert gone_table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_first_deployment_that_fails_leaves_nothing_behind(template: Template) -> None:
    prod = template("prod")["Resources"]
    kept = {r["DeletionPolicy"] for r in prod.values() if "DeletionPolicy" in r}
    assert "RetainExceptOnCreate" in kept
    assert "Retain" not in kept
    # the table is protected from deletion: what may fail is created before it
    (table,) = (r for r in prod.values() if r["Type"] == "AWS::DynamoDB::Table")
    for kind in (
        "AWS::Logs::LogGroup",
        "AWS::Lambda::Function",
        "AWS::StepFunctions::StateMachine",
    ):
        assert {n for n, r in prod.items() if r["Type"] == kind} <= set(table["DependsOn"])
    assert "TableCD117FA1" not in json.dumps([prod[name] for name in table["DependsOn"]])


def test_every_task_is_a_function_with_its_own_role_and_log(template: Template) -> None:
    functions = resources(template("prod"), "AWS::Lambda::Function").values()
    assert {function["Handler"] for function in functions} == {
        "plan_refresh.lambda_handler",
        "check_campaign.lambda_handler",
        "create_import.lambda_handler",
        "create_solution_version.lambda_handler",
        "update_campaign.lambda_handler",
        "check_data.lambda_handler",
        "choose_modes.lambda_handler",
        "judge_version.lambda_handler",
        "try_campaign.lambda_handler",
        "announce.lambda_handler",
        "announce_failure.lambda_handler",
        "record_end.lambda_handler",
        "check_freshness.lambda_handler",
    }
    for function in functions:
        assert function["Runtime"] == "python3.14"
        assert function["Architectures"] == ["arm64"]
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert len({function["Role"]["Fn::GetAtt"][0] for function in functions}) == 9
    assert len({function["LoggingConfig"]["LogGroup"]["Ref"] for function in functions}) == 9


def test_each_workflow_calls_versions_which_outlive_the_next_deployment(
    template: Template,
) -> None:
    prod = template("prod")
    called = [
        value["Ref"]
        for machine in resources(prod, "AWS::StepFunctions::StateMachine").values()
        for name, value in machine["DefinitionSubstitutions"].items()
        # prod makes nothing and has no recommenders, and no tasks for them
        if name not in {"refresh_workflow", "table_name", "make_missing", "update_recommender"}
    ]
    versions = {n: r for n, r in prod["Resources"].items() if r["Type"] == "AWS::Lambda::Version"}
    assert sorted(called) == sorted(versions)
    published = [version["Properties"]["FunctionName"]["Ref"] for version in versions.values()]
    # what is called by events and schedules has no version: they wait for no deployment
    called_by_events = ("Announce", "Freshness")
    tasks = [
        name
        for name in resources(prod, "AWS::Lambda::Function")
        if not name.startswith(called_by_events)
    ]
    assert sorted(published) == sorted(tasks)
    policies = {(v["DeletionPolicy"], v["UpdateReplacePolicy"]) for v in versions.values()}
    assert policies == {("RetainExceptOnCreate", "Retain")}


def test_the_functions_zip_holds_the_tasks_and_nothing_else(
    template: Template, assembly: Path
) -> None:
    functions = resources(template("prod"), "AWS::Lambda::Function").values()
    keys = {f["Handler"]: f["Code"]["S3Key"] for f in functions}
    plan = assembly / f"asset.{keys.pop('plan_refresh.lambda_handler').removesuffix('.zip')}"
    settings = json.loads((plan / "settings.json").read_text("utf-8"))
    assert settings["refreshes"][0]["glue_job"] == "Job-Brandi-Commerce-API"
    told = {
        assembly / f"asset.{keys.pop(f'{task}.lambda_handler').removesuffix('.zip')}"
        for task in ("announce", "announce_failure", "record_end")
    }
    (announcing,) = told
    settings = json.loads((announcing / "settings.json").read_text("utf-8"))
    assert settings["glue_jobs"] == {"Job-Brandi-Commerce-API": ["weekly"]}
    del keys["check_freshness.lambda_handler"]  # see test_monitoring.py
    (key,) = set(keys.values())
    asset = assembly / f"asset.{key.removesuffix('.zip')}"
    assert {path.name for path in asset.iterdir()} == {
        "executions.py",
        "history.py",
        "personalize.py",
        "queue_item.py",
        "quota_queue.py",
        "plan_types.py",
        "plan_refresh.py",
        "reconcile.py",
        "retry_later.py",
        "triggers.py",
        "check_campaign.py",
        "create_import.py",
        "input_problems.py",
        "create_solution_version.py",
        "update_campaign.py",
        "update_recommender.py",
        "recommender_problems.py",
        "check_freshness.py",
        "metric_line.py",
        "announce.py",
        "campaign_problems.py",
        "check_data.py",
        "choose_modes.py",
        "judge_version.py",
        "try_campaign.py",
        "make_missing.py",
        "what_to_do.py",
        "data_columns.py",
        "data_files.py",
        "data_formats.py",
        "data_lines.py",
        "data_problems.py",
        "data_rows.py",
        "findings.py",
        "past_imports.py",
        "announce_failure.py",
        "announce_types.py",
        "announcing.py",
        "costs.py",
        "messages.py",
        "record_end.py",
        "refresh_metrics.py",
        "row_changes.py",
        "without_row.py",
    }


def test_both_workflows_are_traced_and_logged_and_have_a_timeout(template: Template) -> None:
    prod = template("prod")
    machines = resources(prod, "AWS::StepFunctions::StateMachine").values()
    assert {m["StateMachineName"] for m in machines} == {
        "PersonalizeRefresh-prod-dispatch",
        "PersonalizeRefresh-prod-refresh",
    }
    for machine in machines:
        assert machine["StateMachineType"] == "STANDARD"
        assert machine["TracingConfiguration"] == {"Enabled": True}
        logged = machine["LoggingConfiguration"]
        assert (logged["Level"], logged["IncludeExecutionData"]) == ("ALL", False)
        assert isinstance(json.loads(machine["DefinitionString"])["TimeoutSeconds"], int)
    names = {g.get("LogGroupName") for g in resources(prod, "AWS::Logs::LogGroup").values()}
    assert {
        "/aws/vendedlogs/states/PersonalizeRefresh-prod-dispatch",
        "/aws/vendedlogs/states/PersonalizeRefresh-prod-refresh",
    } <= names
    retentions = {g["RetentionInDays"] for g in resources(prod, "AWS::Logs::LogGroup").values()}
    assert retentions == {365}


def test_only_personalize_of_this_account_may_assume_the_import_role(template: Template) -> None:
    (role,) = (
        properties
        for name, properties in resources(template("prod"), "AWS::IAM::Role").items()
        if name.startswith("ImportRole")
    )
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "personalize.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {"aws:SourceArn": "arn:aws:personalize:ap-northeast-1:111122223333:*"},
    }
    granted = {
        (action, resource)
        for s in statements(template("prod"), "ImportRole")
        for action in listed(s["Action"])
        for resource in listed(s["Resource"])
    }
    assert granted == {
        ("s3:ListBucket", "arn:aws:s3:::brandi-personalize-prod"),
        ("s3:GetObject", "arn:aws:s3:::brandi-personalize-prod/interactions/*"),
    }


ARN = "arn:aws:personalize:ap-northeast-1:111122223333:"
JOBS = f"{ARN}dataset-import-job/brandi-dataset-group-prod-interactions-*"
SOLUTION = [f"{ARN}solution/brandi-hrnn-solution", f"{ARN}solution/brandi-hrnn-solution/*"]
CAMPAIGN = f"{ARN}campaign/brandi-hrnn-campaign-v2"
JOB = "arn:aws:glue:ap-northeast-1:111122223333:job/Job-Brandi-Commerce-API"
EXECUTIONS = (
    "arn:aws:states:ap-northeast-1:111122223333:execution:PersonalizeRefresh-prod-refresh:*"
)


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        (
            "CreateImport",
            "personalize:CreateDatasetImportJob",
            [f"{ARN}dataset/brandi-dataset-group-prod/INTERACTIONS", JOBS],
        ),
        ("CreateImport", "personalize:DescribeDatasetImportJob", [JOBS]),
        ("CreateSolutionVersion", "personalize:CreateSolutionVersion", SOLUTION),
        ("CreateSolutionVersion", "personalize:ListSolutionVersions", ["*"]),
        ("UpdateCampaign", "personalize:UpdateCampaign", [CAMPAIGN]),
        ("UpdateCampaign", "personalize:DescribeSolutionVersion", SOLUTION),
        ("Refresh", "personalize:DescribeDatasetImportJob", [JOBS]),
        ("Refresh", "personalize:DescribeSolutionVersion", SOLUTION),
        ("Refresh", "personalize:StopSolutionVersionCreation", SOLUTION),
        ("Refresh", "personalize:DescribeCampaign", [CAMPAIGN]),
        ("Refresh", "states:DescribeExecution", [EXECUTIONS]),
        ("PlanRefresh", "states:DescribeExecution", [EXECUTIONS]),
        ("PlanRefresh", "glue:GetJobRuns", [JOB]),
    ],
)
def test_a_role_may_call_an_action_on_exactly_these_resources(
    template: Template, role: str, action: str, allowed: list[str]
) -> None:
    found = [
        resource
        for statement in statements(template("prod"), role)
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert found == allowed


def test_no_policy_allows_a_wildcard_of_actions(template: Template) -> None:
    for policy in policies(template("prod")):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert not [action for action in listed(statement["Action"]) if "*" in action]


def test_the_import_role_is_passed_to_personalize_only(template: Template) -> None:
    (passing,) = (
        s for s in statements(template("prod"), "CreateImport") if s["Action"] == "iam:PassRole"
    )
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "personalize.amazonaws.com"}
    }
    assert passing["Resource"]["Fn::GetAtt"][0].startswith("ImportRole")
