"""Campaigns and their updates."""

from __future__ import annotations

from typing import Any

from embedded_aws import clock
from embedded_aws.services.personalize.recipes import USER_SEGMENTATION, recipe_type
from embedded_aws.services.personalize.resources import (
    Answer,
    Campaign,
    CampaignUpdate,
    PersonalizeError,
    Solution,
    SolutionVersion,
)
from embedded_aws.services.personalize.store import Store, check_quota, in_use, invalid, page

_ON_THE_WAY = ("PENDING", "IN_PROGRESS")  # of an update, whose status starts with CREATE or UPDATE


class Campaigns(Store):
    """The operations on campaigns: a method per operation, named as boto3 names it."""

    def create_campaign(
        self,
        *,
        name: str,
        solution_version_arn: str,
        min_provisioned_tps: int = 1,
        campaign_config: dict[str, Any] | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Start creating a campaign with an ACTIVE solution version."""
        version = self._deployable(solution_version_arn, campaign_config)
        recipe = version.solution.settings.get("recipeArn")
        if recipe and recipe_type(recipe) == USER_SEGMENTATION:
            raise invalid(f"Recipe {recipe} is for batch segment jobs, and not for campaigns.")
        self.refuse_taken(self.arn(f"campaign/{name}"))
        group = version.solution.group
        check_quota(
            [c for c in self.of(Campaign) if c.version.solution.group is group],
            self.behaviour.campaigns_per_dataset_group,
        )
        campaign = self.new(
            Campaign,
            "campaign",
            f"campaign/{name}",
            tags,
            name=name,
            version=version,
            deploys=solution_version_arn,
            minimum_tps=min_provisioned_tps,
            config=campaign_config,
        )
        duration = self.behaviour.campaign_duration(_items(version), update=False)
        failure = self.behaviour.take_failure(campaign.kind)

        def begin() -> None:
            if campaign.status == "CREATE PENDING":
                self.advance(campaign, "CREATE IN_PROGRESS")

        def finish() -> None:
            if campaign.status == "CREATE IN_PROGRESS":
                campaign.deployed = clock.current().time()
                self.advance(campaign, "CREATE FAILED" if failure else "ACTIVE", failure)
                self._follow(campaign)

        self.after(self.behaviour.pending(duration), begin)
        self.after(duration, finish)
        return {"campaignArn": campaign.arn}

    def describe_campaign(self, *, campaign_arn: str) -> Answer:
        """Describe a campaign, and its latest update once there was one."""
        return {"campaign": self.find(Campaign, campaign_arn).describe()}

    def list_campaigns(
        self,
        *,
        solution_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List campaigns, all or one solution's."""
        found = [
            campaign.describe()
            for campaign in self.of(Campaign)
            if solution_arn in (None, campaign.version.solution.arn)
        ]
        return page("campaigns", found, max_results, next_token)

    def delete_campaign(self, *, campaign_arn: str) -> Answer:
        """Delete a campaign that is neither being created nor updated."""
        campaign = self.find(Campaign, campaign_arn)
        _check_settled(campaign)
        self.remove(campaign)
        return {}

    def update_campaign(
        self,
        *,
        campaign_arn: str,
        solution_version_arn: str | None = None,
        min_provisioned_tps: int | None = None,
        campaign_config: dict[str, Any] | None = None,
    ) -> Answer:
        """Start an update; the campaign stays ACTIVE and serves as before until it is done."""
        campaign = self.find(Campaign, campaign_arn)
        _check_settled(campaign)
        version, deploys = campaign.version, solution_version_arn or campaign.deploys
        if solution_version_arn is not None:
            version = self._deployable(solution_version_arn, campaign_config)
        tps = campaign.minimum_tps if min_provisioned_tps is None else min_provisioned_tps
        config = campaign.config if campaign_config is None else campaign_config
        if (
            (deploys, version, tps, config)
            == (campaign.deploys, campaign.version, campaign.minimum_tps, campaign.config)
            and campaign.status == "ACTIVE"
            and self.behaviour.unchanged_campaign_update == "refused"
        ):
            raise invalid(f"There is nothing to update: {campaign_arn} already has these settings.")
        self._run_update(campaign, version, deploys, tps, config)
        return {"campaignArn": campaign_arn}

    def solution_version_active(self, version: SolutionVersion) -> None:
        """Automatically update the campaigns that follow their solution to its new version."""
        for campaign in self.of(Campaign):
            if campaign.version.solution is version.solution:
                self._follow(campaign)

    def _follow(self, campaign: Campaign) -> None:
        """Update a campaign that follows its solution, unless it is being changed: then later."""
        follows = (campaign.config or {}).get("syncWithLatestSolutionVersion")
        if not follows or campaign.status != "ACTIVE" or not _is_settled(campaign):
            return
        latest = [v for v in campaign.version.solution.versions if v.status == "ACTIVE"][-1]
        if latest is not campaign.version:
            self._run_update(
                campaign, latest, campaign.deploys, campaign.minimum_tps, campaign.config
            )

    def _deployable(self, arn: str, config: dict[str, Any] | None) -> SolutionVersion:
        """Return the ACTIVE version that an ARN, or `<solution>/$LATEST`, names."""
        latest = arn.endswith("/$LATEST")
        if (config or {}).get("syncWithLatestSolutionVersion") and not latest:
            raise invalid("syncWithLatestSolutionVersion needs <solution ARN>/$LATEST.")
        if latest:
            solution = self.find(Solution, arn.removesuffix("/$LATEST"))
            active = [v for v in solution.versions if v.status == "ACTIVE"]
            if not active:
                raise invalid(f"Solution {solution.arn} has no active solution version.")
            return active[-1]
        version = self.find(SolutionVersion, arn)
        if version.status != "ACTIVE":
            raise PersonalizeError(
                self.behaviour.inactive_solution_version,
                f"Solution version {arn} is in {version.status} state, it must be ACTIVE.",
            )
        return version

    def _run_update(
        self,
        campaign: Campaign,
        version: SolutionVersion,
        deploys: str,
        tps: int,
        config: Answer | None,
    ) -> None:
        words, now = self.behaviour.campaign_update_status, clock.current()
        update = campaign.update = CampaignUpdate(
            version=version,
            deploys=deploys,
            minimum_tps=tps,
            config=config,
            created=now.time(),
            updated=now.time(),
            status=f"{words} PENDING",
        )
        failure = self.behaviour.take_failure("campaign-update")

        def advance(status: str) -> None:
            update.status, update.updated = status, now.time()

        def finish() -> None:
            if failure:
                update.failure_reason = failure
                advance(f"{words} FAILED")
                return
            advance("ACTIVE")
            if campaign.version is not version:
                campaign.deployed = now.time()
            campaign.version, campaign.deploys = version, deploys
            campaign.minimum_tps, campaign.config = tps, config
            self.advance(campaign, "ACTIVE")
            self._follow(campaign)

        duration = self.behaviour.campaign_duration(_items(version), update=True)
        self.after(self.behaviour.pending(duration), lambda: advance(f"{words} IN_PROGRESS"))
        self.after(duration, finish)


def _is_settled(campaign: Campaign) -> bool:
    update = campaign.update.status if campaign.update else ""
    return campaign.status in ("ACTIVE", "CREATE FAILED") and not update.endswith(_ON_THE_WAY)


def _check_settled(campaign: Campaign) -> None:
    if not _is_settled(campaign):
        update = f", its update {campaign.update.status}" if campaign.update else ""
        raise in_use(f"Campaign {campaign.arn} is in use: it is {campaign.status}{update}.")


def _items(version: SolutionVersion) -> int:
    if version.texts:
        return len(version.texts.words)
    return len(version.trained.items) if version.trained else 0
