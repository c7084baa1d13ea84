"""Resource types that moto does not model, created through the served cloud's own API."""

import json
import re
from collections.abc import Callable
from typing import Any, ClassVar

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException, ValidationError
from moto.core.common_models import CloudFormationModel

from embedded_aws.clients import client

Template = dict[str, Any]
Api = Callable[[str], Any]  # a service's name -> its client

# How a resource that moto does not model is created: (its properties, a client factory,
# the resource's generated name) -> (physical ID, delete).
Made = tuple[str, Callable[[], object]]
Make = Callable[[Template, Api, str], Made]


def _queue_policy(properties: Template, api: Api, name: str) -> Made:
    def put(policy: str) -> None:
        for url in properties["Queues"]:
            api("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    put(json.dumps(properties["PolicyDocument"]))
    return name, lambda: put("")


def _bucket_policy(properties: Template, api: Api, _name: str) -> Made:
    bucket = properties["Bucket"]
    api("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(properties["PolicyDocument"]))
    return bucket, lambda: api("s3").delete_bucket_policy(Bucket=bucket)


def _scalable_target(properties: Template, api: Api, _name: str) -> Made:
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    target = {name: properties[name] for name in names}
    optional = {n: properties[n] for n in ("RoleARN", "SuspendedState") if n in properties}
    scaling = api("application-autoscaling")
    scaling.register_scalable_target(
        **target,
        **optional,
        MinCapacity=int(properties["MinCapacity"]),
        MaxCapacity=int(properties["MaxCapacity"]),
    )
    parts = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    physical = "|".join(properties[part] for part in parts)
    return physical, lambda: scaling.deregister_scalable_target(**target)


def _scaling_policy(properties: Template, api: Api, _name: str) -> Made:
    if "ScalingTargetId" in properties:
        resource, dimension, namespace = properties["ScalingTargetId"].split("|")
    else:
        names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
        resource, dimension, namespace = (properties[name] for name in names)
    policy = {
        "PolicyName": properties["PolicyName"],
        "ServiceNamespace": namespace,
        "ResourceId": resource,
        "ScalableDimension": dimension,
    }
    kind = "TargetTrackingScalingPolicyConfiguration"
    scaling = api("application-autoscaling")
    arn = scaling.put_scaling_policy(
        **policy, PolicyType=properties["PolicyType"], **{kind: properties[kind]}
    )["PolicyARN"]
    return arn, lambda: scaling.delete_scaling_policy(**policy)


def _permission(properties: Template, api: Api, name: str) -> Made:
    function = properties["FunctionName"]
    api("lambda").add_permission(**{"StatementId": name, **properties})
    return name, lambda: api("lambda").remove_permission(FunctionName=function, StatementId=name)


def _event_invoke_config(properties: Template, api: Api, _name: str) -> Made:
    whose = {"FunctionName": properties["FunctionName"]}
    numbers = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
    settings = {
        **{key: int(properties[key]) for key in numbers if key in properties},
        **{key: properties[key] for key in ("DestinationConfig",) if key in properties},
    }
    api("lambda").put_function_event_invoke_config(**whose, **settings)
    physical = f"{whose['FunctionName']}|{properties['Qualifier']}"
    return physical, lambda: api("lambda").delete_function_event_invoke_config(**whose)


def _subscription(properties: Template, api: Api, _name: str) -> Made:
    attributes = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in properties.items()
        if key in {"FilterPolicy", "FilterPolicyScope", "RawMessageDelivery"}
    }
    arn = api("sns").subscribe(
        TopicArn=properties["TopicArn"],
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        Attributes=attributes,
    )["SubscriptionArn"]
    return arn, lambda: api("sns").unsubscribe(SubscriptionArn=arn)


def _topic_policy(properties: Template, api: Api, name: str) -> Made:
    policy = json.dumps(properties["PolicyDocument"])
    for topic in properties["Topics"]:
        api("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=policy
        )
    return name, lambda: None


def _metadata(_properties: Template, _api: Api, name: str) -> Made:
    return name, lambda: None


class ApiResource(CloudFormationModel):
    """A resource created through the served cloud's own API, with that API's checks."""

    make: ClassVar[Make]

    def __init__(self, physical_resource_id: str, remove: Callable[[], object]) -> None:
        self.physical_resource_id = physical_resource_id
        self._remove = remove

    @staticmethod
    def cloudformation_type() -> str:
        """Return an empty string: this base class is for no resource type."""
        return ""

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return an empty string: these resources are not named by a property."""
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003 - moto's signature
        """Return False: there are no attributes to get."""
        return False

    def get_cfn_attribute(self, attribute_name: str) -> str:  # noqa: ARG002 - moto's signature
        """Raise an error: there are no attributes to get."""
        raise UnformattedGetAttTemplateException

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,  # noqa: ARG003 - moto's signature
        region_name: str,
        **_kwargs: Any,
    ) -> "ApiResource":
        """Create it."""
        return cls(
            *cls.make(
                cloudformation_json["Properties"],
                lambda service: client(service, region_name),
                resource_name,
            )
        )

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,  # noqa: ARG003 - moto's signature
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> "ApiResource":
        """Create it again: these calls replace what was there."""
        return cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )

    def delete(self, _account_id: str, _region_name: str) -> None:
        """Delete it."""
        self._remove()


class DeployedSchedule(ApiResource, CloudFormationModel):
    """A schedule; a new name or group replaces it, everything else is updated in place."""

    def __init__(
        self, physical_resource_id: str, remove: Callable[[], object], group: str, arn: str
    ) -> None:
        super().__init__(physical_resource_id, remove)
        self.group = group
        self.arn = arn

    @staticmethod
    def cloudformation_type() -> str:
        """Return the resource type."""
        return "AWS::Scheduler::Schedule"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return whether GetAtt knows the attribute."""
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the Arn."""
        return self.arn if attribute_name == "Arn" else super().get_cfn_attribute(attribute_name)

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,  # noqa: ARG003 - moto's signature
        region_name: str,
        **_kwargs: Any,
    ) -> "DeployedSchedule":
        """Create it as CreateSchedule does."""
        api = client("scheduler", region_name)
        settings = {"Name": resource_name, **cloudformation_json["Properties"]}
        _check_dates(settings)
        arn = api.create_schedule(**settings)["ScheduleArn"]
        name, group = settings["Name"], settings.get("GroupName", "default")
        return cls(name, lambda: api.delete_schedule(Name=name, GroupName=group), group, arn)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> "DeployedSchedule":
        """Update it as UpdateSchedule does, or replace it."""
        settings = {"Name": new_resource_name, **cloudformation_json["Properties"]}
        _check_dates(settings)
        old: DeployedSchedule = original_resource
        if (settings["Name"], settings.get("GroupName", "default")) == (
            old.physical_resource_id,
            old.group,
        ):
            client("scheduler", region_name).update_schedule(**settings)
            return old
        made = cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )
        old.delete(account_id, region_name)
        return made


def _check_dates(properties: Template) -> None:
    """Refuse a date without milliseconds, which CloudFormation does, and Scheduler does not.

    https://github.com/badmintoncryer/cdk-preflight/tree/main/rules/scheduler/pf-scheduler-date-format
    """
    for name in ("StartDate", "EndDate"):
        if re.fullmatch(r"[\d-]{10}T[\d:]{8}Z?", str(properties.get(name, ""))):
            raise ValidationError(
                message=f"Invalid request provided: {name} needs to follow the format "
                "yyyy-MM-ddTHH:mm:ss.SSSZ"
            )


class DeployedAlarm(ApiResource, CloudFormationModel):
    """A CloudWatch alarm, whose Arn is an attribute."""

    def __init__(self, physical_resource_id: str, remove: Callable[[], object], arn: str) -> None:
        super().__init__(physical_resource_id, remove)
        self.arn = arn

    @staticmethod
    def cloudformation_type() -> str:
        """Return the resource type."""
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return whether GetAtt knows the attribute."""
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the Arn."""
        return self.arn if attribute_name == "Arn" else super().get_cfn_attribute(attribute_name)

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,  # noqa: ARG003 - moto's signature
        region_name: str,
        **_kwargs: Any,
    ) -> "DeployedAlarm":
        """Create it as PutMetricAlarm does."""
        api = client("cloudwatch", region_name)
        given = {"AlarmName": resource_name, **cloudformation_json["Properties"]}
        for name in ("Period", "EvaluationPeriods", "DatapointsToAlarm"):
            if name in given:
                given[name] = int(given[name])
        given["Threshold"] = float(given["Threshold"])
        api.put_metric_alarm(**given)
        name = given["AlarmName"]
        (made,) = api.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return cls(name, lambda: api.delete_alarms(AlarmNames=[name]), made["AlarmArn"])


def _register(resource_type: str, make: Make) -> type[ApiResource]:
    name = resource_type.replace("::", "")
    members = {
        "__module__": __name__,
        "make": staticmethod(make),
        "cloudformation_type": staticmethod(lambda: resource_type),
    }
    return type(name, (ApiResource, CloudFormationModel), members)


REGISTERED = [
    _register("AWS::ApplicationAutoScaling::ScalableTarget", _scalable_target),
    _register("AWS::ApplicationAutoScaling::ScalingPolicy", _scaling_policy),
    _register("AWS::CDK::Metadata", _metadata),
    _register("AWS::Lambda::EventInvokeConfig", _event_invoke_config),
    _register("AWS::Lambda::Permission", _permission),
    _register("AWS::S3::BucketPolicy", _bucket_policy),
    _register("AWS::SNS::Subscription", _subscription),
    _register("AWS::SNS::TopicPolicy", _topic_policy),
    _register("AWS::SQS::QueuePolicy", _queue_policy),
]
