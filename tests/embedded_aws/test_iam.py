"""Roles are judged by what was deployed for them: policies, trust, a call's resources."""

from pathlib import Path
from typing import Any

import pytest

from embedded_aws.clients import client
from embedded_aws.cloud import Cloud
from embedded_aws.services import iam
from embedded_aws.services.iam.actions import Permission, Place, UnknownActionError, needed
from embedded_aws.services.iam.policy import Principal, UnsupportedPolicyError, is_allowed
from tests.embedded_aws.small_stack import allow, arn, deployed, physical_id, role

REGION, ACCOUNT = "ap-northeast-1", "111122223333"
PERSONALIZE = f"arn:aws:personalize:{REGION}:{ACCOUNT}"
BUCKET = "arn:aws:s3:::shop"


def judge(
    *statements: Any,
    action: str = "s3:GetObject",
    resource: str = f"{BUCKET}/a.csv",
    context: dict[str, Any] | None = None,
) -> bool | None:
    return is_allowed([{"Statement": list(statements)}], action, resource, context or {})


def deny(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([], None),
        ([allow("s3:GetObject", f"{BUCKET}/a.csv")], True),
        ([allow("s3:getobject", f"{BUCKET}/*")], True),
        ([allow("s3:Get*", "*")], True),
        ([allow(["s3:PutObject", "s3:Get?bject"], [f"{BUCKET}/b.csv", f"{BUCKET}/?.csv"])], True),
        ([allow("s3:PutObject", "*")], None),
        ([allow("s3:GetObject", BUCKET)], None),
        ([allow("s3:GetObject", f"{BUCKET}/A.csv")], None),
        ([allow("*", "*"), deny("s3:GetObject", f"{BUCKET}/a*")], False),
        ([{"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}], None),
        ([{"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{BUCKET}/*"}], None),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{BUCKET}/b*"}], True),
    ],
)
def test_statements_apply_by_action_and_resource(
    statements: list[Any], verdict: bool | None
) -> None:
    assert judge(*statements) is verdict


def test_a_wildcard_stays_within_its_part_of_the_arn() -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop"
    assert judge(allow("*", f"arn:aws:sqs:*:{ACCOUNT}:*"), resource=queue)
    assert not judge(allow("*", "arn:aws:*:shop"), resource=queue)


@pytest.mark.parametrize(
    ("condition", "context", "met"),
    [
        ({"StringEquals": {"aws:SourceAccount": ["1", "2"]}}, {"aws:sourceaccount": "2"}, True),
        ({"StringEquals": {"aws:SourceAccount": "1"}}, {}, False),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "1"}}, {}, True),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3:prefix": "b"}, False),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3:prefix": "c"}, True),
        ({"StringLike": {"s3:prefix": "data/*"}}, {"s3:prefix": "data/x"}, True),
        ({"StringLike": {"s3:prefix": "data/*"}}, {"s3:prefix": "other"}, False),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:x:*:1:*"}},
            {"aws:sourcearn": "arn:aws:x:r:1:y"},
            True,
        ),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:*:y"}},
            {"aws:sourcearn": "arn:aws:x:r:1:y"},
            False,
        ),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:securetransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:securetransport": "true"}, True),
        ({"Null": {"s3:prefix": True}}, {}, True),
        ({"Null": {"s3:prefix": "true"}}, {"s3:prefix": "a"}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": 10}}, {"s3:max-keys": "10"}, True),
        ({"NumericLessThan": {"s3:max-keys": 10}}, {"s3:max-keys": "10"}, False),
        ({"DateLessThan": {"t": "2020-09-29T00:00:00Z"}}, {"t": "2020-09-28T00:30:00+00:00"}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:tagkeys": ["a"]}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:tagkeys": ["a", "c"]}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}, {"aws:tagkeys": ["c", "a"]}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}, {}, False),
        ({"StringEquals": {"a": "1"}, "StringLike": {"b": "2"}}, {"a": "1", "b": "3"}, False),
    ],
)
def test_conditions_compare_as_aws_says(
    condition: dict[str, Any], context: dict[str, Any], *, met: bool
) -> None:
    assert bool(judge(allow("*", "*", Condition=condition), context=context)) is met


@pytest.mark.parametrize(
    "statement",
    [
        allow("*", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        allow("*", "arn:aws:s3:::${aws:PrincipalTag/team}/*"),
        allow("*", "*", Principal="*"),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_not_a_pass(statement: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedPolicyError):
        judge(statement)


def test_a_resource_s_policy_speaks_of_its_principals_only() -> None:
    statement = allow("sqs:SendMessage", "*", Principal={"Service": "events.amazonaws.com"})

    def allowed(kind: str, name: str) -> bool | None:
        documents = [{"Statement": [statement]}]
        return is_allowed(documents, "sqs:SendMessage", "q", {}, Principal(kind, name))

    assert allowed("Service", "events.amazonaws.com")
    assert not allowed("Service", "sns.amazonaws.com")
    assert not allowed("AWS", f"arn:aws:iam::{ACCOUNT}:role/x")


PLACE = Place(REGION, ACCOUNT)
IMPORT: dict[str, Any] = {
    "jobName": "weekly",
    "datasetArn": f"{PERSONALIZE}:dataset/shop/INTERACTIONS",
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/Import",
    "tags": [{"tagKey": "run", "tagValue": "1"}],
}


@pytest.mark.parametrize(
    ("call", "params", "resources"),
    [
        ("dynamodb:UpdateItem", {"TableName": "rows"}, ["arn:aws:dynamodb:{}:table/rows"]),
        (
            "dynamodb:UpdateItem",
            {"TableName": "arn:aws:dynamodb:r:1:table/rows"},
            ["arn:aws:dynamodb:r:1:table/rows"],
        ),
        ("lambda:Invoke", {"FunctionName": "plan"}, ["arn:aws:lambda:{}:function:plan"]),
        (
            "lambda:Invoke",
            {"FunctionName": "arn:aws:lambda:r:1:function:plan", "Qualifier": "live"},
            ["arn:aws:lambda:r:1:function:plan:live"],
        ),
        ("states:StartExecution", {"stateMachineArn": "machine"}, ["arn:aws:states:{}:machine"]),
        (
            "personalize:DescribeSolutionVersion",
            {"solutionVersionArn": f"{PERSONALIZE}:solution/s/1"},
            [f"{PERSONALIZE}:solution/s/1"],
        ),
        (
            "personalize:CreateSolutionVersion",
            {"solutionArn": f"{PERSONALIZE}:solution/s"},
            [f"{PERSONALIZE}:solution/s"],
        ),
        ("personalize:ListSolutionVersions", {"solutionArn": "ignored"}, ["*"]),
        ("s3:HeadObject", {"Bucket": "shop", "Key": "a/b.csv"}, [f"{BUCKET}/a/b.csv"]),
        ("s3:ListObjectsV2", {"Bucket": "shop", "Prefix": "a/"}, [BUCKET]),
        (
            "logs:PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            ["arn:aws:logs:{}:log-group:/g:log-stream:s"],
        ),
        (
            "sqs:SendMessage",
            {"QueueUrl": "https://sqs.ap-northeast-1.amazonaws.com/111122223333/dead"},
            ["arn:aws:sqs:{}:dead"],
        ),
    ],
)
def test_a_call_is_judged_on_the_resource_that_aws_names(
    call: str, params: dict[str, Any], resources: list[str]
) -> None:
    here = f"{REGION}:{ACCOUNT}"
    assert [p.resource for p in needed(call, params, PLACE)] == [r.format(here) for r in resources]


def test_an_import_needs_the_dataset_the_job_the_tags_and_the_passed_role() -> None:
    assert needed("personalize:CreateDatasetImportJob", IMPORT, PLACE) == [
        Permission("personalize:CreateDatasetImportJob", IMPORT["datasetArn"]),
        Permission(
            "personalize:CreateDatasetImportJob", f"{PERSONALIZE}:dataset-import-job/weekly"
        ),
        Permission(
            "personalize:TagResource", "*", {"aws:requesttag/run": "1", "aws:tagkeys": ["run"]}
        ),
        Permission(
            "iam:PassRole", IMPORT["roleArn"], {"iam:passedtoservice": "personalize.amazonaws.com"}
        ),
    ]


def test_a_list_of_a_bucket_carries_its_prefix_as_a_condition_key() -> None:
    (permission,) = needed("s3:ListObjectsV2", {"Bucket": "shop", "Prefix": "a/"}, PLACE)
    assert permission == Permission("s3:ListBucket", BUCKET, {"s3:prefix": "a/"})


def test_an_action_without_a_known_resource_is_an_error() -> None:
    with pytest.raises(UnknownActionError, match="ec2:RunInstances"):
        needed("ec2:RunInstances", {}, PLACE)


def as_role(cloud: Cloud, service: str, logical_id: str = "Role") -> Any:
    """A client that calls under a deployed role, as the state machines' do."""
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
    ("service", "operation", "params", "answer"),
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
    ],
)
def test_a_refusal_has_the_form_of_its_service(
    cloud: Cloud,
    tmp_path: Path,
    *,
    service: str,
    operation: str,
    params: dict[str, Any],
    answer: tuple[str, int],
) -> None:
    deploy_role(cloud, tmp_path)
    api = as_role(cloud, service)
    with pytest.raises(api.exceptions.ClientError) as refused:
        getattr(api, operation)(**params)
    response: dict[str, Any] = dict(refused.value.response)
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == answer
    assert "is not authorized to perform: " in response["Error"]["Message"]


def test_every_judgement_is_noted(cloud: Cloud, tmp_path: Path) -> None:
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


def test_a_bucket_s_own_policy_may_grant_and_may_deny(cloud: Cloud, tmp_path: Path) -> None:
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


def test_a_call_that_cannot_be_judged_is_refused_loudly(cloud: Cloud, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("policies", [["AmazonSQSFullAccess"], []])
def test_managed_policies_of_aws_count(cloud: Cloud, tmp_path: Path, policies: list[str]) -> None:
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


@pytest.mark.parametrize(
    ("service", "source", "is_let_in"),
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
    cloud: Cloud, tmp_path: Path, service: str, source: str, *, is_let_in: bool
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

    if is_let_in:
        assert assume()
    else:
        with pytest.raises(iam.TrustRefused, match=service):
            assume()


def test_a_role_that_does_not_exist_lets_nobody_in(cloud: Cloud) -> None:
    assert cloud.calls == []
    with pytest.raises(iam.TrustRefused, match="the role does not exist"):
        iam.assume_role_as_service(
            f"arn:aws:iam::{ACCOUNT}:role/gone",
            service="states.amazonaws.com",
            source_arn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:x",
            region=REGION,
        )
