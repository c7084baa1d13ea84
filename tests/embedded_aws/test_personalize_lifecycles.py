"""In any order of Personalize calls, the rules of lifecycles, quotas and campaigns hold."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from embedded_aws.clock import Clock, use
from embedded_aws.services.personalize.models import PersonalizeBackend
from embedded_aws.services.personalize.resources import (
    IN_PROGRESS,
    Campaign,
    Dataset,
    DatasetImportJob,
    PersonalizeError,
    Resource,
    SolutionVersion,
)
from rehearsal import sample_data

ACCOUNT, REGION = "111122223333", "ap-northeast-1"
MINUTE = 60.0
MOST_IMPORTS, MOST_TRAININGS = 2, 3
# The next statuses of each status. A test looks only sometimes, so it may miss some.
NEXT = {
    "CREATE PENDING": {"CREATE IN_PROGRESS", "ACTIVE", "CREATE FAILED", "CREATE STOPPED"},
    "CREATE IN_PROGRESS": {"ACTIVE", "CREATE FAILED", "CREATE STOPPING", "CREATE STOPPED"},
    "CREATE STOPPING": {"CREATE STOPPED"},
    "CREATE STOPPED": set(),
    "CREATE FAILED": set(),
    "ACTIVE": set(),
}


@contextmanager
def still_clock() -> Iterator[Clock]:
    """Give the process a clock that moves only while somebody sleeps."""
    clock = Clock(0.0)
    use(clock)
    with clock.running():
        try:
            yield clock
        finally:
            clock.stop()


def backend(data: Path, clock: Clock) -> PersonalizeBackend:
    """Create a region with a trainable dataset, an ACTIVE solution and its campaign."""
    made = PersonalizeBackend(REGION, ACCOUNT)
    made.behaviour.import_jobs_in_progress = MOST_IMPORTS
    made.behaviour.solution_versions_in_progress = MOST_TRAININGS
    group = made.create_dataset_group(name="shop")["datasetGroupArn"]
    schema = made.create_schema(name="shop", schema=sample_data.SCHEMA)["schemaArn"]
    clock.sleep(MINUTE)
    dataset = made.create_dataset(
        name="shop", schema_arn=schema, dataset_group_arn=group, dataset_type="Interactions"
    )["datasetArn"]
    made.find(Dataset, dataset).files = (data,)
    made.create_solution(
        name="shop",
        dataset_group_arn=group,
        recipe_arn="arn:aws:personalize:::recipe/aws-hrnn",
        perform_auto_training=False,
    )
    clock.sleep(MINUTE)
    version = made.create_solution_version(solution_arn=made.arn("solution/shop"))
    clock.sleep(60 * MINUTE)
    made.create_campaign(name="shop", solution_version_arn=version["solutionVersionArn"])
    clock.sleep(60 * MINUTE)
    return made


def write_interactions(path: Path) -> Path:
    rows = [(f"u{n % 30}", f"i{n % 7}", n, "view") for n in range(1000)]
    pl.DataFrame(rows, schema=list(sample_data.COLUMNS), orient="row").write_parquet(path)
    return path


class Lifecycles(RuleBasedStateMachine):
    """Random imports, trainings, stops and updates, with time between them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.clock = self.stack.enter_context(still_clock())
        self.backend = backend(write_interactions(folder / "data.parquet"), self.clock)
        self.seen: dict[str, str] = {}
        self.serving = self.campaign.version

    def teardown(self) -> None:
        self.stack.close()

    @property
    def campaign(self) -> Campaign:
        return self.backend.of(Campaign)[0]

    @property
    def versions(self) -> list[SolutionVersion]:
        return self.backend.of(SolutionVersion)

    def refusal(self, call: str, **request: object) -> str | None:
        """Call, holding the lock as the server does, and return the code of the error, if any."""
        with self.backend.lock:
            try:
                getattr(self.backend, call)(**request)
            except PersonalizeError as error:
                return error.code
        return None

    def in_progress(self, kind: type[Resource]) -> int:
        return sum(r.status in IN_PROGRESS for r in self.backend.of(kind))

    @rule(name=st.sampled_from(["a", "b", "c", "d", "e"]))
    def begin_import(self, name: str) -> None:
        taken = self.backend.arn(f"dataset-import-job/{name}") in self.backend.resources
        full = self.in_progress(DatasetImportJob) == MOST_IMPORTS
        code = self.refusal(
            "create_dataset_import_job",
            job_name=name,
            dataset_arn=self.backend.arn("dataset/shop/INTERACTIONS"),
            data_source={"dataLocation": "s3://nowhere/data.csv"},
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/nobody",
        )
        if taken:
            assert code == "ResourceAlreadyExistsException"
        else:
            assert code == ("LimitExceededException" if full else None)

    @rule(name=st.sampled_from([None, None, "weekly", "monthly"]))
    def begin_training(self, name: str | None) -> None:
        taken = name is not None and name in [version.name for version in self.versions]
        full = self.in_progress(SolutionVersion) == MOST_TRAININGS
        code = self.refusal(
            "create_solution_version", solution_arn=self.backend.arn("solution/shop"), name=name
        )
        if taken:
            assert code == "ResourceAlreadyExistsException"
        else:
            assert code == ("LimitExceededException" if full else None)

    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(self.versions))
        stoppable = version.status in IN_PROGRESS
        code = self.refusal("stop_solution_version_creation", solution_version_arn=version.arn)
        assert code == (None if stoppable else "ResourceInUseException")

    @rule(data=st.data())
    def update_campaign(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(self.versions))
        campaign = self.campaign
        updating = campaign.update is not None and campaign.update.status not in (
            "ACTIVE",
            "CREATE FAILED",
        )
        code = self.refusal(
            "update_campaign", campaign_arn=campaign.arn, solution_version_arn=version.arn
        )
        if updating:
            assert code == "ResourceInUseException"
        elif version.status != "ACTIVE" or version is campaign.version:
            assert code == "InvalidInputException"
        else:
            assert code is None

    @rule(minutes=st.sampled_from([0.5, 1, 3, 10, 30]))
    def wait(self, minutes: float) -> None:
        self.clock.sleep(minutes * MINUTE)

    @invariant()
    def lifecycles_only_go_forward(self) -> None:
        for resource in (*self.versions, *self.backend.of(DatasetImportJob)):
            before = self.seen.get(resource.arn, "CREATE PENDING")
            assert resource.status == before or resource.status in NEXT[before]
            self.seen[resource.arn] = resource.status

    @invariant()
    def reasons_and_hours_belong_to_the_status(self) -> None:
        for resource in (*self.versions, *self.backend.of(DatasetImportJob)):
            assert ("failureReason" in resource.describe()) == (resource.status == "CREATE FAILED")
        for version in self.versions:
            assert ("trainingHours" in version.describe()) == (version.status == "ACTIVE")

    @invariant()
    def the_campaign_serves_an_active_version_and_changes_only_by_an_update_that_is_done(
        self,
    ) -> None:
        campaign = self.campaign
        assert (campaign.status, campaign.version.status) == ("ACTIVE", "ACTIVE")
        if campaign.version is not self.serving:
            assert campaign.update
            assert (campaign.update.status, campaign.update.version) == (
                "ACTIVE",
                campaign.version,
            )
            self.serving = campaign.version

    @invariant()
    def quotas_hold(self) -> None:
        assert self.in_progress(DatasetImportJob) <= MOST_IMPORTS
        assert self.in_progress(SolutionVersion) <= MOST_TRAININGS


TestLifecycles = Lifecycles.TestCase
TestLifecycles.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_same_calls_create_the_same_ids_and_the_same_models(tmp_path: Path) -> None:
    data = write_interactions(tmp_path / "data.parquet")
    with still_clock() as clock:
        one, two = (backend(data, clock).of(SolutionVersion) for _ in range(2))
    assert [v.arn for v in one] == [v.arn for v in two]
    assert [v.trained for v in one] == [v.trained for v in two]


@pytest.mark.parametrize(
    ("call", "quota"),
    [("create_solution", 10), ("create_campaign", 5), ("create_dataset_group", 5)],
)
def test_the_number_of_resources_in_a_region_or_a_group_is_limited(
    tmp_path: Path, call: str, quota: int
) -> None:
    with still_clock() as clock:
        made = backend(write_interactions(tmp_path / "data.parquet"), clock)
        request = {
            "create_solution": {
                "dataset_group_arn": made.arn("dataset-group/shop"),
                "recipe_arn": "arn:aws:personalize:::recipe/aws-sims",
            },
            "create_campaign": {"solution_version_arn": made.of(SolutionVersion)[0].arn},
            "create_dataset_group": {},
        }[call]
        for number in range(quota - 1):  # there is one already
            getattr(made, call)(name=f"more-{number}", **request)
        with pytest.raises(PersonalizeError, match=f"More than {quota} resources in ACTIVE state"):
            getattr(made, call)(name="one-too-many", **request)
