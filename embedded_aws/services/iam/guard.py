"""The WSGI layer that authorizes every call under a deployed role before it is carried out."""

from collections.abc import Callable, Iterable
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, s3_backends
from moto.sqs.models import sqs_backends
from moto.utilities.utils import get_partition
from werkzeug.wrappers import Response

from embedded_aws import wire
from embedded_aws.moto_changes import replace
from embedded_aws.services import iam
from embedded_aws.services.iam.actions import Permission, Place, UnknownActionError, needed
from embedded_aws.services.iam.keys import key_policy, needed_keys
from embedded_aws.services.iam.policy import UnsupportedPolicyError

StartResponse = Callable[..., Any]
App = Callable[[wire.Environ, StartResponse], Iterable[bytes]]

# The keys under which later layers find who calls what; absent for calls of the root user.
CALL, SESSION = "rehearsal.call", "rehearsal.session"

# The services' errors for a denied call, if not AccessDeniedException with status 400.
_DENIED = {
    "lambda": ("AccessDeniedException", 403),
    "monitoring": ("AccessDenied", 403),
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "xray": ("AccessDeniedException", 403),
}


class Guard:
    """Allows a call of a deployed role only if its policies allow it.

    The calls of the account's root user, whatever its key, and of the roles of CDK's bootstrap
    stack are neither checked nor recorded: they prepare the rehearsal.
    """

    def __init__(self, app: App, account: str) -> None:
        self._app = app
        self._account = account

    def __call__(self, environ: wire.Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Authorize one request (WSGI)."""
        signed = wire.signature(environ)
        session = signed and iam.session(
            signed.access_key_id, self._account, get_partition(signed.region)
        )
        if not signed or not session:
            return self._app(environ, start_response)
        call = wire.read(environ, signed)
        environ[CALL], environ[SESSION] = call, session
        try:
            refused = self._refused(call, session)
        except (UnknownActionError, UnsupportedPolicyError) as error:
            unknown = call.error("NotImplemented", str(error), 501)
            return unknown(environ, start_response)
        if refused:
            return denial(call, session, refused)(environ, start_response)
        return self._app(environ, start_response)

    def _refused(self, call: wire.ApiCall, session: iam.Session) -> Permission | None:
        place = Place(call.signature.region, self._account)
        permissions = needed(call.name, call.params, place)
        permissions += needed_keys(call.name, call.params, place)
        for permission in permissions:
            context = {"aws:requestedregion": place.region, **permission.context}
            policy = _policy_of(permission.resource, place)
            if not iam.is_authorized(
                session.role_arn,
                permission.action,
                permission.resource,
                context,
                operation=call.name,
                resource_policy=policy,
                resource_decides=permission.action.startswith("kms:"),
            ):
                return permission
        return None


def install() -> None:
    """Leave bucket policies to the guard: moto's own check ignores conditions.

    So it would always deny what CDK's staging bucket denies only without TLS.
    """
    replace(
        FakeBucket,
        "the guard checks bucket policies with their conditions, which moto ignores",
        get_permission=lambda *_args: PermissionResult.NEUTRAL,
    )


def denial(call: wire.ApiCall, session: iam.Session, refused: Permission) -> Response:
    """Return the response to a denied call, in the words and the format of its service."""
    code, status = _DENIED.get(call.signature.service, ("AccessDeniedException", 400))
    message = (
        f"User: {session.arn} is not authorized to perform: {refused.action} on resource: "
        f"{refused.resource} because no identity-based policy allows the {refused.action} action"
    )
    return call.error(code, message, status)


def _policy_of(resource: str, place: Place) -> str | None:
    """Return the policy that is attached to a bucket, a queue or a key itself."""
    service, name = resource.split(":")[2] if ":" in resource else "", resource.rpartition(":")[2]
    if service == "kms":
        return key_policy(resource)
    if service == "s3":
        bucket = s3_backends[place.account][place.partition].buckets.get(name.split("/")[0])
        return bucket.policy.decode() if bucket and bucket.policy else None
    if service == "sqs":
        queue = sqs_backends[place.account][place.region].queues.get(name)
        policy: str | None = queue.policy if queue else None
        return policy
    return None
