"""What no fault may bring about: that a version goes live again that was held or taken back."""

from typing import Any

from rehearsal.fault_occasions import Occasion, are_ringing
from rehearsal.shop import Shop

REFUSED = {"REJECTED", "ROLLED_BACK"}


def wanted_end(occasion: Occasion, row: dict[str, Any], shop: Shop) -> str:
    """Return how a run has to end, once it was started again without a fault.

    `row` is as it was before that. A rollback that was noted is carried out, unless a person has
    moved the campaign on. An alarm that went off after the campaign had moved is seen by the next
    attempt.
    """
    if occasion.ends == "SUPERSEDED":
        return "SUPERSEDED"
    if "rollback_reason" in row:
        return "ROLLED_BACK"
    if occasion.ends == "ROLLED_BACK" and are_ringing(shop):
        return "ROLLED_BACK"
    return "COMPLETE"


def live_problems(shop: Shop) -> list[str]:
    """Return which campaigns serve a version that was rejected or taken back.

    A promotion, a person's word, makes it good.
    """
    rows = [row for each in shop.table_rows() for row in (each, each.get("replaced_row")) if row]
    refused = {_version(row) for row in rows if is_refused(row)}
    promoted = {_version(row) for row in rows if "promoted_by" in row}
    served = set(shop.served_versions().items())
    return [
        f"campaign {campaign} serves {version}, which was rejected or taken back"
        for campaign, version in sorted((served & refused) - promoted)
    ]


def wrongly_served(row: dict[str, Any], attribute: str, shop: Shop) -> list[str]:
    """Return that the campaign does not serve the version in the row's attribute, if so.

    A recommender has no version: it has to be trained on the columns of the settings.
    """
    first = shop.campaigns[0]
    if "recommender_arn" not in first:
        right = row.get(attribute) == shop.served()
        return [] if right else ["the campaign serves another version than the row says"]
    described = shop.cloud.client("personalize").describe_recommender(
        recommenderArn=first["recommender_arn"]
    )["recommender"]
    excluded = described["recommenderConfig"]["trainingDataConfig"].get("excludedDatasetColumns")
    right = excluded == first["training_columns"]["excluded"]
    return [] if right else [f"the recommender is trained without {excluded}"]


def is_refused(row: dict[str, Any]) -> bool:
    """Whether the row's version must not be served, unless a person says so."""
    return row.get("refresh_status") in REFUSED or "rollback_reason" in row


def _version(row: dict[str, Any]) -> tuple[str, str]:
    return row["campaign_name"], row.get("solution_version_arn", "")
