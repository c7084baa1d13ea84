"""CloudWatch: what becomes a metric, when an alarm changes, and whom it tells."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import (
    allow,
    arn,
    deployed,
    function,
    physical_id,
    role,
    state_machine,
)

MAY_LOG = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*")
MINUTE, HOUR = 60, 3600


def alarm(cloud: Cloud, **settings: Any) -> str:
    """Make an alarm on Shop/Age that tells a topic with a mail subscriber of each change."""
    sns = cloud.client("sns")
    topic: str = sns.create_topic(Name="told")["TopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    sns.set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="shop@example.com")
    given = {
        "AlarmName": "age",
        "AlarmDescription": "Too old: do something.",
        "Namespace": "Shop",
        "MetricName": "Age",
        "Dimensions": [{"Name": "Campaign", "Value": "a"}],
        "Statistic": "Maximum",
        "Period": HOUR,
        "EvaluationPeriods": 1,
        "Threshold": 24.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [topic],
        "OKActions": [topic],
        **settings,
    }
    cloud.client("cloudwatch").put_metric_alarm(**given)
    return topic


def put(cloud: Cloud, value: float, campaign: str = "a") -> None:
    dimensions = [{"Name": "Campaign", "Value": campaign}]
    cloud.client("cloudwatch").put_metric_data(
        Namespace="Shop",
        MetricData=[{"MetricName": "Age", "Value": value, "Dimensions": dimensions}],
    )


def state(cloud: Cloud) -> str:
    assert cloud.clock.wait_until_idle(30)
    (found,) = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return str(found["StateValue"])


def later(cloud: Cloud, seconds: float) -> None:
    with cloud.clock.running():
        cloud.clock.sleep(seconds)


def test_an_alarm_follows_the_values_of_its_metric_and_tells_of_each_change(cloud: Cloud) -> None:
    topic = alarm(cloud)
    assert state(cloud) == "INSUFFICIENT_DATA"
    put(cloud, 30, campaign="b")
    assert state(cloud) == "INSUFFICIENT_DATA"
    put(cloud, 20)
    assert state(cloud) == "OK"
    later(cloud, HOUR)
    put(cloud, 25)
    assert state(cloud) == "ALARM"
    ok, bad = cloud.mailbox
    assert ok.subject == 'OK: "age" in Asia Pacific (Tokyo)'
    assert (bad.subject, bad.topic) == ('ALARM: "age" in Asia Pacific (Tokyo)', topic)
    told = json.loads(bad.body)
    assert told["AlarmDescription"] == "Too old: do something."
    assert told["OldStateValue"] == "OK"
    assert told["StateChangeTime"] == "2020-09-28T01:30:00.000+0000"
    assert told["Trigger"]["Dimensions"] == [{"name": "Campaign", "value": "a"}]
    assert "[25.0]" in told["NewStateReason"]


@pytest.mark.parametrize(
    ("missing", "after"),
    [
        ("missing", "INSUFFICIENT_DATA"),
        ("notBreaching", "OK"),
        ("breaching", "ALARM"),
        ("ignore", "ALARM"),
    ],
)
def test_missing_data_is_treated_as_the_alarm_says(cloud: Cloud, missing: str, after: str) -> None:
    alarm(cloud, TreatMissingData=missing)
    put(cloud, 30)
    assert state(cloud) == "ALARM"
    later(cloud, 3 * HOUR - 1)  # the period, and two more
    assert state(cloud) == "ALARM"
    later(cloud, 1)
    assert state(cloud) == after


def test_a_heartbeat_that_stops_is_noticed_after_its_periods(cloud: Cloud) -> None:
    heartbeat = {
        "Statistic": "Sum",
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
        "EvaluationPeriods": 3,
    }
    alarm(cloud, **heartbeat)
    for _ in range(5):
        put(cloud, 1)
        assert state(cloud) == "OK"
        later(cloud, HOUR)
    later(cloud, 4 * HOUR - 1)
    assert state(cloud) == "OK"
    later(cloud, 1)
    assert state(cloud) == "ALARM"
    assert cloud.mailbox[-1].time == cloud.clock.time()


def test_some_of_the_last_periods_may_be_enough(cloud: Cloud) -> None:
    alarm(cloud, EvaluationPeriods=3, DatapointsToAlarm=2)
    for value, expected in ((30, "ALARM"), (10, "OK"), (30, "ALARM"), (10, "OK"), (10, "OK")):
        put(cloud, value)
        assert state(cloud) == expected, value
        later(cloud, HOUR)


def test_an_idle_clock_is_not_kept_busy_by_alarms(cloud: Cloud) -> None:
    alarm(cloud, TreatMissingData="breaching")
    put(cloud, 20)
    now = cloud.clock.time()
    assert cloud.clock.wait_until_idle(5)
    assert cloud.clock.time() == now


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"Period": 90}, "Period must be"),
        ({"Period": 300, "EvaluationPeriods": 289}, "more than EvaluationPeriods"),
        ({"Period": HOUR, "EvaluationPeriods": 169}, "more than EvaluationPeriods"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm"),
    ],
)
def test_what_cloudwatch_refuses_is_refused(
    cloud: Cloud, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason):
        alarm(cloud, **settings)
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_a_state_set_by_hand_acts(cloud: Cloud) -> None:
    alarm(cloud)
    cloud.client("cloudwatch").set_alarm_state(
        AlarmName="age", StateValue="ALARM", StateReason="a drill"
    )
    (mail,) = cloud.mailbox
    assert json.loads(mail.body)["NewStateReason"] == "a drill"


EMBEDDED = """
import json
def handler(event, context):
    print("plain")
    print(json.dumps(event["line"]))
    if event.get("fails"):
        raise ValueError("on purpose")
"""
LINE = {
    "_aws": {
        "Timestamp": 1,
        "CloudWatchMetrics": [
            {
                "Namespace": "Shop",
                "Dimensions": [["Campaign"], []],
                "Metrics": [{"Name": "Age", "Unit": "Seconds"}, {"Name": "Absent"}],
            }
        ],
    },
    "Campaign": "a",
    "Age": [1, 3],
    "Other": 5,
}


def statistics(
    cloud: Cloud, namespace: str, name: str, **dimensions: str
) -> list[tuple[datetime, float]]:
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=datetime(2020, 9, 1, tzinfo=UTC),
        EndTime=datetime(2020, 10, 30, tzinfo=UTC),
        Period=60,
        Statistics=["Sum"],
    )
    return [(point["Timestamp"], point["Sum"]) for point in found["Datapoints"]]


def invoke(cloud: Cloud, folder: Path, line: Any, *, fails: bool = False) -> str:
    deployed(
        cloud,
        folder,
        {
            "Role": role("lambda.amazonaws.com", MAY_LOG),
            "Task": function(EMBEDDED, "Role", LoggingConfig={"LogFormat": "JSON"}),
        },
    )
    name = physical_id(cloud, "Task")
    payload = json.dumps({"line": line, "fails": fails})
    cloud.client("lambda").invoke(FunctionName=name, Payload=payload)
    return name


def test_metrics_embedded_in_a_log_have_the_virtual_time(cloud: Cloud, tmp_path: Path) -> None:
    name = invoke(cloud, tmp_path, LINE, fails=True)
    at = datetime(2020, 9, 28, 0, 30, tzinfo=UTC)
    assert statistics(cloud, "Shop", "Age", Campaign="a") == [(at, 4.0)]
    assert statistics(cloud, "Shop", "Other") == []
    assert statistics(cloud, "AWS/Lambda", "Invocations", FunctionName=name) == [(at, 1.0)]
    assert statistics(cloud, "AWS/Lambda", "Errors", FunctionName=name) == [(at, 1.0)]


@pytest.mark.parametrize(
    "line",
    [
        {"_aws": {}},
        {**LINE, "Campaign": 5},
        {**LINE, "Age": "three"},
        {**LINE, "_aws": {"CloudWatchMetrics": 3}},
        {**LINE, "_aws": None},
    ],
)
def test_a_wrong_line_stays_a_line_of_the_log(cloud: Cloud, tmp_path: Path, line: Any) -> None:
    invoke(cloud, tmp_path, line)
    assert statistics(cloud, "Shop", "Age") == []


def test_executions_and_queues_are_measured_and_a_template_makes_alarms(
    cloud: Cloud, tmp_path: Path
) -> None:
    def watched(namespace: str, metric: str, dimension: str, value: Any) -> dict[str, Any]:
        properties = {
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": dimension, "Value": value}],
            "Statistic": "Maximum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        }
        return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}

    definition = {"StartAt": "Only", "States": {"Only": {"Type": "Fail"}}}
    outputs = deployed(
        cloud,
        tmp_path,
        {
            "Runner": role("states.amazonaws.com"),
            "Machine": state_machine(definition, "Runner"),
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "Failed": watched(
                "AWS/States", "ExecutionsFailed", "StateMachineArn", {"Ref": "Machine"}
            ),
            "Letters": watched(
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                "QueueName",
                {"Fn::GetAtt": ["Queue", "QueueName"]},
            ),
            "Board": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {"DashboardName": "shop", "DashboardBody": '{"widgets": []}'},
            },
        },
        {"Alarm": {"Value": arn("Failed")}},
    )
    assert outputs["Alarm"].startswith("arn:aws:cloudwatch:ap-northeast-1:111122223333:alarm:")

    def states() -> list[str]:
        assert cloud.clock.wait_until_idle(30)
        found = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
        by_name = {each["AlarmName"]: str(each["StateValue"]) for each in found}
        return [by_name[physical_id(cloud, name)] for name in ("Failed", "Letters")]

    assert states() == ["OK", "OK"]
    cloud.client("stepfunctions").start_execution(stateMachineArn=physical_id(cloud, "Machine"))
    assert states() == ["ALARM", "OK"]
    url = physical_id(cloud, "Queue")
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    later(cloud, HOUR)
    assert states() == ["OK", "ALARM"]
    cloud.client("sqs").purge_queue(QueueUrl=url)
    later(cloud, 900)
    assert states() == ["OK", "OK"]
