"""The table with a row per campaign and date."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct, IConstruct

from stacks.encryption import encryption_key
from stacks.log import removal_policy
from stacks.settings import Environment, Provisioned


def named_table(scope: Construct, environment: Environment) -> dynamodb.ITable:
    """Return the table by its name, for what is created before it."""
    return dynamodb.Table.from_table_name(scope, "NamedTable", environment.table.name)


def refresh_table(
    scope: Construct, environment: Environment, *, after: list[IConstruct]
) -> dynamodb.Table:
    """Make the article's table, with capacity on demand or as in the article.

    It is created `after` what may fail: a table that is protected from deletion could not be
    deleted with the rest of a first deployment that fails.
    """
    capacity = environment.table.capacity
    provisioned = capacity if isinstance(capacity, Provisioned) else None
    billing = dynamodb.BillingMode
    key = encryption_key(scope, environment)
    encryption = dynamodb.TableEncryption
    table = dynamodb.Table(
        scope,
        "Table",
        table_name=environment.table.name,
        partition_key=dynamodb.Attribute(name="campaign_name", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="base_date", type=dynamodb.AttributeType.NUMBER),
        billing_mode=billing.PROVISIONED if provisioned else billing.PAY_PER_REQUEST,
        read_capacity=provisioned.read if provisioned else None,
        write_capacity=provisioned.write if provisioned else None,
        encryption=encryption.CUSTOMER_MANAGED if key else None,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=environment.removal_policy == "retain",
        removal_policy=removal_policy(environment),
        stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,  # others are told what rows say
    )
    table.node.add_dependency(*after)
    if provisioned:
        table.auto_scale_write_capacity(
            min_capacity=provisioned.write, max_capacity=provisioned.max_write
        ).scale_on_utilization(target_utilization_percent=70)
    return table
