"""The shop before the refresh: its buckets, Glue jobs, and campaigns trained on last week's data.

Everything is made through the cloud's own API under root credentials, as an administrator would,
from what the synthesised stack says its refreshes are.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from embedded_aws import Cloud
from rehearsal.assembly import dataset_type, datasets
from rehearsal.weekly_files import PreparationError, WeeklyFiles, upload

RECIPE = "arn:aws:personalize:::recipe/aws-user-personalization"
POLL_SECONDS = 60.0
PREPARATION_ROLE = "marketplace-before-the-rehearsal"
GLUE_ROLE = "marketplace-glue"  # nobody assumes it: no job's script is run
REQUIRED = {
    "INTERACTIONS": {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"},
    "ITEMS": {"ITEM_ID": "string"},
    "USERS": {"USER_ID": "string"},
}


def prepare(cloud: Cloud, settings: Mapping[str, Any], last_week: WeeklyFiles) -> dict[str, float]:
    """Make the shop as it was last week, and return how long its stages took then.

    `settings` are the stack's (see assembly.py). Returns simulated seconds by stage:
    dataset_import, solution_version, campaign. Raises PreparationError with Personalize's reason
    if last week's data cannot be imported or trained on.
    """
    personalize = cloud.client("personalize")
    with cloud.clock.running():
        durations = {"dataset_import": 0.0, "solution_version": 0.0, "campaign": 0.0}
        role = _preparation_role(cloud, settings)
        _glue_jobs(cloud, settings)
        for dataset in datasets(settings):
            _bucket(cloud, dataset["location"])
            upload(cloud, dataset, last_week)
            _dataset(cloud, dataset, last_week)
        for dataset in datasets(settings):
            job = personalize.create_dataset_import_job(
                jobName=f"{_group(dataset)}-{dataset_type(dataset).lower()}-last-week"[-63:].lstrip(
                    "-_"
                ),
                datasetArn=dataset["dataset_arn"],
                dataSource={"dataLocation": dataset["location"]},
                roleArn=role,
            )["datasetImportJobArn"]
            durations["dataset_import"] = _until_active(
                cloud, "dataset_import_job", datasetImportJobArn=job
            )
        trained: dict[str, str] = {}
        for refresh in settings["refreshes"]:
            group = refresh["datasets"][0]
            for campaign in refresh["campaigns"]:
                solution = campaign["solution_name"]
                if solution not in trained:
                    trained[solution] = _solution_version(cloud, solution, _group_arn(group))
                    durations["solution_version"] = _until_active(
                        cloud, "solution_version", solutionVersionArn=trained[solution]
                    )
                arn = personalize.create_campaign(
                    name=campaign["campaign_name"],
                    solutionVersionArn=trained[solution],
                    minProvisionedTPS=1,
                )["campaignArn"]
                durations["campaign"] = _until_active(cloud, "campaign", campaignArn=arn)
    return durations


def _group(dataset: Mapping[str, Any]) -> str:
    return str(dataset["dataset_arn"]).split("/")[1]


def _group_arn(dataset: Mapping[str, Any]) -> str:
    return f"{str(dataset['dataset_arn']).split(':dataset/')[0]}:dataset-group/{_group(dataset)}"


def _bucket(cloud: Cloud, location: str) -> None:
    """Make the bucket, with the policy that Personalize needs beside its role."""
    bucket = location.removeprefix("s3://").split("/")[0]
    s3 = cloud.client("s3")
    if bucket in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        return
    if cloud.region == "us-east-1":  # S3 refuses its own default as a constraint
        s3.create_bucket(Bucket=bucket)
    else:
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region}
        )
    arn = f"arn:aws:s3:::{bucket}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "personalize.amazonaws.com"},
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": cloud.account}},
    }
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def _preparation_role(cloud: Cloud, settings: Mapping[str, Any]) -> str:
    """Make a role to import last week's data with, since the stack's own is not there yet."""
    iam = cloud.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "personalize.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    buckets = {d["location"].removeprefix("s3://").split("/")[0] for d in datasets(settings)}
    read = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{b}{end}" for b in sorted(buckets) for end in ("", "/*")],
    }
    arn: str = iam.create_role(
        RoleName=PREPARATION_ROLE,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=PREPARATION_ROLE,
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [read]}),
    )
    return arn


def _glue_jobs(cloud: Cloud, settings: Mapping[str, Any]) -> None:
    glue = cloud.client("glue")
    for job in dict.fromkeys(refresh["glue_job"] for refresh in settings["refreshes"]):
        script = f"s3://aws-glue-scripts-{cloud.account}-{cloud.region}/{job}.py"
        glue.create_job(
            Name=job, Role=GLUE_ROLE, Command={"Name": "glueetl", "ScriptLocation": script}
        )


def _dataset(cloud: Cloud, dataset: Mapping[str, Any], files: WeeklyFiles) -> None:
    personalize = cloud.client("personalize")
    group = _group_arn(dataset)
    known = {g["datasetGroupArn"] for g in personalize.list_dataset_groups()["datasetGroups"]}
    if group not in known:
        personalize.create_dataset_group(name=_group(dataset))
        _until_active(cloud, "dataset_group", datasetGroupArn=group)
    kind = dataset_type(dataset)
    schema = personalize.create_schema(
        name=f"{_group(dataset)[:50]}-{kind.lower()}"[:63],
        schema=json.dumps(_schema(kind, files.of(kind)[0])),
    )["schemaArn"]
    arn = personalize.create_dataset(
        name=f"{_group(dataset)[:50]}-{kind.lower()}"[:63],
        schemaArn=schema,
        datasetGroupArn=group,
        datasetType=kind,
    )["datasetArn"]
    _until_active(cloud, "dataset", datasetArn=arn)


def _solution_version(cloud: Cloud, solution: str, group: str) -> str:
    personalize = cloud.client("personalize")
    arn = personalize.create_solution(
        name=solution, datasetGroupArn=group, recipeArn=RECIPE, performAutoTraining=False
    )["solutionArn"]
    _until_active(cloud, "solution", solutionArn=arn)
    version: str = personalize.create_solution_version(solutionArn=arn)["solutionVersionArn"]
    return version


def _until_active(cloud: Cloud, kind: str, **arn: str) -> float:
    """Wait, in simulated time, until a resource is ACTIVE; return the seconds it took."""
    describe = getattr(cloud.client("personalize"), f"describe_{kind}")
    began = cloud.clock.time()
    while True:
        (described,) = (v for k, v in describe(**arn).items() if k != "ResponseMetadata")
        if described["status"] == "ACTIVE":
            return cloud.clock.time() - began
        if described["status"].endswith(("FAILED", "STOPPED")):
            what = kind.replace("_", " ")
            raise PreparationError(f"last week's {what} failed: {described.get('failureReason')}")
        cloud.clock.sleep(POLL_SECONDS)


def _schema(kind: str, file: Path) -> dict[str, Any]:
    """Return the Avro schema of a file: what the dataset type requires, and its other columns."""
    columns = pl.read_csv(file, n_rows=1000, infer_schema_length=1000).schema
    found = {
        name: "long" if dtype.is_integer() else "float" if dtype.is_float() else "string"
        for name, dtype in columns.items()
    }
    fields = {**found, **REQUIRED[kind]}
    return {
        "type": "record",
        "name": kind.capitalize(),
        "namespace": "com.amazonaws.personalize.schema",
        "fields": [
            {"name": name, "type": kind, **({"categorical": True} if name == "CATEGORY" else {})}
            for name, kind in fields.items()
        ],
        "version": "1.0",
    }
