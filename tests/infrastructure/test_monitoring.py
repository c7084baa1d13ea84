"""Alarms, dashboard and the hourly check, as the templates have them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from stacks.dashboard import MOST_ALARMS, Shown, dashboard_body
from stacks.freshness import missed_after
from stacks.settings import Environment
from tests.conftest import ROOT
from tests.infrastructure.test_stack import Template, only, resources
from tools.sizes import many

PROD = "PersonalizeRefresh-prod-"
CAMPAIGN = "brandi-hrnn-campaign-v2"
SILENT = {
    f"{workflow}-{end}"
    for workflow in ("refresh", "dispatch")
    for end in ("failed", "aborted", "timed-out")
}
TELLING = {
    "events-undelivered",
    "changes-unannounced",
    "announcements-late",
    "table-reads-throttled",
    "table-writes-throttled",
    "reconciliation-missing",
    "freshness-unchecked",
    f"stale-{CAMPAIGN}",
}
DAY, WEEK = 86_400, 604_800


def changed(environment: Environment, **fields: Any) -> Environment:
    return Environment.model_validate(environment.model_dump() | fields)


def watched(campaigns: int) -> Environment:
    """An environment whose campaigns are all watched."""
    refreshes = many(campaigns).model_dump()["refreshes"]
    for refresh in refreshes:
        for campaign in refresh["campaigns"]:
            campaign["fresh_within_hours"] = 192
    return changed(many(1), refreshes=refreshes)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template of an environment that is not told of staleness, has a chat and is encrypted."""
    environment = changed(
        watched(2),
        notifications={"stale": False, "chat": True},
        reconcile={"schedule": "rate(7 days)"},
        encryption_key="arn:aws:kms:ap-northeast-1:111122223333:key/1-2-3",
    )
    folder = tmp_path_factory.mktemp("quiet")
    assert app.synthesise({"quiet": environment}, folder) == []
    loaded: dict[str, Any] = json.loads(app.template_file(folder, "quiet").read_text("utf-8"))
    return loaded


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every alarm by its name without the stack's."""
    found = resources(template, "AWS::CloudWatch::Alarm").values()
    return {re.sub("^PersonalizeRefresh-[a-z]+-", "", a["AlarmName"]): a for a in found}


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_prod_has_these_alarms_and_no_other(template: Template) -> None:
    assert set(alarms(template("prod"))) == SILENT | TELLING


def test_each_alarm_says_what_to_do_and_where_the_runbook_says_more(
    template: Template, quiet: dict[str, Any]
) -> None:
    known = anchors(ROOT / "docs" / "operations.md")
    for name, alarm in {**alarms(template("prod")), **alarms(quiet)}.items():
        words = alarm["AlarmDescription"]
        assert len(words) <= 1024
        document, anchor = words.rsplit(" More: ", 1)[1].split("#")
        assert document == "docs/operations.md"
        assert anchor in known, name
        assert re.search(r"See |Read |Fix |Raise |List ", words), name


def test_commands_in_descriptions_name_the_environment(template: Template) -> None:
    for name, alarm in alarms(template("prod")).items():
        commands = alarm["AlarmDescription"].count("python -m ops")
        assert alarm["AlarmDescription"].count("--environment prod") == commands, name


def test_an_alarm_sends_what_nothing_else_has_said_and_only_staleness_says_when_it_is_over(
    template: Template,
) -> None:
    prod = template("prod")
    (topic,) = (n for n, r in prod["Resources"].items() if r["Type"] == "AWS::SNS::Topic")
    for name, alarm in alarms(prod).items():
        expected = [{"Ref": topic}] if name in TELLING else None
        assert alarm.get("AlarmActions") == expected, name
        assert alarm.get("OKActions") == (expected if name.startswith("stale-") else None)
        assert "InsufficientDataActions" not in alarm


def test_the_switch_silences_staleness_and_the_chat_gets_the_rest_too(
    quiet: dict[str, Any],
) -> None:
    topics = [{"Ref": name} for name in resources(quiet, "AWS::SNS::Topic")]
    assert len(topics) == 2
    for name, alarm in alarms(quiet).items():
        told = [] if name.startswith("stale-") or name in SILENT else topics
        assert alarm.get("AlarmActions", []) == told, name
        assert "OKActions" not in alarm


def test_only_alarms_of_this_stack_may_publish_besides_its_roles(quiet: dict[str, Any]) -> None:
    policies = list(resources(quiet, "AWS::SNS::TopicPolicy").values())
    assert len(policies) == 2
    for policy in policies:
        (allowing,) = (s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
        assert allowing["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allowing["Action"] == "sns:Publish"
        assert allowing["Condition"] == {
            "ArnLike": {
                "aws:SourceArn": "arn:aws:cloudwatch:ap-northeast-1:111122223333:"
                "alarm:PersonalizeRefresh-quiet-*"
            },
            "StringEquals": {"aws:SourceAccount": "111122223333"},
        }


def test_each_alarm_looks_back_no_further_than_cloudwatch_does(
    template: Template, quiet: dict[str, Any]
) -> None:
    for alarm in [*alarms(template("prod")).values(), *alarms(quiet).values()]:
        longest = WEEK if alarm["Period"] >= 3600 else DAY
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= longest


def test_what_missing_data_means_for_each_alarm(template: Template) -> None:
    missing = {name: a["TreatMissingData"] for name, a in alarms(template("prod")).items()}
    assert {name for name, means in missing.items() if means == "breaching"} == {
        "reconciliation-missing",
        "freshness-unchecked",
    }
    assert missing[f"stale-{CAMPAIGN}"] == "missing"


def test_a_campaign_is_stale_after_the_hours_of_its_setting(template: Template) -> None:
    alarm = alarms(template("prod"))[f"stale-{CAMPAIGN}"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        "PersonalizeRefresh",
        "HoursSinceLastComplete",
    )
    assert alarm["Dimensions"] == [
        {"Name": "Environment", "Value": "prod"},
        {"Name": "Campaign", "Value": CAMPAIGN},
    ]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 192)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 1)
    assert CAMPAIGN in alarm["AlarmDescription"]
    assert "192 hours" in alarm["AlarmDescription"]


def test_an_hourly_schedule_tells_the_check_its_time_under_a_role_that_may_do_nothing_else(
    template: Template,
) -> None:
    prod = template("prod")
    (schedule,) = (
        s
        for name, s in resources(prod, "AWS::Scheduler::Schedule").items()
        if name.startswith("Heartbeats")
    )
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert json.loads(schedule["Target"]["Input"]) == {"now": "<aws.scheduler.scheduled-time>"}
    role = schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]
    (policy,) = (
        p for p in resources(prod, "AWS::IAM::Policy").values() if p["Roles"] == [{"Ref": role}]
    )
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Resource"] == schedule["Target"]["Arn"]


def test_the_check_is_told_of_the_watched_campaigns_only(
    template: Template, assembly: Path
) -> None:
    (check,) = (
        function
        for name, function in resources(template("prod"), "AWS::Lambda::Function").items()
        if name.startswith("Freshness")
    )
    code = assembly / f"asset.{check['Code']['S3Key'].removesuffix('.zip')}"
    assert json.loads((code / "settings.json").read_text("utf-8")) == {
        "environment": "prod",
        "campaigns": [
            {
                "campaign_name": CAMPAIGN,
                "campaign_arn": "arn:aws:personalize:ap-northeast-1:111122223333:campaign/"
                + CAMPAIGN,
            }
        ],
    }


def test_without_a_watched_campaign_nothing_is_checked_or_paid_for(template: Template) -> None:
    dev = template("dev")
    assert not [name for name in dev["Resources"] if name.startswith("Freshness")]
    assert len(resources(dev, "AWS::Scheduler::Schedule")) == 1
    assert set(alarms(dev)) == SILENT | TELLING - {"freshness-unchecked", f"stale-{CAMPAIGN}"}


def test_an_alarm_for_a_schedule_is_made_after_it_or_it_would_be_red_at_once(
    template: Template,
) -> None:
    prod = template("prod")["Resources"]
    schedules = {n for n, r in prod.items() if r["Type"] == "AWS::Scheduler::Schedule"}
    (unchecked,) = (r for n, r in prod.items() if n.startswith("Heartbeatsfreshness"))
    assert schedules <= set(unchecked["DependsOn"])
    (missing,) = (r for n, r in prod.items() if n.startswith("Heartbeatsreconciliation"))
    assert {n for n in schedules if n.startswith("Triggers")} <= set(missing["DependsOn"])


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        ("rate(15 minutes)", 3),
        ("rate(1 hour)", 3),
        ("rate(1 day)", 49),
        ("rate(6 days)", 168),
        ("cron(0 12 * * ? *)", 49),
        ("rate(7 days)", 0),  # CloudWatch looks back no further than a week
        ("cron(0 12 ? * MON *)", 0),
        ("cron(0 12 1 * ? *)", 0),
    ],
)
def test_a_schedule_counts_as_stopped_after_two_runs_if_cloudwatch_can_see_that(
    schedule: str, hours: int
) -> None:
    assert missed_after(changed(many(1), reconcile={"schedule": schedule})) == hours


def test_without_reconciliation_nothing_waits_for_it(quiet: dict[str, Any]) -> None:
    assert missed_after(changed(many(1), reconcile="never")) == 0
    assert "reconciliation-missing" not in alarms(quiet)  # once in seven days


def joined(value: Any) -> str:
    """The text of a property, with each reference by its logical ID."""
    if isinstance(value, str):
        return value
    parts = value["Fn::Join"][1]
    return "".join(
        part if isinstance(part, str) else (part.get("Ref") or part["Fn::GetAtt"][0])
        for part in parts
    )


def test_the_dashboard_shows_every_alarm_and_only_metrics_that_there_are(
    template: Template,
) -> None:
    prod = template("prod")
    dashboard = only(prod, "AWS::CloudWatch::Dashboard")
    assert dashboard["DashboardName"] == "PersonalizeRefresh-prod"
    body = json.loads(joined(dashboard["DashboardBody"]))
    shown = [arn for w in body["widgets"] for arn in w["properties"].get("alarms", [])]
    made = resources(prod, "AWS::CloudWatch::Alarm")
    by_arn = {
        f"arn:aws:cloudwatch:ap-northeast-1:111122223333:alarm:{alarm['AlarmName']}": name
        for name, alarm in made.items()
    }
    assert sorted(by_arn.get(arn, arn) for arn in shown) == sorted(made)
    functions = resources(prod, "AWS::Lambda::Function")
    (errors,) = (w for w in body["widgets"] if "Errors" in w["properties"].get("title", ""))
    assert {metric[3] for metric in errors["properties"]["metrics"]} == set(functions)


def test_the_metrics_that_the_dashboard_searches_are_those_that_tasks_print() -> None:
    printed = " ".join(path.read_text("utf-8") for path in (ROOT / "lambdas").glob("*.py"))
    for widget in dashboard_body(shown(1))["widgets"]:
        for search in searches(widget):
            names = re.findall(r'"([A-Z]\w+)"', search)
            assert [name for name in names if f'"{name}"' not in printed] == []


def shown(count: int) -> Shown:
    return Shown(
        environment="e" * 31,
        region="ap-northeast-1",
        table="t" * 255,
        workflows={"refresh": "r" * 150, "dispatch": "d" * 150},
        queues={"undelivered": "q" * 80, "unannounced": "q" * 80},
        functions={f"Function{n}": "f" * 64 for n in range(9)},
        alarms=["a" * 160] * (count + 13),
    )


def searches(widget: dict[str, Any]) -> Iterator[str]:
    for metric in widget["properties"].get("metrics", []):
        if isinstance(metric[0], dict):
            yield metric[0]["expression"]


def test_the_dashboard_of_375_campaigns_is_within_cloudwatchs_limits() -> None:
    widgets = dashboard_body(shown(375))["widgets"]
    assert len(widgets) <= 500
    assert sum(len(widget["properties"].get("metrics", [])) for widget in widgets) <= 2_500
    for widget in widgets:
        assert len(widget["properties"].get("alarms", [])) <= MOST_ALARMS
        assert len(widget["properties"].get("metrics", [])) <= 500
        assert widget["x"] + widget["width"] <= 24
        for search in searches(widget):
            assert len(search) <= 1_024
    taken = [
        (x, y)
        for widget in widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(taken) == len(set(taken)), "two widgets overlap"


def test_as_many_watched_campaigns_as_an_environment_may_have_fit_a_template(
    tmp_path: Path,
) -> None:
    assert app.synthesise({"watched": watched(375)}, tmp_path) == []
    text = app.template_file(tmp_path, "watched").read_text("utf-8")
    assert len(alarms(json.loads(text))) == len(SILENT | TELLING) - 1 + 375
