"""The wire: every response against botocore's output shape, paging, tags and errors."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from embedded_aws.services.personalize.models import PersonalizeBackend
from embedded_aws.validation import service_model
from rehearsal import sample_data
from tests.embedded_aws.personalize_shop import HRNN, MINUTE, Shop, csv, record

OPERATIONS = [
    name
    for name in service_model("personalize").operation_names
    if hasattr(PersonalizeBackend, xform_name(name))
]


class Recorder:
    """A client that keeps the JSON of every response, as it came over the wire."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.responses: dict[str, Any] = {}
        client.meta.events.register("before-parse.*", self._keep)

    def _keep(self, operation_model: Any, response_dict: Any, **_: Any) -> None:
        self.responses[operation_model.name] = (operation_model, response_dict["body"])


def mismatches(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """List everything in a response that is not in the output shape, or has another type there."""
    python = {
        "structure": dict,
        "map": dict,
        "list": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "timestamp": float,
        "double": float,
    }
    wanted = python[shape.type_name]
    fits = type(value) in ((int, float) if wanted is float else (wanted,))
    if not fits:
        yield f"{path}: {value!r} is not a {shape.type_name}"
    elif shape.type_name == "structure":
        members = shape.members  # a StructureShape
        yield from (f"{path}.{name} is unknown" for name in value if name not in members)
        yield from (
            f"{path}.{name} is missing" for name in shape.required_members if name not in value
        )
        for name in value.keys() & members.keys():
            yield from mismatches(members[name], value[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for item in value:
            yield from mismatches(shape.member, item, f"{path}[]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from mismatches(shape.value, item, f"{path}.{key}")


def call_items(shop: Shop, personalize: Any) -> str:
    """Call what only a dataset of items has; return its ARN."""
    items = shop.another_dataset("Items", record("Items", ITEM_ID="string", KIND="string"))
    wider = record("Items", ITEM_ID="string", KIND="string", PRICE=["null", "float"])
    schema = personalize.create_schema(name="wider", schema=wider)["schemaArn"]
    personalize.update_dataset(datasetArn=items, schemaArn=schema)
    shop.wait(MINUTE)
    assert "latestDatasetUpdate" in personalize.describe_dataset(datasetArn=items)["dataset"]
    return items


def call_everything(shop: Shop) -> dict[str, Any]:
    """Call every operation once, with as many members as it accepts."""
    personalize = shop.personalize
    recorder = Recorder(personalize)
    tags = [{"tagKey": "team", "tagValue": "shop"}]
    dataset, group = shop.dataset(), shop.arn("dataset-group/shop")
    location = shop.put("first.csv", csv())
    personalize.create_dataset_import_job(
        jobName="first",
        datasetArn=dataset,
        dataSource={"dataLocation": location},
        roleArn=shop.role,
        importMode="FULL",
        publishAttributionMetricsToS3=False,
        tags=tags,
    )
    shop.wait(20 * MINUTE)
    solution = shop.solution(
        eventType="view", solutionConfig={"algorithmHyperParameters": {"hidden_dimension": "55"}}
    )
    version = shop.trained(solution, name="weekly", tags=tags)
    other = shop.trained(solution)
    campaign = shop.campaign(version, campaignConfig={"itemExplorationConfig": {"weight": "0.3"}})
    personalize.update_campaign(campaignArn=campaign, solutionVersionArn=other)
    shop.wait(20 * MINUTE)
    stopped = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    personalize.stop_solution_version_creation(solutionVersionArn=stopped)
    personalize.tag_resource(resourceArn=campaign, tags=tags)
    personalize.list_tags_for_resource(resourceArn=campaign)
    personalize.untag_resource(resourceArn=campaign, tagKeys=["team"])
    personalize.describe_dataset_group(datasetGroupArn=group)
    personalize.describe_schema(schemaArn=shop.arn("schema/shop-schema"))
    personalize.describe_dataset(datasetArn=dataset)
    personalize.describe_dataset_import_job(
        datasetImportJobArn=shop.arn("dataset-import-job/first")
    )
    personalize.update_solution(solutionArn=solution, performAutoTraining=True)
    personalize.describe_solution(solutionArn=solution)
    personalize.describe_solution_version(solutionVersionArn=version)
    personalize.get_solution_metrics(solutionVersionArn=version)
    personalize.describe_campaign(campaignArn=campaign)
    personalize.describe_recipe(recipeArn=HRNN)
    tracker = personalize.create_event_tracker(name="shop", datasetGroupArn=group, tags=tags)[
        "eventTrackerArn"
    ]
    shop.wait(MINUTE)
    personalize.describe_event_tracker(eventTrackerArn=tracker)
    liked = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
    made = personalize.create_filter(
        name="liked", datasetGroupArn=group, filterExpression=liked, tags=tags
    )
    shop.wait(MINUTE)
    personalize.describe_filter(filterArn=made["filterArn"])
    recommender = call_recommenders(shop, recorder.client)
    items = call_items(shop, recorder.client)
    for plural in (
        "dataset_groups",
        "schemas",
        "datasets",
        "event_trackers",
        "filters",
        "dataset_import_jobs",
        "solutions",
        "solution_versions",
        "campaigns",
        "recommenders",
        "recipes",
    ):
        getattr(personalize, f"list_{plural}")()
    for kind, arn in (
        ("recommender", recommender),
        ("event_tracker", tracker),
        ("filter", made["filterArn"]),
        ("campaign", campaign),
        ("solution", solution),
        ("dataset", dataset),
        ("dataset", items),
        ("schema", shop.arn("schema/shop-schema")),
        ("dataset_group", group),
    ):
        member = f"{''.join(w.title() for w in kind.split('_'))}Arn"
        getattr(personalize, f"delete_{kind}")(**{member[0].lower() + member[1:]: arn})
        shop.wait(MINUTE)
    return recorder.responses


def call_recommenders(shop: Shop, personalize: Any) -> str:
    """Create, change, stop, start and describe a recommender of a domain dataset group."""
    dataset = shop.dataset(group="domain", domain="ECOMMERCE")
    shop.imported(dataset, "domain", shop.put("domain.csv", csv()))
    arn: str = personalize.create_recommender(
        name="for-you",
        datasetGroupArn=shop.arn("dataset-group/domain"),
        recipeArn="arn:aws:personalize:::recipe/aws-ecomm-recommended-for-you",
        recommenderConfig={"itemExplorationConfig": {"explorationWeight": "0.3"}},
    )["recommenderArn"]
    shop.wait(40 * MINUTE)
    columns = {"excludedDatasetColumns": {"INTERACTIONS": ["EVENT_TYPE"]}}
    personalize.update_recommender(
        recommenderArn=arn, recommenderConfig={"trainingDataConfig": columns}
    )
    shop.wait(40 * MINUTE)
    personalize.stop_recommender(recommenderArn=arn)
    shop.wait(MINUTE)
    personalize.start_recommender(recommenderArn=arn)
    shop.wait(MINUTE)
    personalize.describe_recommender(recommenderArn=arn)
    return arn


def test_every_response_fits_its_output_shape(shop: Shop) -> None:
    responses = call_everything(shop)
    assert set(responses) == set(OPERATIONS)
    for name, (operation, body) in responses.items():
        if operation.output_shape is None or not operation.output_shape.members:
            assert body in (b"", b"{}"), name
        else:
            response = json.loads(body)
            assert list(mismatches(operation.output_shape, response, name)) == []
            assert response, name


def test_recommendations_fit_their_output_shape(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    campaign = shop.campaign(shop.trained(shop.solution()))
    recorder = Recorder(shop.client("personalize-runtime"))
    assert len(shop.recommended(campaign, "u1", most=7)) == 7
    operation, body = recorder.responses["GetRecommendations"]
    response = json.loads(body)
    assert list(mismatches(operation.output_shape, response)) == []
    assert response["recommendationId"].startswith("RID-")
    assert all(0 <= item["score"] <= 1 for item in response["itemList"])


def test_a_ranking_fits_its_output_shape(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    recipe = "arn:aws:personalize:::recipe/aws-personalized-ranking"
    campaign = shop.campaign(shop.trained(shop.solution(recipe=recipe)))
    recorder = Recorder(shop.client("personalize-runtime"))
    recorder.client.get_personalized_ranking(
        campaignArn=campaign, userId="u1", inputList=["i1", "i2"]
    )
    operation, body = recorder.responses["GetPersonalizedRanking"]
    assert list(mismatches(operation.output_shape, json.loads(body))) == []


def test_action_recommendations_fit_their_output_shape(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    actions = shop.another_dataset("Actions", record("Actions", ACTION_ID="string", NAME="string"))
    shop.imported(actions, "actions", shop.put("actions.csv", "ACTION_ID,NAME\napp,App\n"))
    recipe = "arn:aws:personalize:::recipe/aws-next-best-action"
    campaign = shop.campaign(shop.trained(shop.solution(recipe=recipe)))
    recorder = Recorder(shop.client("personalize-runtime"))
    recorder.client.get_action_recommendations(campaignArn=campaign, userId="u1")
    operation, body = recorder.responses["GetActionRecommendations"]
    assert list(mismatches(operation.output_shape, json.loads(body))) == []


def test_recommendations_of_an_unknown_campaign_are_not_found_with_status_404(shop: Shop) -> None:
    runtime = shop.client("personalize-runtime")
    with pytest.raises(ClientError) as refused:
        runtime.get_recommendations(campaignArn=shop.arn("campaign/none"), userId="u1")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_lists_are_returned_in_pages_that_contain_every_item_once(shop: Shop) -> None:
    for number in range(5):
        shop.personalize.create_schema(name=f"schema-{number}", schema=sample_data.SCHEMA)
    paginator = shop.personalize.get_paginator("list_schemas")
    pages = [page["schemas"] for page in paginator.paginate(PaginationConfig={"PageSize": 2})]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [s["name"] for page in pages for s in page] == [f"schema-{n}" for n in range(5)]
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        shop.personalize.list_schemas(nextToken="nonsense")


def test_summaries_of_versions_have_no_name(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    solution = shop.solution()
    shop.trained(solution, name="weekly")
    listed = shop.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    assert [sorted(v.keys() & {"name", "status", "trainingType"}) for v in listed] == [
        ["status", "trainingType"]
    ]


def test_a_list_for_one_owner_shows_only_its_own_resources(shop: Shop) -> None:
    for group in ("shop", "other"):
        dataset = shop.dataset(group=group)
        shop.imported(dataset, f"job-{group}", shop.put("first.csv", csv()))
    jobs = shop.personalize.list_dataset_import_jobs(datasetArn=dataset)["datasetImportJobs"]
    assert [job["jobName"] for job in jobs] == ["job-other"]
    assert len(shop.personalize.list_dataset_import_jobs()["datasetImportJobs"]) == 2


def test_tags_are_added_replaced_and_removed(shop: Shop) -> None:
    personalize = shop.personalize
    arn = personalize.create_dataset_group(
        name="shop", tags=[{"tagKey": "a", "tagValue": "1"}, {"tagKey": "b", "tagValue": "1"}]
    )["datasetGroupArn"]
    personalize.tag_resource(resourceArn=arn, tags=[{"tagKey": "b", "tagValue": "2"}])
    personalize.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"tagKey": "b", "tagValue": "2"}
    ]
    many = [{"tagKey": f"k{n}", "tagValue": ""} for n in range(51)]
    with pytest.raises(ClientError, match="TooManyTagsException"):
        personalize.tag_resource(resourceArn=arn, tags=many)


def test_one_error_reports_every_problem_of_a_request(shop: Shop) -> None:
    with pytest.raises(ClientError) as refused:
        shop.personalize.create_dataset_import_job(
            jobName="this week",
            datasetArn=shop.arn("dataset/shop/INTERACTIONS"),
            dataSource={"dataLocation": "ftp://data"},
            roleArn=shop.role,
        )
    assert refused.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": (
            "2 validation errors detected: Value 'this week' at 'jobName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: "
            r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*; "
            "Value 'ftp://data' at 'dataSource.dataLocation' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: (s3|http|https)://.+"
        ),
    }


def test_every_response_has_an_id_also_that_to_a_refused_request(shop: Shop) -> None:
    listed = shop.personalize.list_solutions()
    with pytest.raises(ClientError) as refused:
        shop.personalize.describe_solution(solutionArn=shop.arn("solution/none"))
    ids = {r["ResponseMetadata"]["RequestId"] for r in (listed, refused.value.response)}
    assert len(ids) == 2


def test_a_planned_error_is_raised_once_and_only_by_its_operation(shop: Shop) -> None:
    shop.cloud.behaviour.personalize.planned_errors = {"ListSolutions": ["LimitExceededException"]}
    assert shop.personalize.list_campaigns()["campaigns"] == []
    with pytest.raises(shop.personalize.exceptions.LimitExceededException):
        shop.personalize.list_solutions()
    assert shop.personalize.list_solutions()["solutions"] == []


def test_an_operation_that_is_not_supported_is_unknown(shop: Shop) -> None:
    with pytest.raises(ClientError, match="ListBatchInferenceJobs") as refused:
        shop.personalize.list_batch_inference_jobs()
    assert refused.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("{", "JSON"),
        ('{"type": "array"}', "record"),
        ('{"type": "record", "fields": []}', "no fields"),
        ('{"type": "record", "fields": [{"name": "A", "type": "bytes"}]}', "bytes"),
    ],
)
def test_a_schema_that_is_not_a_flat_avro_record_is_refused(
    shop: Shop, schema: str, why: str
) -> None:
    with pytest.raises(ClientError, match=why):
        shop.personalize.create_schema(name="broken", schema=schema)
