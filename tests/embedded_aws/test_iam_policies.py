"""Policies without a cloud: which statements apply to a call, and what a call needs."""

from typing import Any

import pytest

from embedded_aws.services.iam.actions import Permission, Place, UnknownActionError, needed
from embedded_aws.services.iam.policy import Principal, UnsupportedPolicyError, is_allowed
from tests.embedded_aws.small_stack import ACCOUNT, BUCKET, PERSONALIZE, REGION, allow, deny


def evaluate(
    *statements: Any,
    action: str = "s3:GetObject",
    resource: str = f"{BUCKET}/a.csv",
    context: dict[str, Any] | None = None,
) -> bool | None:
    return is_allowed([{"Statement": list(statements)}], action, resource, context or {})


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
    assert evaluate(*statements) is verdict


def test_a_wildcard_matches_only_within_its_part_of_the_arn() -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop"
    assert evaluate(allow("*", f"arn:aws:sqs:*:{ACCOUNT}:*"), resource=queue)
    assert not evaluate(allow("*", "arn:aws:*:shop"), resource=queue)


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
def test_conditions_compare_as_in_aws(
    condition: dict[str, Any], context: dict[str, Any], *, met: bool
) -> None:
    assert bool(evaluate(allow("*", "*", Condition=condition), context=context)) is met


@pytest.mark.parametrize(
    "statement",
    [
        allow("*", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        allow("*", "arn:aws:s3:::${aws:PrincipalTag/team}/*"),
        allow("*", "*", Principal="*"),
    ],
)
def test_a_statement_that_cannot_be_evaluated_is_an_error(statement: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedPolicyError):
        evaluate(statement)


def test_a_resource_policy_applies_only_to_its_principals() -> None:
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
        ("personalize:CreateFilter", {"name": "f"}, [f"{PERSONALIZE}:filter/f"]),
        (
            "personalize:DeleteEventTracker",
            {"eventTrackerArn": f"{PERSONALIZE}:event-tracker/t"},
            [f"{PERSONALIZE}:event-tracker/t"],
        ),
        ("personalize:PutEvents", {"trackingId": "t"}, ["*"]),
        (
            "personalize:PutItems",
            {"datasetArn": f"{PERSONALIZE}:dataset/g/ITEMS"},
            [f"{PERSONALIZE}:dataset/g/ITEMS"],
        ),
        ("personalize:ListFilters", {}, ["*"]),
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
def test_a_call_is_evaluated_on_the_resource_that_aws_defines(
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


def test_listing_a_bucket_has_the_prefix_as_a_condition_key() -> None:
    (permission,) = needed("s3:ListObjectsV2", {"Bucket": "shop", "Prefix": "a/"}, PLACE)
    assert permission == Permission("s3:ListBucket", BUCKET, {"s3:prefix": "a/"})


def test_an_action_without_a_known_resource_is_an_error() -> None:
    with pytest.raises(UnknownActionError, match="ec2:RunInstances"):
        needed("ec2:RunInstances", {}, PLACE)
