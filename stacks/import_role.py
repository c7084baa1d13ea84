"""The role with which Personalize reads the data from S3."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.permissions import allow
from stacks.settings import Environment


def import_role_arn(scope: Construct, environment: Environment) -> str:
    """Return the ARN of the environment's role, made here unless the settings name one.

    The made role may list the named buckets and read the datasets' locations, for import jobs of
    this account and region only, so that no one else's Personalize can be made to use it.
    """
    if environment.import_role.arn is not None:
        return environment.import_role.arn
    role = iam.Role(
        scope,
        "ImportRole",
        assumed_by=iam.ServicePrincipal(
            "personalize.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": environment.account},
                "ArnLike": {"aws:SourceArn": environment.arn("personalize", "*")},
            },
        ),
        description="Lets Amazon Personalize read the data that the Glue jobs deliver",
    )
    s3 = f"arn:{environment.partition}:s3:::"
    allow(
        role,
        ["s3:ListBucket"],
        [f"{s3}{bucket}" for bucket in environment.import_role.buckets or []],
    )
    allow(
        role,
        ["s3:GetObject"],
        [f"{s3}{objects}" for dataset in environment.datasets for objects in dataset.objects],
        wildcard="a folder's files are named by the Glue job",
    )
    if keys := environment.import_role.bucket_keys:
        allow(role, ["kms:Decrypt"], keys)
    return role.role_arn
