"""What single settings change in the template: partition, tags, permissions boundary, keys."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.test_stack import listed, only, resources, statements

KEY = "arn:aws:kms:eu-central-1:555566667777:key/11111111-2222-3333-4444-555555555555"
BUCKET_KEY = "arn:aws:kms:eu-central-1:444455556666:key/66666666-7777-8888-9999-000000000000"
SERVED = {
    "Refresh": ["dynamodb"],
    "CheckDataRole": ["dynamodb", "s3"],
    "CreateImportRole": ["dynamodb"],
    "CreateSolutionVersionRole": ["dynamodb"],
    "PlanRefresh": ["dynamodb"],
    "TriggersReconcileRole": ["sqs"],
    "FreshnessCheckFreshnessRole": ["dynamodb"],
    "AnnouncementsAnnounceRole": ["dynamodb", "sns", "sqs"],
    "AnnouncementsRecordEndRole": ["dynamodb", "sns", "sqs"],
    "AnnouncementsAnnounceFailureRole": ["sns", "sqs"],
}


@pytest.fixture
def guarded(variants: Path) -> dict[str, Any]:
    return read(variants, "guarded")


def read(variants: Path, environment: str) -> dict[str, Any]:
    text = (variants / f"PersonalizeRefresh-{environment}.template.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_in_china_no_arn_has_the_partition_aws(variants: Path) -> None:
    china = json.dumps(read(variants, "china"))
    assert "arn:aws:" not in china
    assert "arn:aws-cn:states:::" in china
    assert "arn:aws-cn:s3:::shop" in china


def test_what_can_have_tags_has_those_of_the_environment(guarded: dict[str, Any]) -> None:
    tags = [{"Key": "cost:center", "Value": "4711"}, {"Key": "team", "Value": "shop"}]
    for kind in (
        "AWS::CloudWatch::Alarm",
        "AWS::DynamoDB::Table",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::SQS::Queue",
        "AWS::StepFunctions::StateMachine",
    ):
        assert resources(guarded, kind)
        for properties in resources(guarded, kind).values():
            assert properties["Tags"] == tags, kind


def test_every_role_has_the_permissions_boundary(guarded: dict[str, Any]) -> None:
    roles = resources(guarded, "AWS::IAM::Role").values()
    boundary = "arn:aws:iam::555566667777:policy/workload-boundary"
    assert {role.get("PermissionsBoundary") for role in roles} == {boundary}


def test_table_queue_and_logs_are_encrypted_with_the_environments_key(
    guarded: dict[str, Any],
) -> None:
    assert only(guarded, "AWS::DynamoDB::Table")["SSESpecification"] == {
        "KMSMasterKeyId": KEY,
        "SSEEnabled": True,
        "SSEType": "KMS",
    }
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        keys = {properties["KmsMasterKeyId"] for properties in resources(guarded, kind).values()}
        assert keys == {KEY}
    groups = resources(guarded, "AWS::Logs::LogGroup").values()
    assert {group.get("KmsKeyId") for group in groups} == {KEY}


def test_a_key_is_used_by_who_needs_it_only(guarded: dict[str, Any]) -> None:
    used: dict[str, list[Any]] = {}
    for name in resources(guarded, "AWS::IAM::Role"):
        for statement in statements(guarded, name):
            if any(action.startswith("kms:") for action in listed(statement["Action"])):
                used.setdefault(name, []).append(statement)
    importing = {k: v for k, v in used.items() if k.startswith("ImportRole")}
    ((statement,),) = importing.values()
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", BUCKET_KEY)
    others = {k: v for k, v in used.items() if k not in importing}
    assert len(others) == len(SERVED)
    for name, found in others.items():
        (services,) = (s for role, s in SERVED.items() if name.startswith(role))
        assert sorted(s["Condition"]["StringEquals"]["kms:ViaService"] for s in found) == [
            f"{service}.eu-central-1.amazonaws.com" for service in services
        ]
        for statement in found:
            of_data = "s3." in statement["Condition"]["StringEquals"]["kms:ViaService"]
            assert statement["Resource"] == (BUCKET_KEY if of_data else KEY)
            assert not [action for action in listed(statement["Action"]) if "*" in action]
