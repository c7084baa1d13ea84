"""The URLs of Personalize, of its runtime and of its events, for moto."""

from embedded_aws.services.personalize.responses import PATHS, PersonalizeResponse

url_bases = [
    r"https?://personalize\.(.+)\.amazonaws\.com",
    r"https?://personalize-runtime\.(.+)\.amazonaws\.com",
    r"https?://personalize-events\.(.+)\.amazonaws\.com",
]
url_paths = {f"{{0}}{path}$": PersonalizeResponse.dispatch for path in ("/", *PATHS)}
