"""One Lambda execution environment: a process that runs `awslambdaric`, and its Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from embedded_aws.clock import current
from embedded_aws.services import iam
from embedded_aws.services.awslambda import processes

# How long an environment may take, in real seconds, to request its first invocation.
INIT_LIMIT = 60.0


@dataclass(frozen=True)
class InvocationResult:
    """How an invocation ended: the payload, as JSON text, and whether it is an error."""

    payload: bytes
    is_error: bool


@dataclass(frozen=True)
class _Job:
    request_id: str
    event: bytes
    deadline_ms: int


class Environment:
    """Runs one invocation at a time; stays warm between them until `is_usable` is false."""

    def __init__(
        self, *, handler: str, task_root: Path, variables: Mapping[str, str], arn: str
    ) -> None:
        self.arn = arn
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.ready = threading.Event()
        self.is_usable = True
        self._results: queue.SimpleQueue[InvocationResult] = queue.SimpleQueue()
        _, partition, _, _, account, _ = arn.split(":", 5)
        self._session = iam.session(variables["AWS_ACCESS_KEY_ID"], account, partition)
        self._api = _RuntimeApi(self)
        threading.Thread(target=self._api.serve_forever, args=(0.02,), daemon=True).start()
        # A file, not a pipe: what was written before the response is there with the response.
        self._output = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed in close()
        self._read = 0
        self._process = processes.start(
            handler=handler,
            variables={
                **variables,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
                "_HANDLER": handler,
                "LAMBDA_TASK_ROOT": str(task_root),
                "PATH": os.environ["PATH"],
            },
            root=task_root,
            output=Path(self._output.name),
        )
        if self._session:
            self._session.kill = self.kill
        threading.Thread(target=self._reap, daemon=True).start()

    def invoke(self, request_id: str, event: bytes, timeout: float) -> InvocationResult:
        """Pass one event to the function and wait for the result.

        The function has `timeout` seconds from when it requests the event, both in real time and
        in simulated time, which passes only during a slowed call.
        """
        self.ready.wait(INIT_LIMIT)
        clock = current()
        # The function compares its deadline with its own clock, which shows real time.
        self.jobs.put(_Job(request_id, event, int((time.time() + timeout) * 1000)))
        deadline = clock.time() + timeout
        message = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"

        def kill() -> None:
            self._fail("Sandbox.Timedout", message)
            self.kill()

        if self._session:
            self._session.on_gone = kill
        alarm = clock.call_at(deadline, self._give_up)
        try:
            return self._results.get(timeout=timeout)
        except queue.Empty:
            if self._session and self._session.is_waiting:
                self._give_up()
            else:
                alarm.cancel()
                kill()
                clock.sleep(deadline - clock.time())
            return self._results.get()
        finally:
            alarm.cancel()

    def output(self) -> str:
        """Return what the function has written since the last call."""
        size = os.fstat(self._output.fileno()).st_size
        text = os.pread(self._output.fileno(), size - self._read, self._read)
        self._read = size
        return text.decode("utf-8", "replace")

    def succeed(self, payload: bytes) -> None:
        """Record the function's response."""
        self._results.put(InvocationResult(payload, is_error=False))

    def fail(self, payload: bytes) -> None:
        """Record the function's error, as the runtime client reports it."""
        self._results.put(InvocationResult(payload, is_error=True))

    def close(self) -> None:
        """End the child and its Runtime API."""
        self.kill()
        self.jobs.put(None)
        self._api.shutdown()
        self._api.server_close()
        self._output.close()

    def _give_up(self) -> None:
        # The call that lets time pass has the program's turn: it wakes and kills the function.
        if self._session:
            self._session.is_gone = True
            current().notify()

    def kill(self) -> None:
        """End the child; a caller that waits for its response gets Runtime.ExitError."""
        self.is_usable = False
        self._process.kill()
        self._process.wait()

    def _fail(self, error_type: str, message: str) -> None:
        self.fail(json.dumps({"errorType": error_type, "errorMessage": message}).encode())

    def _reap(self) -> None:
        code = self._process.wait()
        self.is_usable = False
        self.ready.set()
        # The first result counts: this one may follow a response, an init error or a timeout.
        if code == 0:
            reason = "Error: Runtime exited without providing a reason"
        elif code < 0:
            reason = f"Error: Runtime exited with error: signal: {signal.strsignal(-code)}"
        else:
            reason = f"Error: Runtime exited with error: exit status {code}"
        self._fail("Runtime.ExitError", reason)


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.environment = environment


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Nagle's algorithm and delayed acknowledgements add 40 ms to each call.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _RuntimeApi

    def log_message(self, *_args: object) -> None:
        """Log nothing; the function's own output is its log."""

    def do_GET(self) -> None:
        """Respond to `invocation/next` once there is an invocation."""
        environment = self.server.environment
        environment.ready.set()
        job = environment.jobs.get()
        if job is None:
            self._answer(410)
            return
        self._answer(
            200,
            job.event,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": job.request_id,
                "Lambda-Runtime-Deadline-Ms": str(job.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": environment.arn,
            },
        )

    def do_POST(self) -> None:
        """Accept a response, an error, or the error of a function that could not start."""
        body = self._body()
        self._answer(202, b'{"status":"OK"}', {"Content-Type": "application/json"})
        environment = self.server.environment
        if self.path.endswith("/response"):
            environment.succeed(body)
        else:
            environment.fail(body)
            if self.path.endswith("/init/error"):
                environment.is_usable = False
                environment.ready.set()

    def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        chunks = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)
