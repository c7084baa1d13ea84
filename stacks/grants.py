"""What each role is allowed, by what it is for: exact actions on this environment's resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.encryption import allow_encryption
from stacks.making import made_campaigns, made_datasets, schema_arn
from stacks.permissions import allow
from stacks.plan import import_job_prefix
from stacks.refresh_settings import Campaign
from stacks.settings import Reconcile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

    from stacks.refresh_settings import Dataset
    from stacks.settings import Environment
    from stacks.workflow import Workflow

NAMED_BY_RUN = "its name ends in the date and key of a run"
NAMED_BY_OTHERS = "a dataset's schema has a name that nothing here tells"
NAMED_BY_PERSONALIZE = "Personalize gives a solution version its id when the training begins"


def allow_import(
    role: iam.IRole, environment: Environment, *, import_role_arn: str, table: dynamodb.ITable
) -> None:
    """Let a task find or create the dataset import jobs, which read S3 under the import role."""
    _allow_queueing(role, environment, table)
    allow(
        role,
        ["personalize:CreateDatasetImportJob"],
        [environment.dataset_arn(dataset) for dataset in environment.datasets],
    )
    allow(
        role,
        ["personalize:CreateDatasetImportJob", "personalize:DescribeDatasetImportJob"],
        _import_jobs(environment),
        wildcard=NAMED_BY_RUN,
    )
    allow(role, ["s3:ListBucket"], _buckets(environment, environment.datasets))  # for their sizes
    allow(
        role,
        ["iam:PassRole"],
        [import_role_arn],
        conditions={"StringEquals": {"iam:PassedToService": "personalize.amazonaws.com"}},
    )


def allow_training(role: iam.IRole, environment: Environment, *, table: dynamodb.ITable) -> None:
    """Let a task find or start trainings, and stop one that was started twice."""
    _allow_queueing(role, environment, table)
    allow(
        role,
        [
            "personalize:CreateSolutionVersion",
            "personalize:DescribeSolutionVersion",
            "personalize:StopSolutionVersionCreation",
        ],
        _solution_versions(environment),
        wildcard=NAMED_BY_PERSONALIZE,
    )
    _allow_listing(role, "personalize:ListSolutionVersions")


def allow_choosing_modes(role: iam.IRole, environment: Environment) -> None:
    """Let a task see what was imported and trained before, and count what is new."""
    if datasets := [dataset for dataset in environment.datasets if dataset.full_every]:
        _allow_reading(role, environment, datasets)
        _allow_listing(role, "personalize:ListDatasetImportJobs")
    if any(campaign.full_every for campaign in environment.campaigns):
        _allow_listing(role, "personalize:ListSolutionVersions")


def allow_checking_data(
    role: iam.IRole, environment: Environment, *, table: dynamodb.ITable
) -> None:
    """Let a task look at the data, its schemas, and what the last run has imported."""
    checked = [r for r in environment.refreshes if r.preflight != "never"]
    datasets = [dataset for refresh in checked for dataset in refresh.datasets]
    if not datasets:
        return
    _allow_reading(role, environment, datasets)
    allow_encryption(role, environment, service="dynamodb")
    allow(role, ["dynamodb:Query"], [table.table_arn])
    arns = [environment.dataset_arn(dataset) for dataset in datasets]
    allow(role, ["personalize:DescribeDataset"], arns)
    allow(
        role,
        ["personalize:DescribeSchema"],
        [environment.arn("personalize", "schema/*")],
        wildcard=NAMED_BY_OTHERS,
    )


def allow_judging(role: iam.IRole, environment: Environment) -> None:
    """Let a task compare a solution version with the one that the campaign serves."""
    if all(campaign.gate == "never" for campaign in environment.campaigns):
        return
    allow(role, ["personalize:DescribeCampaign"], _campaigns(environment))
    allow(
        role,
        ["personalize:DescribeSolutionVersion", "personalize:GetSolutionMetrics"],
        _solution_versions(environment),
        wildcard=NAMED_BY_PERSONALIZE,
    )


def allow_trying(role: iam.IRole, environment: Environment) -> None:
    """Let a task ask the campaigns for recommendations, for users from the data."""
    for refresh in environment.refreshes:
        canaries = [c for c in refresh.campaigns if c.canary != "never"]
        if any(c.canary != "never" and not c.canary.user_ids for c in canaries):
            _allow_reading(role, environment, refresh.datasets)
        if canaries:
            arns = [environment.campaign_arn(campaign) for campaign in canaries]
            allow(role, ["personalize:GetRecommendations"], arns)


def _allow_reading(role: iam.IRole, environment: Environment, datasets: Sequence[Dataset]) -> None:
    """Let a task list and read the data of datasets."""
    allow(role, ["s3:ListBucket"], _buckets(environment, datasets))
    allow(
        role,
        ["s3:GetObject"],
        [f"arn:{environment.partition}:s3:::{name}" for name in _objects(datasets)],
        wildcard="the Glue job names its files",
    )
    if keys := environment.import_role.bucket_keys:
        via = f"s3.{environment.region}.{environment.url_suffix}"
        allow(role, ["kms:Decrypt"], keys, conditions={"StringEquals": {"kms:ViaService": via}})


def _allow_listing(role: iam.IRole, action: str) -> None:
    reason = "Personalize's List calls are authorised on no resource"
    allow(role, [action], ["*"], wildcard=reason)


def allow_check(role: iam.IRole, environment: Environment) -> None:
    """Let a task look at the campaigns and solutions before anything is paid for them."""
    allow(role, ["personalize:DescribeCampaign"], _campaigns(environment))
    if any(campaign.bake != "never" for campaign in environment.campaigns):
        allow(role, ["cloudwatch:DescribeAlarms"], _alarms(environment))
    solutions = [environment.solution_arn(campaign) for campaign in environment.campaigns]
    allow(role, ["personalize:DescribeSolution"], solutions)
    allow(role, ["personalize:DescribeRecommender"], _recommenders(environment))
    if learned := _learned_datasets(environment):
        allow(role, ["personalize:DescribeDataset"], learned)
        allow(
            role,
            ["personalize:DescribeSchema"],
            [environment.arn("personalize", "schema/*")],
            wildcard=NAMED_BY_OTHERS,
        )


def allow_making(role: iam.IRole, environment: Environment) -> None:
    """Let a task make the dataset groups, datasets and solutions that the settings describe."""
    datasets, campaigns = made_datasets(environment), made_campaigns(environment)
    groups = [environment.dataset_group_arn(dataset) for dataset in datasets]
    used = [
        environment.dataset_group_arn(refresh.datasets[0])
        for refresh in environment.refreshes
        if any(campaign in campaigns for campaign in refresh.campaigns)
    ]
    allow(role, ["personalize:DescribeDatasetGroup"], [*groups, *used])
    if datasets:
        arns = [environment.dataset_arn(dataset) for dataset in datasets]
        schemas = [schema_arn(environment, dataset) for dataset in datasets]
        allow(role, ["personalize:CreateDatasetGroup"], groups)
        allow(role, ["personalize:CreateSchema"], schemas)
        allow(role, ["personalize:CreateDataset", "personalize:DescribeDataset"], arns)
        allow(
            role,
            ["personalize:DescribeSchema"],
            [environment.arn("personalize", "schema/*")],
            wildcard="the schema of a dataset that exists has a name that nothing here tells",
        )
    if campaigns:
        allow(
            role,
            ["personalize:CreateSolution", "personalize:DescribeSolution"],
            [environment.solution_arn(campaign) for campaign in campaigns],
        )


def allow_campaign_update(role: iam.IRole, environment: Environment) -> None:
    """Let a task move the campaigns after it has seen what they serve, and make those it may."""
    if made := [environment.campaign_arn(c) for c in made_campaigns(environment)]:
        allow(role, ["personalize:CreateCampaign"], made)
    allow(
        role,
        ["personalize:DescribeCampaign", "personalize:UpdateCampaign"],
        _campaigns(environment),
    )
    allow(
        role,
        ["personalize:DescribeSolutionVersion"],
        _solution_versions(environment),
        wildcard=NAMED_BY_PERSONALIZE,
    )


def allow_recommender_update(role: iam.IRole, environment: Environment) -> None:
    """Let a task change what the recommenders learn from, after it has seen what they have."""
    allow(role, ["personalize:DescribeRecommender"], _recommenders(environment))
    updated = [each for each in environment.recommenders if each.training_columns]
    arns = [environment.recommender_arn(recommender) for recommender in updated]
    allow(role, ["personalize:UpdateRecommender"], arns)


def allow_polling(role: iam.IRole, environment: Environment) -> None:
    """Let the refresh workflow poll what its tasks have created, and stop an overdue training."""
    allow(
        role,
        ["personalize:DescribeDatasetImportJob"],
        _import_jobs(environment),
        wildcard=NAMED_BY_RUN,
    )
    allow(
        role,
        [
            "personalize:DescribeSolutionVersion",
            "personalize:GetSolutionMetrics",
            "personalize:StopSolutionVersionCreation",
        ],
        _solution_versions(environment),
        wildcard=NAMED_BY_PERSONALIZE,
    )
    allow(role, ["personalize:DescribeCampaign"], _campaigns(environment))
    allow(role, ["personalize:DescribeRecommender"], _recommenders(environment))
    if any(campaign.bake != "never" for campaign in environment.campaigns):
        allow(role, ["cloudwatch:DescribeAlarms"], _alarms(environment))


def allow_rows(role: iam.IRole, environment: Environment, *, table: dynamodb.ITable) -> None:
    """Let the refresh workflow claim and write its row."""
    allow_encryption(role, environment, service="dynamodb")
    actions = ["GetItem", "PutItem", "Query", "UpdateItem"]
    allow(role, [f"dynamodb:{action}" for action in actions], [table.table_arn])


def _allow_queueing(role: iam.IRole, environment: Environment, table: dynamodb.ITable) -> None:
    """Let a task keep the queue of a full quota: an item of the table, but no campaign's row."""
    allow_encryption(role, environment, service="dynamodb")
    allow(
        role,
        ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        [table.table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["quota:*"]}},
    )


def allow_planning(
    role: iam.IRole,
    environment: Environment,
    *,
    table: dynamodb.ITable,
    executions: str,
    stack: str,
) -> None:
    """Let the planning task read what has happened before; `stack` names its own workflow."""
    allow_encryption(role, environment, service="dynamodb")
    allow(role, ["dynamodb:Query"], [table.table_arn])
    allow_reading_executions(role, executions)
    if isinstance(environment.reconcile, Reconcile):
        jobs = [environment.arn("glue", f"job/{job}") for job in environment.glue_jobs]
        allow(role, ["glue:GetJobRuns"], jobs)
        allow(
            role,
            ["states:DescribeStateMachine"],
            [environment.arn("states", f"stateMachine:{stack}-dispatch")],
        )
        allow(
            role,
            ["states:DescribeStateMachineForExecution"],
            [environment.arn("states", f"execution:{stack}-dispatch:*")],
            wildcard="EventBridge and Scheduler give the dispatch's executions their names",
        )


def allow_reading_executions(role: iam.IRole, executions: str) -> None:
    """Let a role see whether an execution of the refresh workflow is at work."""
    allow(role, ["states:DescribeExecution"], [f"{executions}:*"], wildcard=NAMED_BY_RUN)


def allow_starting(role: iam.IRole, refresh: Workflow) -> None:
    """Let the dispatch workflow start the refresh workflow."""
    allow(role, ["states:StartExecution"], [refresh.arn])


def allow_announcing(
    role: iam.IRole,
    environment: Environment,
    *,
    topics: Sequence[sns.ITopic],
    unannounced: sqs.IQueue,
) -> None:
    """Let a task send events and messages, and keep what cannot be announced."""
    allow(role, ["events:PutEvents"], [environment.event_bus_arn])
    allow(role, ["sns:Publish"], [topic.topic_arn for topic in topics])
    allow(role, ["sqs:SendMessage"], [unannounced.queue_arn])
    allow_encryption(role, environment, service="sns")
    allow_encryption(role, environment, service="sqs")


def allow_reading_changes(
    role: iam.IRole, environment: Environment, *, table: dynamodb.ITable, executions: str
) -> None:
    """Let a task follow the table's stream, and ask what an end means: costs, what serves now."""
    allow_encryption(role, environment, service="dynamodb")
    actions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"]
    allow(
        role,
        [f"dynamodb:{action}" for action in actions],
        [environment.arn("dynamodb", f"table/{environment.table.name}/stream/*")],
        wildcard="DynamoDB names a stream by the time at which it was made",
    )
    allow(role, ["dynamodb:Query", "dynamodb:UpdateItem"], [table.table_arn])
    allow(role, ["states:GetExecutionHistory"], [f"{executions}:*"], wildcard=NAMED_BY_RUN)
    allow(role, ["personalize:DescribeCampaign"], _campaigns(environment))


def allow_recording_ends(
    role: iam.IRole, environment: Environment, *, table: dynamodb.ITable
) -> None:
    """Let a task write the row of an execution that could not."""
    allow_encryption(role, environment, service="dynamodb")
    allow(role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], [table.table_arn])


def allow_checking_freshness(
    role: iam.IRole, environment: Environment, *, table: dynamodb.ITable
) -> None:
    """Let a task see when the watched campaigns were last refreshed, or else changed."""
    allow_encryption(role, environment, service="dynamodb")
    allow(role, ["dynamodb:Query"], [table.table_arn])
    campaigns, recommenders = [], []
    for watched in environment.watched:
        if isinstance(watched, Campaign):
            campaigns.append(environment.campaign_arn(watched))
        else:
            recommenders.append(environment.recommender_arn(watched))
    allow(role, ["personalize:DescribeCampaign"], campaigns)
    allow(role, ["personalize:DescribeRecommender"], recommenders)


def _objects(datasets: Sequence[Dataset]) -> list[str]:
    """Return the files of the data as policies name them, those that lie in others left out."""
    every = sorted({name for dataset in datasets for name in dataset.objects})
    folders = [name.removesuffix("*") for name in every if name.endswith("*")]
    return [
        name for name in every if not any(name != f"{f}*" and name.startswith(f) for f in folders)
    ]


def _buckets(environment: Environment, datasets: Sequence[Dataset]) -> list[str]:
    buckets = {name.split("/")[0] for name in _objects(datasets)}
    return [f"arn:{environment.partition}:s3:::{bucket}" for bucket in sorted(buckets)]


def _campaigns(environment: Environment) -> list[str]:
    return [environment.campaign_arn(campaign) for campaign in environment.campaigns]


def _recommenders(environment: Environment) -> list[str]:
    return [environment.recommender_arn(recommender) for recommender in environment.recommenders]


def _learned_datasets(environment: Environment) -> list[str]:
    """Return the datasets of which columns are named for a training."""
    return [
        environment.arn("personalize", f"dataset/{refresh.datasets[0].dataset_group}/{kind}")
        for refresh in environment.refreshes
        for recommender in refresh.recommenders
        if recommender.training_columns
        for kind in (*recommender.training_columns.excluded, *recommender.training_columns.included)
    ]


def _alarms(environment: Environment) -> list[str]:
    names = {name for c in environment.campaigns if c.bake != "never" for name in c.bake.alarms}
    return [environment.arn("cloudwatch", f"alarm:{name}") for name in sorted(names)]


def _solution_versions(environment: Environment) -> list[str]:
    """Return solutions and their versions.

    IAM's reference has one resource type for both: what is called on a version may be judged on
    either's ARN.
    """
    arns = [environment.solution_arn(campaign) for campaign in environment.campaigns]
    return arns + [f"{arn}/*" for arn in arns]


def _import_jobs(environment: Environment) -> list[str]:
    return [
        environment.arn("personalize", f"dataset-import-job/{import_job_prefix(dataset)}-*")
        for dataset in environment.datasets
    ]
