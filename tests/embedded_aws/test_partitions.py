"""In a region of China every ARN has the partition aws-cn, and roles are judged by these ARNs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded_aws import Clock, Cloud, start
from rehearsal import sample_data
from tests.conftest import START
from tests.embedded_aws import small_stack
from tests.embedded_aws.personalize_shop import BUCKET, READER, ROLE, csv
from tests.embedded_aws.small_stack import allow, arn, deployed, function, role, state_machine

ACCOUNT, REGION = "111122223333", "cn-north-1"
PERSONALIZE = f"arn:aws-cn:personalize:{REGION}:{ACCOUNT}"
READING = allow(
    ["s3:GetObject", "s3:ListBucket"],
    [f"arn:aws-cn:s3:::{BUCKET}", f"arn:aws-cn:s3:::{BUCKET}/*"],
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with start(account=ACCOUNT, region=REGION, clock=Clock(START)) as running:
        yield running


def policy(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_a_stack_runs_under_roles_that_name_arns_of_china(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_stack, "ASSETS", f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}")
    logs = {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"}
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws-cn:states:::lambda:invoke",
                "Arguments": {"FunctionName": "${task}"},
                "Output": "{% $states.result.Payload %}",
                "End": True,
            }
        },
    }
    code = "def handler(event, context): return context.invoked_function_arn"
    resources = {
        "Role": role("lambda.amazonaws.com", allow("logs:*", logs)),
        "Task": function(code, "Role"),
        "MachineRole": role("states.amazonaws.com", allow("lambda:InvokeFunction", arn("Task"))),
        "Machine": state_machine(
            definition, "MachineRole", DefinitionSubstitutions={"task": arn("Task")}
        ),
    }
    outputs = {
        "Machine": {"Value": {"Ref": "Machine"}},
        "Task": {"Value": arn("Task")},
        "Place": {"Value": {"Fn::Sub": "${AWS::Partition} ${AWS::URLSuffix}"}},
    }
    made = deployed(cloud, tmp_path, resources, outputs)
    assert made["Place"] == "aws-cn amazonaws.com.cn"
    states = cloud.client("stepfunctions")
    run = states.start_execution(stateMachineArn=made["Machine"])
    assert cloud.clock.wait_until_idle(30)
    described = states.describe_execution(executionArn=run["executionArn"])
    assert described["status"] == "SUCCEEDED", described
    assert json.loads(described["output"]) == made["Task"]
    assert made["Task"].startswith("arn:aws-cn:lambda:")
    named = [call.resource for call in cloud.calls if call.resource != "*"]
    assert {resource.split(":")[1] for resource in named} == {"aws-cn"}
    assert all(call.allowed for call in cloud.calls)


def test_an_import_reads_a_bucket_of_china(cloud: Cloud) -> None:
    s3, iam, personalize = (cloud.client(name) for name in ("s3", "iam", "personalize"))
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy({**READING, "Principal": READER}))
    s3.put_object(Bucket=BUCKET, Key="data.csv", Body=csv())
    trust = {"Effect": "Allow", "Principal": READER, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(RoleName=ROLE, PolicyName="read", PolicyDocument=policy(READING))
    with cloud.clock.running():
        personalize.create_dataset_group(name="shop")
        personalize.create_schema(name="schema", schema=sample_data.SCHEMA)
        cloud.clock.sleep(60)
        personalize.create_dataset(
            name="interactions",
            schemaArn=f"{PERSONALIZE}:schema/schema",
            datasetGroupArn=f"{PERSONALIZE}:dataset-group/shop",
            datasetType="Interactions",
        )
        cloud.clock.sleep(60)
        job = personalize.create_dataset_import_job(
            jobName="job",
            datasetArn=f"{PERSONALIZE}:dataset/shop/INTERACTIONS",
            dataSource={"dataLocation": f"s3://{BUCKET}/data.csv"},
            roleArn=made["Role"]["Arn"],
        )["datasetImportJobArn"]
        cloud.clock.sleep(1200)
        described = personalize.describe_dataset_import_job(datasetImportJobArn=job)
    assert described["datasetImportJob"]["status"] == "ACTIVE", described
