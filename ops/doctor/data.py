"""Where the data lies: the bucket, its policy and key, the import role; and the Glue jobs."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ops.doctor.examination import Check, Examination, Unknown

PERSONALIZE = "personalize.amazonaws.com"
INSUFFICIENT = 'imports fail with "Insufficient privileges for accessing data in Amazon S3."'


def look_at_glue_jobs(look: Examination) -> None:
    """Each Glue job exists, and its last run."""
    glue = look.client("glue")
    for job in look.settings.glue_jobs:
        try:
            found = look.ask("glue:GetJob", glue.get_job, JobName=job)
            if found is None:
                look.problem(
                    f"the Glue job {job} does not exist",
                    "nothing will start its refresh",
                    f"aws glue create-job --name {job} …; or correct glue_job in the settings",
                )
                continue
            runs = look.ask("glue:GetJobRuns", glue.get_job_runs, JobName=job, MaxResults=1)
        except Unknown:
            continue
        last = (runs or {}).get("JobRuns", [])
        if not last:
            look.ok(f"the Glue job {job} exists; it has not run yet")
        elif last[0]["JobRunState"] in {"FAILED", "TIMEOUT", "STOPPED", "ERROR"}:
            look.problem(
                f"the last run of the Glue job {job} is {last[0]['JobRunState']}",
                str(last[0].get("ErrorMessage", "no new data was delivered")),
                f"aws glue start-job-run --job-name {job}",
                level="WARNING",
            )
        else:
            look.ok(f"the last run of the Glue job {job} is {last[0]['JobRunState']}")


def look_at_buckets(look: Examination) -> None:
    """Each bucket exists, lets Personalize read, and its locations have CSV files."""
    today = datetime.now(ZoneInfo(look.settings.time_zone)).strftime("%Y%m%d")
    places = sorted(
        {
            location.replace("{base_date}", today)
            for dataset in look.settings.datasets
            for location in (dataset.location, dataset.full_location)
            if location
        }
    )
    for bucket in sorted({place.split("/")[2] for place in places}):
        try:
            exists = _bucket(look, bucket)
        except Unknown:
            continue
        for place in places if exists else []:
            if place.split("/")[2] == bucket:
                _location(look, bucket, place)


def _bucket(look: Examination, bucket: str) -> bool:
    s3 = look.client("s3")
    found = look.ask("s3:ListBucket", s3.head_bucket, Bucket=bucket)
    if found is None:
        look.problem(
            f"the bucket {bucket} does not exist",
            "there is no data to import",
            f"aws s3 mb s3://{bucket} --region {look.settings.region}",
        )
        return False
    place = look.ask("s3:GetBucketLocation", s3.get_bucket_location, Bucket=bucket)
    region = (place or {}).get("LocationConstraint") or "us-east-1"
    if region != look.settings.region:
        look.problem(
            f"the bucket {bucket} is in {region}, not in {look.settings.region}",
            "Personalize reads only buckets of its own region",
            f"let the Glue job write to a bucket in {look.settings.region}",
        )
    _bucket_policy(look, bucket)
    _bucket_key(look, bucket)
    return True


def _bucket_policy(look: Examination, bucket: str) -> None:
    s3 = look.client("s3")
    found = look.ask("s3:GetBucketPolicy", s3.get_bucket_policy, Bucket=bucket)
    statements = _statements(found["Policy"]) if found else []
    fix = "docs/deploy.md has the bucket policy: aws s3api put-bucket-policy --bucket " + bucket
    denied = [s for s in statements if s.get("Effect") == "Deny" and _concerns(s)]
    if denied:
        look.problem(
            f"the policy of the bucket {bucket} denies {PERSONALIZE} something "
            f"({denied[0].get('Sid', 'a statement without Sid')})",
            INSUFFICIENT,
            fix,
        )
    allowed = {
        action.lower()
        for s in statements
        if s.get("Effect") == "Allow" and _concerns(s)
        for action in _list(s.get("Action"))
    }
    missing = [a for a in ("s3:GetObject", "s3:ListBucket") if not _allows(allowed, a)]
    if missing:
        look.problem(
            f"the policy of the bucket {bucket} does not allow {PERSONALIZE} {', '.join(missing)}",
            INSUFFICIENT,
            fix,
        )
    elif not denied:
        look.ok(f"the policy of the bucket {bucket} lets {PERSONALIZE} read")


def _bucket_key(look: Examination, bucket: str) -> None:
    """A bucket that a key of the customer encrypts needs the key's policy."""
    s3 = look.client("s3")
    try:
        found = look.ask("s3:GetEncryptionConfiguration", s3.get_bucket_encryption, Bucket=bucket)
    except Unknown:
        return
    rules = (found or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    keys = [
        rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
        for rule in rules
        if rule.get("ApplyServerSideEncryptionByDefault", {})
        .get("SSEAlgorithm", "")
        .startswith("aws:kms")
    ]
    for key in filter(None, keys):
        look_at_key(look, key, [PERSONALIZE], "kms:Decrypt", INSUFFICIENT)
        if look.settings.import_role.buckets and key not in look.settings.import_role.bucket_keys:
            look.problem(
                f"import_role.bucket_keys does not name {key}, which encrypts {bucket}",
                INSUFFICIENT,
                f"add it to the settings, and deploy: npx cdk deploy {look.stack}",
            )


def look_at_key(look: Examination, key: str, principals: list[str], action: str, why: str) -> None:
    """A key exists, is enabled, and its policy lets the services in."""
    kms, short = look.client("kms"), key.rsplit("/", 1)[-1]
    found = look.ask("kms:DescribeKey", kms.describe_key, KeyId=key)
    if found is None:
        look.problem(f"the key {key} does not exist", why, "correct it in the settings")
        return
    state = found["KeyMetadata"]["KeyState"]
    if state != "Enabled":
        look.problem(f"the key {key} is {state}", why, f"aws kms enable-key --key-id {short}")
        return
    policy = look.ask("kms:GetKeyPolicy", kms.get_key_policy, KeyId=short, PolicyName="default")
    statements = _statements(policy["Policy"]) if policy else []
    missing = [
        principal
        for principal in principals
        if not any(
            s.get("Effect") == "Allow"
            and principal in _list(_principals(s).get("Service"))
            and _allows({a.lower() for a in _list(s.get("Action"))}, action)
            for s in statements
        )
    ]
    if missing:
        look.problem(
            f"the policy of the key {key} does not allow {action} to {', '.join(missing)}",
            why,
            f"docs/deploy.md has the statement: aws kms put-key-policy --key-id {short} …",
        )
    else:
        look.ok(f"the key {key} lets {', '.join(principals)} use it")


def _location(look: Examination, bucket: str, place: str) -> None:
    s3, prefix = look.client("s3"), place.split("/", 3)[3]
    try:
        found = look.ask(
            "s3:ListBucket", s3.list_objects_v2, Bucket=bucket, Prefix=prefix, MaxKeys=1000
        )
    except Unknown:
        return
    keys = [each["Key"] for each in (found or {}).get("Contents", [])]
    if any(key.endswith(".csv") for key in keys):
        look.ok(f"{place} has CSV files")
    else:
        look.problem(
            f"{place} has no CSV file",
            "an import would fail, unless the Glue job writes there first",
            "run the Glue job, or correct location in the settings",
            level="WARNING",
        )


def look_at_import_role(look: Examination) -> None:
    """An existing import role can be assumed by Personalize, of this account."""
    arn = look.settings.import_role.arn
    if arn is None:
        look.ok("the stack makes the import role")
        return
    name = arn.rsplit("/", 1)[-1]
    found = look.ask("iam:GetRole", look.client("iam").get_role, RoleName=name)
    if found is None:
        look.problem(
            f"the import role {arn} does not exist",
            "no import can be created",
            "correct import_role.arn in the settings, or let the stack make one (buckets)",
        )
        return
    trust = found["Role"]["AssumeRolePolicyDocument"]
    statements = _statements(trust if isinstance(trust, str) else json.dumps(trust))
    if any(
        s.get("Effect") == "Allow" and PERSONALIZE in _list(_principals(s).get("Service"))
        for s in statements
    ):
        look.ok(f"{PERSONALIZE} may assume the import role {name}")
    else:
        look.problem(
            f"{PERSONALIZE} may not assume the import role {arn}",
            INSUFFICIENT,
            f"aws iam update-assume-role-policy --role-name {name} …",
        )


def _statements(policy: str) -> list[dict[str, Any]]:
    document = json.loads(policy)
    return _list(document.get("Statement"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _principals(statement: dict[str, Any]) -> dict[str, Any]:
    principal = statement.get("Principal", {})
    return principal if isinstance(principal, dict) else {"Service": principal}


def _concerns(statement: dict[str, Any]) -> bool:
    """Whether a statement is about Personalize; one that only denies plain HTTP is not."""
    if "aws:SecureTransport" in json.dumps(statement.get("Condition", {})):
        return False
    names = _list(_principals(statement).get("Service"))
    return PERSONALIZE in names or "*" in names or _principals(statement).get("AWS") == "*"


def _allows(actions: set[str], action: str) -> bool:
    service, _, name = action.lower().partition(":")
    return any(
        given in {"*", f"{service}:*", action.lower()}
        or (given.endswith("*") and f"{service}:{name}".startswith(given[:-1]))
        for given in actions
    )


CHECKS: dict[str, Check] = {
    "glue jobs": look_at_glue_jobs,
    "buckets": look_at_buckets,
    "import role": look_at_import_role,
}
