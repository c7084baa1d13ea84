"""Measures the task "Check data" on a large delivery: `make preflight`.

Writes 1 GB of interactions, once as one file and once as 1,000, and runs the task in a process of
its own (Linux only), against the embedded Personalize and DynamoDB. S3 is a server on this machine
that lists and reads that folder, since moto would load the whole file for each ranged read. The
seconds include the process's start, with Python and boto3; the memory is the most that it had.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from embedded_aws import Clock, Cloud, start
from rehearsal import sample_data

GB, MOST_SECONDS, MOST_MB = 10**9, 5.0, 200.0
BUCKET, TABLE = "preflight", "PREFLIGHT"
# What runs in the process that is measured: as Lambda does, with the modules in the path.
TASK = """
import json, re, sys
sys.path.insert(0, "lambdas")
from check_data import lambda_handler
verdict = lambda_handler(json.load(sys.stdin), None)
# getrusage would tell of the process that started this one, too
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(json.dumps([verdict, int(peak[1])]))
"""


class FolderAsBucket(BaseHTTPRequestHandler):
    """Answers ListObjectsV2 and GetObject for the files of a folder."""

    def __init__(self, folder: Path, *rest: Any) -> None:
        self._folder = folder
        super().__init__(*rest)

    def do_GET(self) -> None:
        """List or read, whatever the path asks for."""
        path, _, query = self.path.partition("?")
        if "list-type=2" in query:
            prefix = next(unquote(part[7:]) for part in query.split("&") if part[:7] == "prefix=")
            self._send(200, _listing(self._folder, prefix))
            return
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        with (self._folder / unquote(path).split("/", 2)[2]).open("rb") as file:
            file.seek(int(first))
            self._send(206, file.read(int(last) - int(first) + 1))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _listing(folder: Path, prefix: str) -> bytes:
    modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    contents = "".join(
        f"<Contents><Key>{escape(prefix + path.name)}</Key><LastModified>{modified}</LastModified>"
        f"<Size>{path.stat().st_size}</Size></Contents>"
        for path in sorted((folder / prefix).iterdir())
    )
    return f"<ListBucketResult>{contents}</ListBucketResult>".encode()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as a bucket, and yield the endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(FolderAsBucket, folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def write_deliveries(folder: Path) -> None:
    """Write 1 GB of interactions as one file (`one/`), and as 1,000 files (`many/`)."""
    header = f"{','.join(sample_data.COLUMNS)}\n".encode()
    rows = "".join(
        f"U{n % 9973:05},P{n % 997:04},{1_600_000_000 + n},view\n" for n in range(32_000)
    )
    block = rows.encode()[: GB // 1000]
    block = block[: block.rindex(b"\n") + 1]
    for name in ("one", "many"):
        (folder / name).mkdir()
    with (folder / "one" / "interactions.csv").open("wb") as file:
        file.write(header)
        for number in range(1001):
            file.write(block)
            if number < 1000:  # noqa: PLR2004 - the other delivery has a thousand files
                (folder / "many" / f"part-{number:05}.csv").write_bytes(header + block)


def prepare(cloud: Cloud) -> str:
    """Make the table and an Interactions dataset, and return the dataset's ARN."""
    cloud.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "campaign_name", "KeyType": "HASH"},
            {"AttributeName": "base_date", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "campaign_name", "AttributeType": "S"},
            {"AttributeName": "base_date", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    personalize = cloud.client("personalize")
    with cloud.clock.running():
        group = personalize.create_dataset_group(name="shop")["datasetGroupArn"]
        cloud.clock.sleep(60)
        schema = personalize.create_schema(name="shop", schema=sample_data.SCHEMA)["schemaArn"]
        arn: str = personalize.create_dataset(
            name="shop", schemaArn=schema, datasetGroupArn=group, datasetType="Interactions"
        )["datasetArn"]
    return arn


def measure(cloud: Cloud, endpoint: str, dataset_arn: str, folder: str) -> bool:
    """Check one delivery, print what it took, and return whether that is little enough."""
    dataset = {
        "dataset_arn": dataset_arn,
        "location": f"s3://{BUCKET}/{folder}/",
        "import_mode": "FULL",
        "row_prefix": "",
    }
    event = {
        "campaign_name": "campaign",
        "base_date": 20200928,
        "run_key": "aaaaaaaa",
        "datasets": [dataset],
        "preflight": {"no_new_data": "end", "smallest_share": 0.5},
    }
    variables = {"AWS_ENDPOINT_URL_S3": endpoint, "TABLE_NAME": TABLE}
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - this Python, and the text above
        [sys.executable, "-c", TASK],
        input=json.dumps(event),
        env={**os.environ, **cloud.environment, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - began
    verdict, kib = json.loads(done.stdout)
    print(f"{folder:5} {seconds:5.2f} s {kib / 1024:6.1f} MB  {verdict}")
    return seconds < MOST_SECONDS and kib / 1024 < MOST_MB and not any(verdict.values())


def main() -> int:
    """Measure both deliveries; return 1 if either took too much or was not found good."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_deliveries(folder)
        clock = Clock(time.time())
        with (
            start(account="111122223333", region="ap-northeast-1", clock=clock) as cloud,
            served(folder) as endpoint,
        ):
            dataset_arn = prepare(cloud)
            well = [measure(cloud, endpoint, dataset_arn, each) for each in ("one", "many")]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
