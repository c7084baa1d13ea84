"""Roles are evaluated as deployed: their policies, their trust, the resources of a call."""

from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from embedded_aws.clients import client
from embedded_aws.cloud import Cloud
from embedded_aws.services import iam
from embedded_aws.services.iam.actions import _RULES
from embedded_aws.services.personalize.models import PersonalizeBackend
from embedded_aws.validation import service_model
from tests.embedded_aws.small_stack import (
    ACCOUNT,
    BUCKET,
    PERSONALIZE,
    REGION,
    allow,
    arn,
    deny,
    deployed,
    physical_id,
    role,
    state_machine,
)


def as_role(cloud: Cloud, service: str, logical_id: str = "Role") -> Any:
    """A client that calls with a deployed role, as state machines do."""
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/{physical_id(cloud, logical_id)}"
    credentials = iam.assume_role_as_service(
        role_arn,
        service="states.amazonaws.com",
        source_arn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:x",
        region=REGION,
    )
    return client(service, REGION, credentials)


def deploy_role(cloud: Cloud, folder: Path, *statements: Any, **resources: Any) -> None:
    deployed(cloud, folder, {"Role": role("states.amazonaws.com", *statements), **resources})


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("dynamodb", "get_item", {"TableName": "t", "Key": {}}, ("AccessDeniedException", 400)),
        ("sqs", "send_message", {"QueueUrl": "q", "MessageBody": "b"}, ("AccessDenied", 403)),
        ("s3", "get_object", {"Bucket": "shop", "Key": "k"}, ("AccessDenied", 403)),
        (
            "sns",
            "publish",
            {"TopicArn": "arn:aws:sns:r:1:t", "Message": "m"},
            ("AuthorizationError", 403),
        ),
        ("lambda", "invoke", {"FunctionName": "f"}, ("AccessDeniedException", 403)),
        ("personalize", "list_solution_versions", {}, ("AccessDeniedException", 400)),
        ("personalize", "list_dataset_groups", {}, ("AccessDeniedException", 400)),
        ("glue", "get_jobs", {}, ("AccessDeniedException", 400)),
    ],
)
def test_a_denied_call_gets_the_error_of_its_service(
    cloud: Cloud,
    tmp_path: Path,
    *,
    service: str,
    operation: str,
    params: dict[str, Any],
    expected: tuple[str, int],
) -> None:
    deploy_role(cloud, tmp_path)
    api = as_role(cloud, service)
    with pytest.raises(api.exceptions.ClientError) as refused:
        getattr(api, operation)(**params)
    response: dict[str, Any] = dict(refused.value.response)
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == expected
    assert "is not authorized to perform: " in response["Error"]["Message"]


def test_every_decision_is_recorded(cloud: Cloud, tmp_path: Path) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    deploy_role(cloud, tmp_path, allow("sqs:SendMessage", arn("Queue")), Queue=queue)
    url = physical_id(cloud, "Queue")
    cloud.calls.clear()
    sqs = as_role(cloud, "sqs")
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    with pytest.raises(sqs.exceptions.ClientError):
        sqs.receive_message(QueueUrl=url)
    name = physical_id(cloud, "Role")
    assert [(c.caller, c.action, c.allowed) for c in cloud.calls] == [
        ("states.amazonaws.com", "sts:AssumeRole", True),
        (name, "sqs:SendMessage", True),
        (name, "sqs:ReceiveMessage", False),
    ]
    assert cloud.calls[1].resource == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[1]}"


def test_a_bucket_policy_may_allow_and_may_deny(cloud: Cloud, tmp_path: Path) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop"}}
    principal = {"AWS": arn("Role")}
    statements = [
        {**allow("s3:GetObject", f"{BUCKET}/open/*"), "Principal": principal},
        {**deny("s3:GetObject", f"{BUCKET}/open/secret"), "Principal": "*"},
    ]
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": statements}},
    }
    deploy_role(cloud, tmp_path, Bucket=bucket, Policy=policy)
    s3 = as_role(cloud, "s3")
    for key in ("open/a", "open/secret", "closed"):
        cloud.client("s3").put_object(Bucket="shop", Key=key, Body=b"text")
    assert s3.get_object(Bucket="shop", Key="open/a")["Body"].read() == b"text"
    for key in ("open/secret", "closed"):
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            s3.get_object(Bucket="shop", Key=key)


def test_a_call_that_cannot_be_evaluated_is_refused_with_an_explanation(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_role(cloud, tmp_path, allow("*", "*"))
    sqs = as_role(cloud, "sqs")
    with pytest.raises(
        sqs.exceptions.ClientError, match="the permissions that this call needs are not known"
    ):
        sqs.list_queues()


def test_policies_that_a_redeployment_changes_apply_at_once(cloud: Cloud, tmp_path: Path) -> None:
    deploy_role(cloud, tmp_path, allow("personalize:ListSolutionVersions", "*"))
    personalize = as_role(cloud, "personalize")
    personalize.list_solution_versions()
    deploy_role(cloud, tmp_path, allow("personalize:ListCampaigns", "*"))
    with pytest.raises(personalize.exceptions.ClientError, match="AccessDenied"):
        personalize.list_solution_versions()


def test_a_role_may_put_events_only_if_its_policy_says_so(cloud: Cloud, tmp_path: Path) -> None:
    view = {"eventType": "view", "sentAt": 1_600_000_000, "itemId": "i1"}
    request = {"trackingId": "none", "sessionId": "s", "userId": "u1", "eventList": [view]}
    for action, code in (
        ("personalize:PutEvents", "InvalidInputException"),  # there is no such tracker
        ("personalize:PutItems", "AccessDeniedException"),
    ):
        deploy_role(cloud, tmp_path, allow(action, "*"))
        with pytest.raises(ClientError, match=code):
            as_role(cloud, "personalize-events").put_events(**request)


@pytest.mark.parametrize("policies", [["AmazonSQSFullAccess"], []])
def test_aws_managed_policies_are_evaluated(
    cloud: Cloud, tmp_path: Path, policies: list[str]
) -> None:
    managed = role("states.amazonaws.com")
    managed["Properties"]["ManagedPolicyArns"] = [f"arn:aws:iam::aws:policy/{p}" for p in policies]
    deployed(cloud, tmp_path, {"Role": managed})
    queue = cloud.client("sqs").create_queue(QueueName="shop")["QueueUrl"]
    sqs = as_role(cloud, "sqs")
    if policies:
        sqs.send_message(QueueUrl=queue, MessageBody="hello")
    else:
        with pytest.raises(sqs.exceptions.ClientError, match="AccessDenied"):
            sqs.send_message(QueueUrl=queue, MessageBody="hello")


def test_a_permissions_boundary_limits_what_policies_allow(cloud: Cloud, tmp_path: Path) -> None:
    boundary = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": "boundary",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [allow("personalize:ListCampaigns", "*")],
            },
        },
    }
    bounded = role("states.amazonaws.com", allow("personalize:List*", "*"))
    bounded["Properties"]["PermissionsBoundary"] = {"Ref": "Boundary"}
    deployed(cloud, tmp_path, {"Boundary": boundary, "Role": bounded})
    personalize = as_role(cloud, "personalize")
    personalize.list_campaigns()
    with pytest.raises(personalize.exceptions.ClientError, match="AccessDenied"):
        personalize.list_solution_versions()


def test_a_policy_of_aws_may_be_a_permissions_boundary(cloud: Cloud, tmp_path: Path) -> None:
    bounded = role("states.amazonaws.com", allow("personalize:List*", "*"))
    bounded["Properties"]["PermissionsBoundary"] = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    deployed(cloud, tmp_path, {"Role": bounded})
    personalize = as_role(cloud, "personalize")
    with pytest.raises(personalize.exceptions.ClientError, match="AccessDenied"):
        personalize.list_campaigns()


@pytest.mark.parametrize(
    ("service", "source", "is_allowed"),
    [
        ("personalize.amazonaws.com", f"{PERSONALIZE}:dataset-import-job/x", True),
        ("states.amazonaws.com", f"{PERSONALIZE}:dataset-import-job/x", False),
        (
            "personalize.amazonaws.com",
            f"arn:aws:personalize:{REGION}:999999999999:dataset/x",
            False,
        ),
        ("personalize.amazonaws.com", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:x", False),
    ],
)
def test_a_service_gets_a_role_only_through_its_trust_policy(
    cloud: Cloud, tmp_path: Path, service: str, source: str, *, is_allowed: bool
) -> None:
    importer = role("personalize.amazonaws.com")
    importer["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"{PERSONALIZE}:*"},
    }
    deployed(cloud, tmp_path, {"Role": importer})
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/{physical_id(cloud, 'Role')}"

    def assume() -> object:
        return iam.assume_role_as_service(
            role_arn, service=service, source_arn=source, region=REGION
        )

    if is_allowed:
        assert assume()
    else:
        with pytest.raises(iam.TrustRefused, match=service):
            assume()


def test_nobody_can_assume_a_role_that_does_not_exist(cloud: Cloud) -> None:
    assert cloud.calls == []
    with pytest.raises(iam.TrustRefused, match="the role does not exist"):
        iam.assume_role_as_service(
            f"arn:aws:iam::{ACCOUNT}:role/gone",
            service="states.amazonaws.com",
            source_arn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:x",
            region=REGION,
        )


def test_a_role_may_see_only_the_alarms_that_its_policy_names(cloud: Cloud, tmp_path: Path) -> None:
    alarms = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm"
    deploy_role(cloud, tmp_path, allow("cloudwatch:DescribeAlarms", f"{alarms}:shop-*"))
    cloudwatch = as_role(cloud, "cloudwatch")
    assert cloudwatch.describe_alarms(AlarmNames=["shop-errors"])["MetricAlarms"] == []
    for request in ({"AlarmNames": ["shop-errors", "other"]}, {}):
        with pytest.raises(cloudwatch.exceptions.ClientError) as refused:
            cloudwatch.describe_alarms(**request)
        response: dict[str, Any] = dict(refused.value.response)
        assert response["Error"]["Code"] == "AccessDenied"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
        name = request.get("AlarmNames", ["*"])[-1]
        assert (
            f"cloudwatch:DescribeAlarms on resource: {alarms}:{name} "
            in (response["Error"]["Message"])
        )


def outcome(call: Any, params: dict[str, Any]) -> str:
    """The code of the error that a call ends with; empty if there is none."""
    try:
        call(**params)
    except ClientError as refused:
        return refused.response["Error"]["Code"]
    return ""


@pytest.mark.parametrize(
    ("service", "operation", "params", "resource"),
    [
        ("personalize", "create_dataset_group", {"name": "shop"}, "dataset-group/shop"),
        ("personalize", "create_schema", {"name": "shop", "schema": "{}"}, "schema/shop"),
        (
            "personalize",
            "create_dataset",
            {
                "name": "any",
                "schemaArn": f"{PERSONALIZE}:schema/shop",
                "datasetGroupArn": f"{PERSONALIZE}:dataset-group/shop",
                "datasetType": "Interactions",
            },
            "dataset/shop/INTERACTIONS",
        ),
        (
            "personalize",
            "create_campaign",
            {"name": "shop", "solutionVersionArn": f"{PERSONALIZE}:solution/shop/1234abcd"},
            "campaign/shop",
        ),
        (
            "personalize-runtime",
            "get_recommendations",
            {"campaignArn": f"{PERSONALIZE}:campaign/shop", "userId": "u1"},
            "campaign/shop",
        ),
        (
            "personalize-runtime",
            "get_recommendations",
            {"recommenderArn": f"{PERSONALIZE}:recommender/shop", "userId": "u1"},
            "recommender/shop",
        ),
    ],
)
def test_a_call_of_personalize_is_judged_on_the_resource_that_it_makes_or_reads(
    cloud: Cloud,
    tmp_path: Path,
    *,
    service: str,
    operation: str,
    params: dict[str, Any],
    resource: str,
) -> None:
    action = f"personalize:{''.join(word.title() for word in operation.split('_'))}"
    deploy_role(cloud, tmp_path, allow(action, f"{PERSONALIZE}:{resource}"))
    call = getattr(as_role(cloud, service), operation)
    assert outcome(call, params) != "AccessDeniedException"
    deploy_role(cloud, tmp_path, allow(action, f"{PERSONALIZE}:{resource}-of-others"))
    with pytest.raises(ClientError, match=f"{action} on resource: {PERSONALIZE}:{resource} "):
        call(**params)


def test_whatever_is_given_at_its_creation_must_be_allowed_too(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_role(cloud, tmp_path, allow("personalize:CreateDatasetGroup", "*"))
    create = as_role(cloud, "personalize").create_dataset_group
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    reader = f"arn:aws:iam::{ACCOUNT}:role/reader"
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: {reader} "):
        create(name="shop", roleArn=reader, kmsKeyArn=key)
    with pytest.raises(ClientError, match="personalize:TagResource"):
        create(name="shop", tags=[{"tagKey": "team", "tagValue": "shop"}])


def test_a_session_of_a_deleted_role_may_do_nothing(cloud: Cloud, tmp_path: Path) -> None:
    deploy_role(cloud, tmp_path, allow("personalize:CreateDatasetGroup", "*"))
    create = as_role(cloud, "personalize").create_dataset_group
    iam = cloud.client("iam")
    name = physical_id(cloud, "Role")
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    with pytest.raises(ClientError, match="personalize:CreateDatasetGroup"):
        create(name="shop")


def test_every_operation_of_personalize_can_be_judged() -> None:
    emulated = {
        f"personalize:{name}"
        for service in ("personalize", "personalize-runtime", "personalize-events")
        for name in service_model(service).operation_names
        if hasattr(PersonalizeBackend, xform_name(name))
    }
    assert emulated - set(_RULES) == set()


def test_a_state_machine_reads_alarms_and_recommendations_under_its_role(
    cloud: Cloud, tmp_path: Path
) -> None:
    campaign = f"{PERSONALIZE}:campaign/shop"
    read = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:cloudwatch:describeAlarms",
        "Arguments": {"AlarmNames": ["shop-errors"]},
        "Assign": {"alarms": "{% $states.result.MetricAlarms %}"},
        "Next": "Recommend",
    }
    recommend = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:personalizeruntime:getRecommendations",
        "Arguments": {"CampaignArn": campaign, "UserId": "u1"},
        "Catch": [
            {
                "ErrorEquals": ["PersonalizeRuntime.ResourceNotFoundException"],
                "Output": "{% $alarms %}",
                "Next": "Done",
            }
        ],
        "End": True,
    }
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Read",
        "States": {"Read": read, "Recommend": recommend, "Done": {"Type": "Succeed"}},
    }
    statements = [
        allow("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"),
        allow("personalize:GetRecommendations", campaign),
    ]
    machine = state_machine(definition, "Role")
    deploy_role(cloud, tmp_path, *statements, Machine=machine)
    states = cloud.client("stepfunctions")
    run = states.start_execution(stateMachineArn=physical_id(cloud, "Machine"))["executionArn"]
    assert cloud.clock.wait_until_idle(30)
    ended = states.describe_execution(executionArn=run)
    assert (ended["status"], ended.get("output")) == ("SUCCEEDED", "[]")
