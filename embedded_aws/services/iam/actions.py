"""Which permissions an API call needs: IAM's actions, and the resources they are checked on.

From the Service Authorization Reference, for the calls that a refresh may make. A call that is
not listed here cannot be authorized: it is an error, and is never allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.utilities.utils import get_partition

Params = dict[str, Any]
Context = dict[str, str | list[str]]


class UnknownActionError(Exception):
    """A call under a deployed role that is not in this table."""


@dataclass(frozen=True)
class Permission:
    """One action on one resource, with the condition keys that only this action has."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a call is made: what its resources' ARNs begin with."""

    region: str
    account: str

    @property
    def partition(self) -> str:
        """The region's partition: aws, or aws-cn."""
        return get_partition(self.region)

    def arn(self, service: str, resource: str) -> str:
        """Build an ARN in this region and account; a resource that is an ARN stays as it is."""
        if resource.startswith("arn:"):
            return resource
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def s3_arn(self, resource: str) -> str:
        """Build the ARN of a bucket, or of an object (`bucket/key`)."""
        return f"arn:{self.partition}:s3:::{resource}"


Rule = Callable[[Params, Place], list[Permission]]


def needed(call: str, params: Params, place: Place) -> list[Permission]:
    """Return every permission that `call` (`personalize:UpdateCampaign`) needs.

    An empty list means that IAM never denies it (sts:GetCallerIdentity).
    """
    rule = _RULES.get(call)
    if rule is None:
        raise UnknownActionError(f"{call}: the permissions that this call needs are not known here")
    return rule(params, place)


def _everywhere(action: str) -> Rule:
    return lambda _params, _place: [Permission(action, "*")]


def _on(action: str, param: str, service: str = "", prefix: str = "") -> Rule:
    def rule(params: Params, place: Place) -> list[Permission]:
        value = params[param]
        resource = value if value.startswith("arn:") else place.arn(service, prefix + value)
        return [Permission(action, resource)]

    return rule


def _create_import(params: Params, place: Place) -> list[Permission]:
    job = place.arn("personalize", f"dataset-import-job/{params['jobName']}")
    action = "personalize:CreateDatasetImportJob"
    return [
        Permission(action, params["datasetArn"]),
        Permission(action, job),
        *_tagging(params),
        *_passing(params),
    ]


def _create_solution_version(params: Params, _place: Place) -> list[Permission]:
    return [
        Permission("personalize:CreateSolutionVersion", params["solutionArn"]),
        *_tagging(params),
    ]


def _create(kind: str, path: Callable[[Params], str]) -> Rule:
    """Return the rule of an operation that creates a resource, judged on that resource's ARN."""

    def rule(params: Params, place: Place) -> list[Permission]:
        made = Permission(f"personalize:Create{kind}", place.arn("personalize", path(params)))
        return [made, *_tagging(params), *_passing(params)]

    return rule


def _named(path: str) -> Callable[[Params], str]:
    return lambda params: f"{path}/{params['name']}"


def _dataset_path(params: Params) -> str:
    group = params["datasetGroupArn"].rpartition("/")[2]
    return f"dataset/{group}/{params['datasetType'].upper()}"


def _passing(params: Params) -> list[Permission]:
    if not (role := params.get("roleArn")):
        return []
    passed: Context = {"iam:passedtoservice": "personalize.amazonaws.com"}
    return [Permission("iam:PassRole", role, passed)]


def _get_recommendations(params: Params, _place: Place) -> list[Permission]:
    source = params.get("campaignArn") or params.get("recommenderArn") or "*"
    return [Permission("personalize:GetRecommendations", source)]


def _describe_alarms(params: Params, place: Place) -> list[Permission]:
    return [
        Permission("cloudwatch:DescribeAlarms", place.arn("cloudwatch", f"alarm:{name}"))
        for name in params.get("AlarmNames") or ["*"]
    ]


def _tagging(params: Params) -> list[Permission]:
    if not params.get("tags"):
        return []
    tags = {tag["tagKey"]: tag["tagValue"] for tag in params["tags"]}
    context: Context = {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}
    context["aws:tagkeys"] = list(tags)
    return [Permission("personalize:TagResource", "*", context)]


def _invoke(params: Params, place: Place) -> list[Permission]:
    name = params["FunctionName"]
    # A name, an ARN, or the end of one (`123456789012:function:name`).
    plain = f"function:{name.rpartition('function:')[2]}"
    function = name if name.startswith("arn:") else place.arn("lambda", plain)
    if params.get("Qualifier"):
        function += f":{params['Qualifier']}"
    return [Permission("lambda:InvokeFunction", function)]


def _list_bucket(params: Params, place: Place) -> list[Permission]:
    keys = {"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}
    context: Context = {key: str(params[param]) for key, param in keys.items() if param in params}
    return [Permission("s3:ListBucket", place.s3_arn(params["Bucket"]), context)]


def _bucket(action: str) -> Rule:
    return lambda params, place: [Permission(action, place.s3_arn(params["Bucket"]))]


def _stack(action: str) -> Rule:
    def rule(params: Params, place: Place) -> list[Permission]:
        name = params.get("StackName", "*")
        arn = name if name.startswith("arn:") else place.arn("cloudformation", f"stack/{name}/*")
        return [Permission(action, arn)]

    return rule


def _object(action: str) -> Rule:
    return lambda params, place: [
        Permission(action, place.s3_arn(f"{params['Bucket']}/{params['Key']}"))
    ]


def _log_stream(action: str) -> Rule:
    def rule(params: Params, place: Place) -> list[Permission]:
        group, stream = params["logGroupName"], params["logStreamName"]
        return [Permission(action, place.arn("logs", f"log-group:{group}:log-stream:{stream}"))]

    return rule


def _queue(action: str) -> Rule:
    return lambda params, place: [
        Permission(action, place.arn("sqs", params["QueueUrl"].rsplit("/", 1)[-1]))
    ]


def _bus(name: str, place: Place) -> str:
    return name if name.startswith("arn:") else place.arn("events", f"event-bus/{name}")


def _put_events(params: Params, place: Place) -> list[Permission]:
    return [
        Permission(
            "events:PutEvents",
            _bus(entry.get("EventBusName", "default"), place),
            {"events:source": entry["Source"], "events:detail-type": entry["DetailType"]},
        )
        for entry in params["Entries"]
    ]


def _get_records(params: Params, _place: Place) -> list[Permission]:
    return [Permission("dynamodb:GetRecords", params["ShardIterator"].split("|")[0])]


def _list_streams(params: Params, place: Place) -> list[Permission]:
    table = params.get("TableName", "*")
    return [Permission("dynamodb:ListStreams", place.arn("dynamodb", f"table/{table}/stream/*"))]


def _transaction(params: Params, place: Place) -> list[Permission]:
    actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "Get": "GetItem"}
    actions["ConditionCheck"] = "ConditionCheckItem"
    return [
        Permission(f"dynamodb:{actions[kind]}", place.arn("dynamodb", f"table/{item['TableName']}"))
        for transacted in params["TransactItems"]
        for kind, item in transacted.items()
    ]


def _item(name: str) -> Rule:
    """Return the rule of an operation on one item, with its partition key as LeadingKeys."""

    def rule(params: Params, place: Place) -> list[Permission]:
        table = params["TableName"].rpartition("/")[2]  # a name, or an ARN
        known = dynamodb_backends[place.account][place.region].tables.get(table)
        (key,) = (
            params.get("Key", {}).get(known.hash_key_attr, {"": ""}).values() if known else [""]
        )
        context: Context = {"dynamodb:leadingkeys": [key]} if key else {}
        (permission,) = plain(params, place)
        return [Permission(permission.action, permission.resource, context)]

    plain = _on(f"dynamodb:{name}", "TableName", "dynamodb", "table/")
    return rule


def _same(service: str, param: str, operations: str, prefix: str = "") -> dict[str, Rule]:
    """Return rules for operations whose action has the same name, on the resource in `param`."""
    return {
        f"{service}:{name}": _on(f"{service}:{name}", param, service, prefix)
        for name in operations.split()
    }


_RULES: dict[str, Rule] = {
    **_same("dynamodb", "TableName", "PutItem Query Scan DescribeTable", "table/"),
    **{f"dynamodb:{name}": _item(name) for name in ("GetItem", "UpdateItem", "DeleteItem")},
    **_same("dynamodb", "StreamArn", "DescribeStream GetShardIterator"),
    "dynamodb:GetRecords": _get_records,
    "dynamodb:ListStreams": _list_streams,
    "dynamodb:TransactWriteItems": _transaction,
    "dynamodb:TransactGetItems": _transaction,
    "events:PutEvents": _put_events,
    "events:TestEventPattern": _everywhere("events:TestEventPattern"),
    "cloudformation:DescribeStacks": _stack("cloudformation:DescribeStacks"),
    "cloudformation:GetTemplate": _stack("cloudformation:GetTemplate"),
    "cloudformation:ListStackResources": _stack("cloudformation:ListStackResources"),
    "events:DescribeEventBus": _on("events:DescribeEventBus", "Name", "events", "event-bus/"),
    **_same("glue", "JobName", "GetJobRun GetJobRuns", "job/"),
    "glue:GetJob": _on("glue:GetJob", "JobName", "glue", "job/"),
    "glue:GetJobs": _everywhere("glue:GetJobs"),
    "iam:GetPolicy": _on("iam:GetPolicy", "PolicyArn"),
    "iam:GetRole": lambda params, place: [
        Permission(
            "iam:GetRole",
            f"arn:{place.partition}:iam::{place.account}:role/{params['RoleName']}",
        )
    ],
    "kms:DescribeKey": _on("kms:DescribeKey", "KeyId", "kms", "key/"),
    "kms:GetKeyPolicy": _on("kms:GetKeyPolicy", "KeyId", "kms", "key/"),
    "lambda:Invoke": _invoke,
    "logs:CreateLogGroup": _on("logs:CreateLogGroup", "logGroupName", "logs", "log-group:"),
    "logs:CreateLogStream": _log_stream("logs:CreateLogStream"),
    "logs:PutLogEvents": _log_stream("logs:PutLogEvents"),
    "monitoring:DescribeAlarms": _describe_alarms,
    "personalize:CreateDatasetImportJob": _create_import,
    "personalize:CreateSolutionVersion": _create_solution_version,
    "personalize:CreateDataset": _create("Dataset", _dataset_path),
    **{
        f"personalize:Create{kind}": _create(kind, _named(path))
        for kind, path in (
            ("Campaign", "campaign"),
            ("DatasetGroup", "dataset-group"),
            ("EventTracker", "event-tracker"),
            ("Filter", "filter"),
            ("Recommender", "recommender"),
            ("Schema", "schema"),
            ("Solution", "solution"),
        )
    },
    "personalize:GetRecommendations": _get_recommendations,
    # These have no resource in the reference: who has the tracking ID may be anyone.
    **{
        f"personalize:{name}": _everywhere(f"personalize:{name}")
        for name in ("PutActionInteractions", "PutEvents")
    },
    **{
        name: rule
        for param, operations in (
            (
                "datasetArn",
                "DescribeDataset UpdateDataset DeleteDataset PutActions PutItems PutUsers",
            ),
            ("eventTrackerArn", "DescribeEventTracker DeleteEventTracker"),
            ("filterArn", "DescribeFilter DeleteFilter"),
            ("datasetGroupArn", "DescribeDatasetGroup DeleteDatasetGroup"),
            ("datasetImportJobArn", "DescribeDatasetImportJob"),
            ("schemaArn", "DescribeSchema DeleteSchema"),
            ("recipeArn", "DescribeRecipe"),
            ("solutionArn", "DescribeSolution UpdateSolution DeleteSolution"),
            (
                "solutionVersionArn",
                "DescribeSolutionVersion StopSolutionVersionCreation GetSolutionMetrics",
            ),
            (
                "campaignArn",
                "DescribeCampaign UpdateCampaign DeleteCampaign "
                "GetActionRecommendations GetPersonalizedRanking",
            ),
            (
                "recommenderArn",
                "DescribeRecommender UpdateRecommender StartRecommender StopRecommender "
                "DeleteRecommender",
            ),
        )
        for name, rule in _same("personalize", param, operations).items()
    },
    **{
        f"personalize:{name}": _everywhere(f"personalize:{name}")
        for name in ("ListTagsForResource", "UntagResource")
    },
    "personalize:TagResource": lambda params, _place: _tagging(params),
    **{
        f"personalize:List{plural}": _everywhere(f"personalize:List{plural}")
        for plural in (
            "Campaigns",
            "DatasetGroups",
            "DatasetImportJobs",
            "Datasets",
            "EventTrackers",
            "Filters",
            "Recipes",
            "Recommenders",
            "Schemas",
            "SolutionVersions",
            "Solutions",
        )
    },
    **{
        f"s3:{operation}": _bucket(f"s3:{action}")
        for operation, action in (
            ("GetBucketEncryption", "GetEncryptionConfiguration"),
            ("GetBucketLocation", "GetBucketLocation"),
            ("GetBucketPolicy", "GetBucketPolicy"),
        )
    },
    "s3:GetObject": _object("s3:GetObject"),
    "s3:HeadObject": _object("s3:GetObject"),
    "s3:PutObject": _object("s3:PutObject"),
    "s3:ListObjects": _list_bucket,
    "s3:ListObjectsV2": _list_bucket,
    "s3:HeadBucket": _list_bucket,
    "scheduler:GetSchedule": lambda params, place: [
        Permission(
            "scheduler:GetSchedule",
            place.arn(
                "scheduler", f"schedule/{params.get('GroupName', 'default')}/{params['Name']}"
            ),
        )
    ],
    **_same("sns", "TopicArn", "Publish ListSubscriptionsByTopic"),
    **{
        f"sqs:{name}": _queue(f"sqs:{name}")
        for name in ("SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    },
    **_same("states", "stateMachineArn", "StartExecution ListExecutions DescribeStateMachine"),
    **_same(
        "states",
        "executionArn",
        "DescribeExecution DescribeStateMachineForExecution StopExecution RedriveExecution "
        "GetExecutionHistory",
    ),
    "sts:GetCallerIdentity": lambda _params, _place: [],
    **{
        f"xray:{name}": _everywhere(f"xray:{name}")
        for name in (
            "PutTraceSegments",
            "PutTelemetryRecords",
            "GetSamplingRules",
            "GetSamplingTargets",
        )
    },
}
