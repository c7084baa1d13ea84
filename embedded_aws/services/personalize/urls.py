"""The URLs of Personalize, and of its runtime , for moto."""

from embedded_aws.services.personalize.responses import PersonalizeResponse

url_bases = [
    r"https?://personalize\.(.+)\.amazonaws\.com",
    r"https?://personalize-runtime\.(.+)\.amazonaws\.com",
]
url_paths = {
    "{0}/$": PersonalizeResponse.dispatch,
    "{0}/recommendations$": PersonalizeResponse.dispatch,
    "{0}/action-recommendations$": PersonalizeResponse.dispatch,
    "{0}/personalize-ranking$": PersonalizeResponse.dispatch,
}
