"""A served Personalize with a bucket and a role, and one test's own virtual clock."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.services.personalize.models import PersonalizeBackend, personalize_backend
from rehearsal import sample_data

BUCKET = "shop-data"
HRNN = "arn:aws:personalize:::recipe/aws-hrnn"
INTERACTIONS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"}
TEXT = {"type": ["null", "string"], "textual": True}
USER_PERSONALIZATION = "arn:aws:personalize:::recipe/aws-user-personalization"
MINUTE = 60.0
ROLE = "personalize-import"
READER = {"Service": "personalize.amazonaws.com"}
READING = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
}


def csv(rows: int = 1200, users: int = 60, items: int = 40, *, first: int = 0) -> str:
    """Write interactions that can be trained on; `first` numbers the items from there."""
    lines = [
        f"u{n % users},i{first + (n + n // users) % items},{1_599_000_000 + n},view"
        for n in range(rows)
    ]
    return "\n".join([",".join(sample_data.COLUMNS), *lines, ""])


@dataclass
class Shop:
    """Personalize for one test; only `wait` moves the time."""

    cloud: Cloud

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    @property
    def personalize(self) -> Any:
        return self.client("personalize")

    @property
    def backend(self) -> PersonalizeBackend:
        return personalize_backend(self.cloud.account, self.cloud.region)

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.cloud.account}:role/{ROLE}"

    def arn(self, path: str) -> str:
        return f"arn:aws:personalize:{self.cloud.region}:{self.cloud.account}:{path}"

    def wait(self, seconds: float) -> None:
        self.cloud.clock.sleep(seconds)

    def put(self, key: str, body: str | bytes) -> str:
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def allow_reading(self, principal: Any = READER, condition: Any = None) -> None:
        """Let Personalize read the bucket; None as principal removes the bucket policy."""
        s3 = self.client("s3")
        if principal is None:
            s3.delete_bucket_policy(Bucket=BUCKET)
            return
        statement = READING | {"Principal": principal}
        statement |= {"Condition": condition} if condition else {}
        s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(statement))

    def make_role(
        self, *, principal: Any = READER, condition: Any = None, may_read: bool = True
    ) -> None:
        """Create the import role again; it trusts Personalize and may read the bucket."""
        client = self.client("iam")
        with suppress(client.exceptions.NoSuchEntityException):
            client.delete_role_policy(RoleName=ROLE, PolicyName="read")
        with suppress(client.exceptions.NoSuchEntityException):
            client.delete_role(RoleName=ROLE)
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        trust |= {"Condition": condition} if condition else {}
        client.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(trust))
        if may_read:
            client.put_role_policy(
                RoleName=ROLE, PolicyName="read", PolicyDocument=_policy(READING)
            )

    def dataset(
        self, schema: str = sample_data.SCHEMA, group: str = "shop", domain: str | None = None
    ) -> str:
        """Create a group and its empty Interactions dataset, ACTIVE; return the dataset's ARN."""
        named: Any = {"name": group} | ({"domain": domain} if domain else {})
        self.personalize.create_dataset_group(**named)
        self.wait(MINUTE)
        return self.another_dataset("Interactions", schema, group, domain)

    def another_dataset(
        self, kind: str, schema: str, group: str = "shop", domain: str | None = None
    ) -> str:
        """Create an empty dataset of a group, ACTIVE; return its ARN."""
        name = f"{group}-schema" if kind == "Interactions" else f"{group}-{kind}"
        written: Any = {"name": name, "schema": schema} | ({"domain": domain} if domain else {})
        arn: str = self.personalize.create_dataset(
            name=kind,
            schemaArn=self.personalize.create_schema(**written)["schemaArn"],
            datasetGroupArn=self.arn(f"dataset-group/{group}"),
            datasetType=kind,
        )["datasetArn"]
        self.wait(MINUTE)
        return arn

    def begin_import(self, dataset: str, name: str, location: str, mode: str = "FULL") -> str:
        arn: str = self.personalize.create_dataset_import_job(
            jobName=name,
            datasetArn=dataset,
            dataSource={"dataLocation": location},
            roleArn=self.role,
            importMode=mode,
        )["datasetImportJobArn"]
        return arn

    def imported(self, dataset: str, name: str, location: str, mode: str = "FULL") -> Any:
        """Import, and return the job as it is described at the end."""
        arn = self.begin_import(dataset, name, location, mode)
        self.wait(20 * MINUTE)
        return self.personalize.describe_dataset_import_job(datasetImportJobArn=arn)[
            "datasetImportJob"
        ]

    def solution(self, name: str = "solution", *, recipe: str = HRNN, **settings: Any) -> str:
        """Create an ACTIVE solution in the group `shop`, without automatic training."""
        arn: str = self.personalize.create_solution(
            name=name,
            datasetGroupArn=self.arn("dataset-group/shop"),
            recipeArn=recipe,
            **{"performAutoTraining": False} | settings,
        )["solutionArn"]
        self.wait(MINUTE)
        return arn

    def trained(self, solution: str, **settings: Any) -> str:
        """Train a version and wait until it is done."""
        created = self.personalize.create_solution_version(solutionArn=solution, **settings)
        self.wait(30 * MINUTE)
        arn: str = created["solutionVersionArn"]
        return arn

    def campaign(self, version: str, name: str = "campaign", **settings: Any) -> str:
        arn: str = self.personalize.create_campaign(
            name=name, solutionVersionArn=version, **settings
        )["campaignArn"]
        self.wait(20 * MINUTE)
        return arn

    def version(self, arn: str) -> Any:
        """Describe a solution version."""
        return self.personalize.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]

    def described(self, campaign: str) -> Any:
        """Describe a campaign."""
        return self.personalize.describe_campaign(campaignArn=campaign)["campaign"]

    def recommended(self, campaign: str, user: str, most: int = 25) -> list[str]:
        response = self.client("personalize-runtime").get_recommendations(
            campaignArn=campaign, userId=user, numResults=most
        )
        return [item["itemId"] for item in response["itemList"]]


@contextmanager
def open_shop(cloud: Cloud) -> Iterator[Shop]:
    """Set up a readable bucket and an import role; only `Shop.wait` moves the time."""
    with cloud.clock.running():
        shop = Shop(cloud)
        shop.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.region}
        )
        shop.allow_reading()
        shop.make_role()
        try:
            yield shop
        finally:
            cloud.stop()  # while time stands still: events that are still planned never happen


def record(name: str, **fields: Any) -> str:
    """Write the Avro schema of a record with fields of these types, or described by a dict."""
    described = []
    for field, kind in fields.items():
        of = dict(kind) if isinstance(kind, dict) else {"type": kind}
        plain = field.endswith("_ID") or field == "EVENT_TYPE" or isinstance(kind, dict)
        described.append(
            {"name": field} | of | ({} if plain or kind != "string" else {"categorical": True})
        )
    return json.dumps({"type": "record", "name": name, "fields": described, "version": "1.0"})


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    """Return the code and message of the error that a call must end with."""
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def _policy(statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
