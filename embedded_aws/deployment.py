"""Deploys a synthesised assembly into the cloud, as `cdk deploy` does, and checks the result."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition

from embedded_aws.cloud import Cloud

# A template over this many bytes goes to CloudFormation through S3.
LARGEST_BODY = 51_200
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_DEPLOYED = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_BEGINNINGS = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}
# The regions and templates of which every resource was found: what moto leaves out of a new stack
# follows from them, and to look at each resource again would take a third of a deployment.
_found_whole: set[tuple[str, str]] = set()
# A zip entry's oldest date: the same files give the same bytes whenever they are packed.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class DeploymentError(Exception):
    """A stack that could not be deployed, with every resource that failed and why."""


def deploy(assembly: Path, stack: str, cloud: Cloud) -> dict[str, str]:
    """Create or update `stack` from the directory that `cdk synth` wrote; return its outputs.

    Uploads the file assets named in `<stack>.assets.json`. Raises DeploymentError, also when
    CloudFormation reports success but a resource of the template does not exist; of new stacks of
    one template, this process looks at the first.
    """
    template = (assembly / f"{stack}.template.json").read_text("utf-8")
    _upload_assets(assembly, stack, cloud)
    _set_bootstrap_version(cloud)
    formation = cloud.client("cloudformation")
    arguments = {
        "StackName": stack,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        **_template_argument(template, assembly, stack, cloud),
    }
    try:
        status = _status(formation, stack)
        if status in {*_DEPLOYED, "UPDATE_ROLLBACK_COMPLETE"}:
            formation.update_stack(**arguments)
        else:
            if status:  # the first deployment failed
                formation.delete_stack(StackName=stack)
            formation.create_stack(**arguments)
    except ClientError as error:
        raise DeploymentError(f"{stack}: {error.response['Error']['Message']}") from error
    if _status(formation, stack) not in _DEPLOYED:
        raise DeploymentError(f"{stack}: " + "; ".join(_failures(formation, stack)))
    seed = mock_random.getrandbits(64)
    if status or (cloud.region, template) not in _found_whole:
        problems = _missing(json.loads(template), stack, cloud)
        if problems:
            raise DeploymentError(f"{stack}: " + "; ".join(problems))
        _found_whole.add((cloud.region, template))
    mock_random.seed(seed)  # what is made later has the same identifiers, looked at or not
    described = formation.describe_stacks(StackName=stack)["Stacks"][0]
    return {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}


def _status(formation: Any, stack: str) -> str | None:
    try:
        status: str = formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError:
        return None
    return status


def _failures(formation: Any, stack: str) -> list[str]:
    """Return what failed in the stack's last operation, and why, the first failure first.

    That is resources, or else the stack itself, as when its exports exist already.
    """
    failures: list[str] = []
    own: list[str] = []
    for event in formation.describe_stack_events(StackName=stack)["StackEvents"]:  # newest first
        status = event["ResourceStatus"]
        if event["LogicalResourceId"] != stack:
            kind, reason = event["ResourceType"], event.get("ResourceStatusReason", status)
            failures.insert(0, f"{event['LogicalResourceId']} ({kind}): {reason}")
        elif status in _BEGINNINGS:
            break
        elif status.endswith("ROLLBACK_IN_PROGRESS"):
            own.insert(0, event.get("ResourceStatusReason", status))
    return failures or own


def withdraw_bootstrap(cloud: Cloud) -> None:
    """Take away what `deploy` has put in the place of the bootstrap stack.

    The account is then as one that was never bootstrapped, for a user's own `cdk bootstrap`.
    """
    s3 = cloud.client("s3")
    for bucket in (b["Name"] for b in s3.list_buckets()["Buckets"]):
        if bucket.startswith("cdk-hnb659fds-assets-"):
            for stored in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=stored["Key"])
            s3.delete_bucket(Bucket=bucket)
    cloud.client("ssm").delete_parameter(Name=BOOTSTRAP_VERSION)


def _upload_assets(assembly: Path, stack: str, cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    for asset in json.loads((assembly / f"{stack}.assets.json").read_text("utf-8"))[
        "files"
    ].values():
        source = assembly / asset["source"]["path"]
        body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
        for destination in asset["destinations"].values():
            bucket = _resolved(destination["bucketName"], cloud)
            _ensure_bucket(s3, bucket, cloud.region)
            s3.put_object(Bucket=bucket, Key=_resolved(destination["objectKey"], cloud), Body=body)


def _resolved(text: str, cloud: Cloud) -> str:
    partition = get_partition(cloud.region)
    values = {"AccountId": cloud.account, "Region": cloud.region, "Partition": partition}
    for name, value in values.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def _ensure_bucket(s3: Any, bucket: str, region: str) -> None:
    if bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(
            Bucket=bucket,
            **(
                {"CreateBucketConfiguration": {"LocationConstraint": region}}
                if region != "us-east-1"
                else {}
            ),
        )


def _zipped(directory: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(directory).as_posix(), _EPOCH)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return packed.getvalue()


def _set_bootstrap_version(cloud: Cloud) -> None:
    """Stand in for `cdk bootstrap`, whose version a synthesised template checks."""
    cloud.client("ssm").put_parameter(
        Name=BOOTSTRAP_VERSION, Value="30", Type="String", Overwrite=True
    )


def _template_argument(
    template: str, assembly: Path, stack: str, cloud: Cloud
) -> Mapping[str, str]:
    if len(template.encode()) <= LARGEST_BODY:
        return {"TemplateBody": template}
    manifest = json.loads((assembly / "manifest.json").read_text("utf-8"))
    url = manifest["artifacts"][stack]["properties"]["stackTemplateAssetObjectUrl"]
    bucket, _, key = _resolved(url, cloud).removeprefix("s3://").partition("/")
    return {"TemplateURL": f"{cloud.endpoint}/{bucket}/{key}"}


# How to see that a resource exists: (a client factory, its physical id, its properties).
_CHECKS: Mapping[str, Callable[[Callable[[str], Any], str, Mapping[str, Any]], object]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": lambda api, i, _: _one(
        api("application-autoscaling").describe_scalable_targets(
            ServiceNamespace=i.split("|")[2], ResourceIds=[i.split("|")[0]]
        )["ScalableTargets"]
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": lambda api, i, _: _one(
        [
            policy
            for policy in api("application-autoscaling").describe_scaling_policies(
                ServiceNamespace="dynamodb"
            )["ScalingPolicies"]
            if policy["PolicyARN"] == i
        ]
    ),
    "AWS::CDK::Metadata": lambda *_: None,
    "AWS::CloudWatch::Alarm": lambda api, i, _: _one(
        api("cloudwatch").describe_alarms(AlarmNames=[i])["MetricAlarms"]
    ),
    "AWS::CloudWatch::Dashboard": lambda api, i, _: api("cloudwatch").get_dashboard(
        DashboardName=i
    ),
    "AWS::DynamoDB::Table": lambda api, i, _: api("dynamodb").describe_table(TableName=i),
    "AWS::Events::EventBus": lambda api, i, _: api("events").describe_event_bus(Name=i),
    "AWS::Events::Rule": lambda api, i, p: _same_count(
        _targets(api("events"), i.rsplit("|", 1)[-1], p.get("EventBusName", "default")),
        p.get("Targets", []),
    ),
    "AWS::IAM::ManagedPolicy": lambda api, i, _: api("iam").get_policy(PolicyArn=i),
    "AWS::IAM::Policy": lambda api, _, p: [
        api("iam").get_role_policy(RoleName=role, PolicyName=p["PolicyName"])
        for role in p.get("Roles", [])
        if isinstance(role, str)
    ],
    "AWS::IAM::Role": lambda api, i, _: api("iam").get_role(RoleName=i),
    "AWS::Lambda::EventInvokeConfig": lambda api, i, _: api(
        "lambda"
    ).get_function_event_invoke_config(FunctionName=i.split("|")[0]),
    "AWS::Lambda::EventSourceMapping": lambda api, i, _: api("lambda").get_event_source_mapping(
        UUID=i
    ),
    "AWS::Lambda::Function": lambda api, i, _: api("lambda").get_function(FunctionName=i),
    "AWS::Lambda::Permission": lambda *_: None,  # it names its function in the template only
    "AWS::Lambda::Version": lambda api, i, _: api("lambda").get_function(FunctionName=i),
    "AWS::Logs::LogGroup": lambda api, i, _: _one(
        [
            group
            for group in api("logs").describe_log_groups(logGroupNamePrefix=i)["logGroups"]
            if group["logGroupName"] == i
        ]
    ),
    "AWS::S3::Bucket": lambda api, i, _: api("s3").head_bucket(Bucket=i),
    "AWS::S3::BucketPolicy": lambda api, i, _: api("s3").get_bucket_policy(Bucket=i),
    "AWS::Scheduler::Schedule": lambda api, i, p: api("scheduler").get_schedule(
        Name=i, **{k: v for k, v in p.items() if k == "GroupName" and isinstance(v, str)}
    ),
    "AWS::SNS::Subscription": lambda api, i, _: api("sns").get_subscription_attributes(
        SubscriptionArn=i
    ),
    "AWS::SNS::TopicPolicy": lambda *_: None,
    "AWS::SNS::Topic": lambda api, i, _: api("sns").get_topic_attributes(TopicArn=i),
    "AWS::SQS::Queue": lambda api, i, _: api("sqs").get_queue_attributes(
        QueueUrl=i, AttributeNames=["QueueArn"]
    ),
    "AWS::SQS::QueuePolicy": lambda *_: None,
    "AWS::SSM::Parameter": lambda api, i, _: api("ssm").get_parameter(Name=i),
    "AWS::StepFunctions::StateMachine": lambda api, i, _: api(
        "stepfunctions"
    ).describe_state_machine(stateMachineArn=i),
}


def _one(found: list[Any]) -> None:
    if not found:
        raise LookupError("it does not exist")


def _targets(events: Any, rule: str, bus: Any) -> list[Any]:
    """Return a rule's targets; a bus that the template refers to may be any."""
    buses = [bus]
    if not isinstance(bus, str):
        buses = [each["Name"] for each in events.list_event_buses()["EventBuses"]]
    for name in buses:
        with suppress(events.exceptions.ResourceNotFoundException):
            found: list[Any] = events.list_targets_by_rule(Rule=rule, EventBusName=name)["Targets"]
            return found
    raise LookupError("it does not exist")


def _same_count(found: list[Any], wanted: list[Any]) -> None:
    if len(found) != len(wanted):
        raise LookupError(f"it has {len(found)} targets instead of {len(wanted)}")


def _missing(template: Mapping[str, Any], stack: str, cloud: Cloud) -> list[str]:
    formation = cloud.client("cloudformation")
    physical = {
        resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
        for resource in formation.describe_stack_resources(StackName=stack)["StackResources"]
        if "LogicalResourceId" in resource  # moto knows none of a type it cannot create
    }
    problems = []
    for logical, resource in template["Resources"].items():
        if "Condition" in resource and logical not in physical:
            continue
        kind = resource["Type"]
        if not (identifier := physical.get(logical)):
            problems.append(f"{logical} ({kind}) was not created")
            continue
        if kind not in _CHECKS:
            problems.append(f"{logical} ({kind}): no check is known for this type")
            continue
        try:
            _CHECKS[kind](cloud.client, identifier, resource.get("Properties", {}))
        except (ClientError, LookupError) as error:
            problems.append(f"{logical} ({kind}) is missing: {error}")
    return problems
