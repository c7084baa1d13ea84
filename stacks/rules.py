"""What AWS accepts as a region, a name, a place in S3 or a schedule, beyond what a pattern can say.

Each function returns its argument, or raises ValueError with what is wrong and what to write.
"""

from __future__ import annotations

import calendar
import re
import zoneinfo
from functools import cache
from itertools import product

# https://docs.aws.amazon.com/general/latest/gr/personalize.html, read in 2026-11; botocore's
# endpoints say the same, and a test compares them.
REGIONS = (
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "cn-north-1", "eu-central-1", "eu-west-1", "us-east-1", "us-east-2",
    "us-west-2",
)  # fmt: skip

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

# Step Functions evaluates {% … %}, DefinitionSubstitutions and the CDK replace ${…}, and
# CloudFormation {{resolve:…}}: none of them would be the text that the file has.
EVALUATED = ("${", "{%", "%}", "{{resolve:")

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIRST_YEAR, LAST_YEAR = 1970, 2199
LONGEST_RATE_DAYS = 366
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
CRON: tuple[tuple[str, int, int, list[str], str], ...] = (
    ("minutes", 0, 59, [], "0-59"),
    ("hours", 0, 23, [], "0-23"),
    ("day of month", 1, 31, [], "1-31, ?, L, LW or 15W"),
    ("month", 1, 12, MONTHS, "1-12 or JAN-DEC"),
    ("day of week", 1, 7, DAYS, "1-7 or SUN-SAT, ?, L, 6L or 6#3"),
    ("year", FIRST_YEAR, LAST_YEAR, [], f"{FIRST_YEAR}-{LAST_YEAR}"),
)


def region(name: str) -> str:
    """Accept a region that has Amazon Personalize."""
    if name not in REGIONS:
        raise ValueError(
            f"Amazon Personalize is not in a region {name!r}; choose one of {', '.join(REGIONS)}"
        )
    return name


def partition(name: str) -> str:
    """Return the partition of such a region: aws or aws-cn."""
    return "aws-cn" if name.startswith("cn-") else "aws"


def time_zone(name: str) -> str:
    """Accept an IANA name: not what only this machine has, such as localtime or posix/UTC."""
    # IANA's names begin with a capital; Factory says that no zone has been set
    if name not in _zones() or not name[0].isupper() or name.startswith(("Factory", "SystemV/")):
        raise ValueError(f"{name!r} is not an IANA time zone; write one such as Asia/Seoul or UTC")
    return name


@cache
def _zones() -> set[str]:
    return zoneinfo.available_timezones()


def text(value: str) -> str:
    """Accept a text of one line that reaches AWS as it is."""
    found = next((mark for mark in EVALUATED if mark in value), None)
    if found:
        raise ValueError(
            f"{value!r} has {found!r}, which the deployment or Step Functions would evaluate; "
            "use a name without it"
        )
    # Glue's and S3's names may hold a tab, but no line end and no other control character
    if control := re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]", value):
        raise ValueError(
            f"{value!r} has the line end or control character {control[0]!r}; write it in one "
            "line without it"
        )
    return value


def glue_job(name: str) -> str:
    """Accept a job's name that IAM takes for this job alone."""
    if wildcard := re.search(r"[*?]", text(name)):
        raise ValueError(
            f"{name!r} has {wildcard[0]!r}, which a policy would read as any character; give the "
            "Glue job another name"
        )
    return name


def bucket(name: str) -> str:
    """Accept a name that a general purpose bucket can have."""
    why = ""
    if ".." in name or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        why = "two dots in a row, or an IP address, is not a bucket's name"
    elif name.startswith(BUCKET_PREFIXES) or name.endswith(BUCKET_SUFFIXES):
        why = "S3 reserves this beginning or ending"
    elif not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        why = "a bucket's name has 3 to 63 characters of a-z, 0-9, . and -, no . or - at its ends"
    if why:
        raise ValueError(f"{name!r} cannot be a bucket: {why}; write the bucket's own name")
    return name


def location(value: str) -> str:
    """Accept s3://bucket/key, with {base_date} in the key; its form has been checked."""
    bucket(text(value).removeprefix("s3://").split("/")[0])
    if wrong := re.search(r"\{\w*\}", value.replace("{base_date}", "")):
        raise ValueError(
            f"{value!r} has {wrong[0]!r}; only {{base_date}}, the run's date as 20200928, is "
            "replaced; name the folder"
        )
    return value


def role_arn(arn: str) -> str:
    """Accept the ARN of a role: a path of printable characters, a name of at most 64."""
    found = re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/([\x21-\x7e]+/)?([^/]*)", arn)
    if found is None:
        raise ValueError(
            f"{arn!r} is not a role's ARN; write arn:<partition>:iam::<account>:role/…"
        )
    if not re.fullmatch(r"[A-Za-z0-9_+=,.@-]{1,64}", found[2]):
        raise ValueError(
            f"{found[2]!r} cannot be a role's name: it has 1 to 64 letters, digits and +=,.@_-; "
            "copy the ARN from IAM"
        )
    return arn


def schedule(expression: str) -> str:
    """Accept a rate or cron expression that is due again and again, or at least once."""
    kind, _, rest = expression.removesuffix(")").partition("(")
    if kind == "rate":
        number, unit = rest.split()
        if int(number[:9]) > LONGEST_RATE_DAYS * {"m": 1440, "h": 24, "d": 1}[unit[0]]:
            raise ValueError(f"{expression!r} is rarer than once a year; write rate(1 day)")
        return expression
    fields = rest.split()
    wrong = [
        f"{name} {value!r} is not {allowed}"
        for value, (name, first, last, words, allowed) in zip(fields, CRON, strict=True)
        if not _is_special(name, value) and cron_numbers(value, first, last, words) is None
    ]
    if (fields[2] == "?") == (fields[4] == "?"):
        wrong.append("exactly one of day of month and day of week is ?")
    if not wrong and not _ever(fields):
        wrong.append("no such date will come")
    if wrong:
        raise ValueError(
            f"{expression!r} is not a schedule: {'; '.join(wrong)}; write six fields as in "
            "cron(0 12 * * ? *)"
        )
    return expression


def _is_special(name: str, value: str) -> bool:
    if name == "day of month":
        return re.fullmatch(r"\?|L|LW|([1-9]|[12]\d|3[01])W", value) is not None
    day = f"([1-7]|{'|'.join(DAYS)})"
    return name == "day of week" and bool(re.fullmatch(rf"\?|L|{day}L|{day}#[1-5]", value.upper()))


def cron_numbers(value: str, first: int, last: int, words: list[str]) -> set[int] | None:
    """Return the numbers that a field means: `*`, ranges, steps and lists; None if it is wrong."""
    number = "|".join([r"\d{1,4}", *words])
    found: set[int] = set()
    for item in value.upper().split(","):
        parts = re.fullmatch(rf"(\*|({number})(-({number}))?)(/(\d{{1,4}}))?", item)
        if parts is None:
            return None
        low = _number(parts[2], words) if parts[2] else first
        high = last if not parts[2] or (parts[5] and not parts[3]) else low
        high = _number(parts[4], words) if parts[4] else high
        step = int(parts[6] or 1)
        if not (first <= low <= high <= last and step):
            return None
        found.update(range(low, high + 1, step))
    return found


def _number(text: str, words: list[str]) -> int:
    return words.index(text) + 1 if text in words else int(text)


def _ever(fields: list[str]) -> bool:
    """Return whether a month of the schedule has one of its days."""
    days = cron_numbers(fields[2], 1, 31, []) or {1}
    months = cron_numbers(fields[3], 1, 12, MONTHS) or set()
    years = cron_numbers(fields[5], FIRST_YEAR, LAST_YEAR, []) or set()
    return any(
        min(days) <= calendar.monthrange(year, month)[1]
        for year, month in product(years - set(range(FIRST_YEAR, 2026)), months)
    )
