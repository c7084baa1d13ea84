"""Twenty-four small templates that AWS refuses, and the embedded cloud with AWS's error code.

A request's error has the code. A resource's failure has it in its status reason; what
CloudFormation itself refuses of a resource's properties has words only.
"""

import json
import re
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from tests.embedded_aws.schedules import schedule, stack
from tests.embedded_aws.small_stack import ACCOUNT, ECHO, MAY_START, allow, arn, role, state_machine

DOCS = "https://docs.aws.amazon.com"
CFN = f"{DOCS}/AWSCloudFormation/latest/UserGuide"
GITHUB = "https://github.com"


class Refused(NamedTuple):
    """A template, with the code and the words of AWS's refusal, and where they are from."""

    template: dict[str, Any]
    code: str
    words: str
    source: str


def made(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def of(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def trusting(**changes: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
        **changes,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


FUNCTION = {"Handler": "a.b", "Runtime": "python3.13", "Role": arn("Role")}
ROLE = role("lambda.amazonaws.com")
STATES = role("states.amazonaws.com")
READ = allow("s3:GetObject", "arn:aws:s3:::shop/*")
GONE = f"arn:aws:iam::{ACCOUNT}:role/gone"
HOUR_25 = "cron(0 25 * * ? *)"
FAILS = "Properties validation failed for resource"

TEMPLATES = {
    # CloudFormation
    "a property that its type does not have": Refused(
        of(Queue=made("AWS::SQS::Queue", Name="orders")),
        "",
        f"{FAILS} Queue with message:\n[#: extraneous key [Name] is not permitted]",
        f"{GITHUB}/aws/aws-cdk/issues/28984",
    ),
    "a property of another type": Refused(
        of(Queue=made("AWS::SQS::Queue", Tags="orders")),
        "",
        f"{FAILS} Queue with message:\n[#/Tags: expected type: JSONArray, found: String]",
        f"{GITHUB}/protomaps/PMTiles/pull/611",
    ),
    "a reference to nothing": Refused(
        of(Queue=made("AWS::SQS::Queue", QueueName={"Ref": "Name"})),
        "ValidationError",
        "Template format error: Unresolved resource dependencies [Name] in the Resources block",
        f"{GITHUB}/serverless/serverless/issues/4745",
    ),
    "a type that does not exist": Refused(
        of(Queue=made("AWS::SQS::Kueue")),
        "ValidationError",
        "Template format error: Unrecognized resource types: [AWS::SQS::Kueue]",
        f"{GITHUB}/ministackorg/ministack/pull/1628",
    ),
    "a circle": Refused(
        of(
            A={**made("AWS::SQS::Queue"), "DependsOn": "B"},
            B={**made("AWS::SQS::Queue"), "DependsOn": "A"},
        ),
        "ValidationError",
        "Circular dependency between resources: [",
        f"{CFN}/troubleshooting.html#troubleshooting-errors-dependency-error",
    ),
    "a parameter without a value": Refused(
        {**of(Topic=made("AWS::SNS::Topic")), "Parameters": {"Team": {"Type": "String"}}},
        "ValidationError",
        "Parameters: [Team] must have values",
        f"{GITHUB}/aws-samples/retail-demo-store/issues/603",
    ),
    "a role's name without CAPABILITY_NAMED_IAM": Refused(
        of(Role=made("AWS::IAM::Role", RoleName="r", AssumeRolePolicyDocument=trusting())),
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        f"{GITHUB}/envato/stack_master/issues/138",
    ),
    # IAM
    "a principal in a role's policy": Refused(
        of(Role=role("lambda.amazonaws.com", {**READ, "Principal": "*"})),
        "MalformedPolicyDocument",
        "Policy document should not specify a principal.",
        f"{GITHUB}/hashicorp/terraform/issues/13449",
    ),
    "trust in a role that does not exist": Refused(
        of(Role=made("AWS::IAM::Role", AssumeRolePolicyDocument=trusting(Principal={"AWS": GONE}))),
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{GONE}"',
        f"{GITHUB}/aws/aws-cdk/issues/26482",
    ),
    "a resource in a trust policy": Refused(
        of(Role=made("AWS::IAM::Role", AssumeRolePolicyDocument=trusting(Resource="*"))),
        "MalformedPolicyDocument",
        "Has prohibited field Resource",
        f"{GITHUB}/localstack/localstack/blob/main/tests/aws/services/iam/"
        "test_iam_roles.snapshot.json",
    ),
    "a managed policy of 7,000 characters": Refused(
        of(
            Big=made(
                "AWS::IAM::ManagedPolicy",
                PolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [allow("s3:GetObject", f"arn:aws:s3:::shop/{6_900 * 'x'}")],
                },
            )
        ),
        "LimitExceeded",
        "Cannot exceed quota for PolicySize: 6144",
        f"{DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html",
    ),
    # Lambda
    "a function without a role": Refused(
        of(Task=made("AWS::Lambda::Function", Code={"S3Bucket": "code", "S3Key": "a.zip"})),
        "",
        f"{FAILS} Task with message:\n[#: required key [Role] not found]",
        f"{CFN}/aws-resource-lambda-function.html",
    ),
    "a function whose code does not exist": Refused(
        of(
            Role=ROLE,
            Task=made(
                "AWS::Lambda::Function",
                Code={"S3Bucket": "no-bucket", "S3Key": "a.zip"},
                **FUNCTION,
            ),
        ),
        "InvalidParameterValueException",
        "Error occurred while GetObject. S3 Error Code: NoSuchBucket.",
        f"{GITHUB}/aws-samples/aws-account-vending-machine/issues/6",
    ),
    # EventBridge and Scheduler
    "a rule's cron with an hour 25": Refused(
        of(Rule=made("AWS::Events::Rule", ScheduleExpression=HOUR_25)),
        "ValidationException",
        "Parameter ScheduleExpression is not valid.",
        f"{GITHUB}/aws/aws-sdk-js/issues/4212",
    ),
    "a schedule with an hour 25": Refused(
        {"Resources": stack(MAY_START, Schedule=schedule(ScheduleExpression=HOUR_25))},
        "ValidationException",
        f"Invalid Schedule Expression {HOUR_25}.",
        f"{GITHUB}/localstack/localstack/issues/9284",
    ),
    # DynamoDB
    "a table's name of two letters": Refused(
        of(
            Table=made(
                "AWS::DynamoDB::Table",
                TableName="ab",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        ),
        "ValidationException",
        "Value 'ab' at 'tableName' failed to satisfy constraint",
        f"{DOCS}/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html",
    ),
    # Step Functions
    "a state machine whose next state does not exist": Refused(
        of(
            Role=STATES,
            Machine=state_machine(
                {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}, "Role"
            ),
        ),
        "InvalidDefinition",
        "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next",
        f"{DOCS}/step-functions/latest/apireference/API_CreateStateMachine.html",
    ),
    "a state machine under another service's role": Refused(
        of(Role=ROLE, Machine=state_machine(ECHO, "Role")),
        "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is",
        f"{GITHUB}/lumigo-io/lumigo-CLI/issues/83",
    ),
    # SQS and SNS
    "a FIFO queue without .fifo": Refused(
        of(Queue=made("AWS::SQS::Queue", QueueName="orders", FifoQueue=True)),
        "InvalidParameterValue",
        "Queue name must end in .fifo for FIFO queues",
        f"{DOCS}/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
    ),
    "a queue that hides messages for 13 hours": Refused(
        of(Queue=made("AWS::SQS::Queue", VisibilityTimeout=46_800)),
        "InvalidAttributeValue",
        "Invalid value for the parameter VisibilityTimeout.",
        f"{GITHUB}/apache/airflow/issues/65592",
    ),
    "a subscription by pigeon": Refused(
        of(
            Topic=made("AWS::SNS::Topic"),
            Subscription=made(
                "AWS::SNS::Subscription", TopicArn={"Ref": "Topic"}, Protocol="pigeon", Endpoint="x"
            ),
        ),
        "InvalidParameter",
        "Amazon SNS does not support this protocol string: pigeon",
        f"{DOCS}/sns/latest/api/API_Subscribe.html",
    ),
    # S3 and CloudWatch Logs
    "a bucket in capitals": Refused(
        of(Bucket=made("AWS::S3::Bucket", BucketName="Shop")),
        "InvalidBucketName",
        "The specified bucket is not valid.",
        f"{DOCS}/AmazonS3/latest/API/ErrorResponses.html",
    ),
    "a retention of 8 days": Refused(
        of(Logs=made("AWS::Logs::LogGroup", RetentionInDays=8)),
        "InvalidParameterException",
        "Invalid retention value. Valid values are: [1, 3, 5, 7,",
        f"{DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
    ),
    "a log group that exists": Refused(
        of(Logs=made("AWS::Logs::LogGroup", LogGroupName="taken")),
        "AlreadyExists",
        "Resource of type 'AWS::Logs::LogGroup' with identifier 'taken' already exists.",
        f"{GITHUB}/serverless/serverless/issues/3168",
    ),
}


def refusal(cloud: Cloud, template: dict[str, Any]) -> tuple[str, str]:
    """The code and the words with which a stack is refused, or its first resource that fails."""
    formation = cloud.client("cloudformation")
    try:
        formation.create_stack(
            StackName="small", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    (stack,) = formation.describe_stacks(StackName="small")["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = formation.describe_stack_events(StackName="small")["StackEvents"]
    (reason,) = (
        e["ResourceStatusReason"] for e in events if e["ResourceStatus"] == "CREATE_FAILED"
    )
    code = re.search(r"(?:Handler)?Error ?Code: (\w+)[;)]", reason)
    return code.group(1) if code else "", reason


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_template_that_aws_refuses_is_refused_with_aws_s_code(case: str, cloud: Cloud) -> None:
    cloud.client("logs").create_log_group(logGroupName="taken")
    expected = TEMPLATES[case]
    assert expected.source.startswith("https://")
    code, words = refusal(cloud, expected.template)
    assert (code, expected.words in words) == (expected.code, True), words


def test_the_templates_are_of_every_service() -> None:
    text = json.dumps([each.template for each in TEMPLATES.values()])
    assert set(re.findall(r"AWS::(\w+)::", text)) == {
        "DynamoDB", "Events", "IAM", "Lambda", "Logs", "S3", "SNS", "SQS", "Scheduler",
        "StepFunctions",
    }  # fmt: skip
