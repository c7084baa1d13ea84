"""What the embedded cloud does not offer: an error that names it, in the service's protocol."""

import http.client
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws import not_offered, wire
from embedded_aws.cloud import Cloud
from tests.embedded_aws.personalize_shop import refusal


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("glue", "ListBlueprints", {}),  # JSON, with a target
        ("lambda", "GetAccountSettings", {}),  # JSON, with a path
        ("cloudwatch", "DescribeAnomalyDetectors", {}),  # CBOR, or JSON
        ("sqs", "ListMessageMoveTasks", {"SourceArn": "arn:aws:sqs:::q"}),  # JSON, once a query
        ("sns", "ListOriginationNumbers", {}),  # a query
        ("ec2", "DescribeCapacityBlocks", {}),  # a query of EC2
        ("translate", "ListTerminologies", {}),  # a service that moto does not have
        ("braket", "SearchJobs", {"filters": []}),
    ],
)
def test_an_operation_that_is_not_offered_is_named_by_the_error(
    cloud: Cloud, service: str, operation: str, request_: dict[str, Any]
) -> None:
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
    code, message = refusal(getattr(cloud.client(service), name), **request_)
    assert code == "NotImplemented"
    assert message.startswith(f"The operation {operation} of ")
    assert message.endswith(" is not offered by this embedded AWS.")


@pytest.mark.parametrize("service", ["personalize", "lambda", "dynamodb", "s3", "nosuchservice"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/no/such/path"), ("PATCH", "/bucket")])
def test_no_request_gets_a_web_page(cloud: Cloud, service: str, method: str, path: str) -> None:
    scope = f"root/20270101/{cloud.region}/{service}/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    connection = http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"))
    connection.request(method, path, headers={"Authorization": signed})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    assert 400 <= response.status < 500
    if service == "s3":
        assert "<Error><Code>" in body
        return
    read = json.loads(body)
    assert read["__type"] == "UnknownOperationException"
    assert read["message"] == (
        f"{method} {path} is not an operation of {service} in this embedded AWS."
    )


def test_a_failure_of_the_cloud_itself_names_the_operation(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ClientError) as refused:  # moto needs a table here, AWS does not
        cloud.client("dynamodb").list_exports()
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert response["Error"]["Code"] == "InternalFailure"
    assert "The operation ListExports of dynamodb failed inside" in response["Error"]["Message"]
    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    ("protocol", "body", "kind"),
    [
        ("json", '{"__type": "No"', "application/x-amz-json-1.1"),
        ("rest-json", '{"__type": "No"', "application/x-amz-json-1.1"),
        ("smithy-rpc-v2-cbor", '{"__type": "No"', "application/x-amz-json-1.1"),
        ("query", "<ErrorResponse><Error><Code>No<", "text/xml"),
        ("ec2", "<Response><Errors><Error><Code>No<", "text/xml"),
        ("rest-xml", "<Error><Code>No<", "text/xml"),
    ],
)
def test_an_error_has_the_form_of_its_protocol(protocol: str, body: str, kind: str) -> None:
    response = wire.error_response(protocol, "No", "a < b", 503)
    assert (response.status_code, response.mimetype) == (503, kind)
    assert response.get_data(as_text=True).startswith(body)
    assert response.headers.get("x-amzn-query-error") == ("No;Receiver" if "json" in kind else None)


def test_an_operation_that_is_not_offered_and_a_refusal_have_the_same_headers(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.client("glue").list_blueprints()
    headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert headers["x-amzn-query-error"] == "NotImplemented;Receiver"


def test_a_form_is_read_only_for_an_operation_that_is_not_offered(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    sns = cloud.client("sns")
    with monkeypatch.context() as patch:
        patch.delattr(not_offered, "parse_qs")
        assert sns.list_topics()["Topics"] == []
    assert refusal(sns.list_origination_numbers)[0] == "NotImplemented"
