"""Lists of ARNs that fit IAM: exact while that is possible, then by the beginnings of names."""

from __future__ import annotations

from collections.abc import Sequence

ARN_OVERHEAD = len('"",')  # what an ARN takes in a policy besides itself
# The longest list that is allowed by exact ARNs: a role's inline policies (10,240 characters) and
# its ten managed policies (6,144 each) hold four of these.
MOST_EXACT = 15_000


def narrowed(arns: Sequence[str], most: int = MOST_EXACT) -> list[str]:
    """Return the ARNs, or the beginnings that they share if they are longer than `most` characters.

    All are cut to one length, the longest at which they fit, and end in `*`. The part up to the
    first `/` is never cut: account, region and type of resource, or S3's bucket. So the result may
    still be too long, if that part alone differs.
    """
    cut = list(arns)
    length = max(map(len, arns), default=0)
    while length and size(cut) > most:
        length -= 1
        cut = list(dict.fromkeys(_cut(arn, length) for arn in arns))
    return cut


def size(arns: Sequence[str]) -> int:
    """Return how many characters the ARNs take in a policy."""
    return sum(len(arn) + ARN_OVERHEAD for arn in arns)


def _cut(arn: str, length: int) -> str:
    kept = max(length, arn.find("/") + 1 or len(arn))
    return arn if len(arn) <= kept else arn[:kept].rstrip("*") + "*"
