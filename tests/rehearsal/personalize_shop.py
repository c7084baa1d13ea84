"""A served Personalize with a bucket and a role, and one test's own virtual clock."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.server import ThreadedMotoServer

from rehearsal import clients, iam, sample_data
from rehearsal.clock import Clock, use
from rehearsal.personalize.models import PersonalizeBackend, install, personalize_backend

REGION = "ap-northeast-1"
BUCKET = "shop-data"
HRNN = "arn:aws:personalize:::recipe/aws-hrnn"
USER_PERSONALIZATION = "arn:aws:personalize:::recipe/aws-user-personalization"
START = 1_600_000_000.0
MINUTE = 60.0
READER = {"Service": "personalize.amazonaws.com"}


def csv(rows: int = 1200, users: int = 60, items: int = 40, *, first: int = 0) -> str:
    """Write interactions that can be trained on; `first` numbers the items from there."""
    lines = [
        f"u{n % users},i{first + (n + n // users) % items},{1_599_000_000 + n},view"
        for n in range(rows)
    ]
    return "\n".join([",".join(sample_data.COLUMNS), *lines, ""])


@dataclass
class Shop:
    """A test's Personalize; time stands still but for `wait`."""

    clock: Clock
    account: str

    def client(self, service: str) -> Any:
        return clients.client(service, REGION)

    @property
    def personalize(self) -> Any:
        return self.client("personalize")

    @property
    def backend(self) -> PersonalizeBackend:
        return personalize_backend(self.account, REGION)

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.account}:role/personalize-import"

    def arn(self, path: str) -> str:
        return f"arn:aws:personalize:{REGION}:{self.account}:{path}"

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def put(self, key: str, body: str | bytes) -> str:
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def allow_reading(self, principal: Any = READER, condition: Any = None) -> None:
        """Let Personalize read the bucket; with None as principal, nobody."""
        s3 = self.client("s3")
        if principal is None:
            s3.delete_bucket_policy(Bucket=BUCKET)
            return
        statement = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        } | ({"Condition": condition} if condition else {})
        s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(statement))

    def make_role(self, condition: Any = None, principal: Any = READER) -> None:
        """Make the import role, which trusts Personalize."""
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        trust |= {"Condition": condition} if condition else {}
        self.client("iam").create_role(
            RoleName=self.role.rpartition("/")[2],
            AssumeRolePolicyDocument=_policy(
                trust | ({"Condition": condition} if condition else {})
            ),
        )

    def dataset(self, schema: str = sample_data.SCHEMA, group: str = "shop") -> str:
        """Make a group and its empty Interactions dataset, ACTIVE; answer the dataset's ARN."""
        personalize = self.personalize
        made = personalize.create_dataset_group(name=group)["datasetGroupArn"]
        schema_arn = personalize.create_schema(name=f"{group}-schema", schema=schema)["schemaArn"]
        self.wait(MINUTE)
        arn: str = personalize.create_dataset(
            name="interactions",
            schemaArn=schema_arn,
            datasetGroupArn=made,
            datasetType="Interactions",
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
        """Import, and answer the job as it is described at the end."""
        arn = self.begin_import(dataset, name, location, mode)
        self.wait(20 * MINUTE)
        return self.personalize.describe_dataset_import_job(datasetImportJobArn=arn)[
            "datasetImportJob"
        ]

    def solution(self, name: str = "solution", *, recipe: str = HRNN, **settings: Any) -> str:
        """Make an ACTIVE solution in the group `shop`, which does not train by itself."""
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

    def recommended(self, campaign: str, user: str, most: int = 25) -> list[str]:
        answer = self.client("personalize-runtime").get_recommendations(
            campaignArn=campaign, userId=user, numResults=most
        )
        return [item["itemId"] for item in answer["itemList"]]


@contextmanager
def running_shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Serve a new Personalize, with nothing in it but a readable bucket and a role."""
    install()
    BackendDict.reset()
    iam.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", _endpoint())
    clock = Clock(START)
    use(clock)
    with clock.running():
        account = clients.client("sts", REGION).get_caller_identity()["Account"]
        shop = Shop(clock, account)
        shop.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        shop.allow_reading()
        shop.make_role()
        try:
            yield shop
        finally:
            clock.stop()  # while time stands still: what is still to come never happens


@cache
def _endpoint() -> str:
    """Serve until this process ends: stopping a server takes half a second."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    return f"http://localhost:{port}"


def _policy(statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
