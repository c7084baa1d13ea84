"""One Lambda execution environment: a process that runs `awslambdaric`, and its Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from embedded_aws.clock import current
from embedded_aws.services import iam
from embedded_aws.services.awslambda import processes
from embedded_aws.services.awslambda.behaviour import LambdaBehaviour
from embedded_aws.serving import Serving

# How long an environment may take, in real seconds, to request its first invocation.
INIT_LIMIT = 60.0
# How often, in real seconds, the memory of a running function is looked at.
LOOK_AT_MEMORY = 0.05
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class InvocationResult:
    """How an invocation ended: the payload, as JSON text, and the error's type if it is one."""

    payload: bytes
    error_type: str | None = None


@dataclass(frozen=True)
class _Killed:
    """How a function ended that could not report it itself."""

    error_type: str
    reason: str


@dataclass(frozen=True)
class _Job:
    request_id: str
    event: bytes
    deadline_ms: int


class Environment:
    """Runs one invocation at a time; stays warm between them until `is_usable` is false.

    A function that takes more than AWS_LAMBDA_FUNCTION_MEMORY_SIZE megabytes is killed.
    """

    def __init__(
        self,
        *,
        handler: str,
        task_root: Path,
        variables: Mapping[str, str],
        arn: str,
        behaviour: LambdaBehaviour,
    ) -> None:
        self.arn = arn
        self._behaviour = behaviour
        self._memory = int(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) * MEGABYTE
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.ready = threading.Event()
        self.is_usable = True
        self._results: queue.SimpleQueue[InvocationResult | _Killed] = queue.SimpleQueue()
        _, partition, _, _, account, _ = arn.split(":", 5)
        self._session = iam.session(variables["AWS_ACCESS_KEY_ID"], account, partition)
        self._api = _RuntimeApi(self)
        self._serving = Serving(self._api)
        self._serving.start()
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
            self._session.exhaust = self._run_out_of_memory
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

        def kill() -> None:
            self._kill("Sandbox.Timedout", f"Task timed out after {timeout:.2f} seconds")

        if self._session:
            self._session.on_gone = kill
        alarm = clock.call_at(deadline, self._give_up)
        try:
            return self._reported(self._result(timeout), request_id)
        except queue.Empty:
            if self._session and self._session.is_waiting:
                self._give_up()
            else:
                alarm.cancel()
                kill()
                clock.sleep(deadline - clock.time())
            return self._reported(self._results.get(), request_id)
        finally:
            alarm.cancel()

    def output(self) -> str:
        """Return what the function has written since the last call."""
        size = os.fstat(self._output.fileno()).st_size
        text = os.pread(self._output.fileno(), size - self._read, self._read)
        self._read = size
        return text.decode("utf-8", "replace")

    def succeed(self, payload: bytes) -> None:
        """Record the function's response, unless it took too much memory on the way."""
        if self._is_out_of_memory():
            self._run_out_of_memory()
        self._results.put(InvocationResult(payload))

    def fail(self, payload: bytes) -> None:
        """Record the function's error, as the runtime client reports it."""
        error_type = json.loads(payload).get("errorType", "Unhandled")
        self._results.put(InvocationResult(payload, error_type))

    def close(self) -> None:
        """End the child and its Runtime API."""
        self.kill()
        self.jobs.put(None)
        self._serving.stop()
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

    def _result(self, timeout: float) -> InvocationResult | _Killed:
        """Return the result, or raise queue.Empty after so many real seconds."""
        ends = time.monotonic() + timeout
        while True:
            left = ends - time.monotonic()
            try:
                return self._results.get(timeout=max(0.0, min(LOOK_AT_MEMORY, left)))
            except queue.Empty:
                if self._is_out_of_memory():
                    self._run_out_of_memory()
                elif left <= LOOK_AT_MEMORY:
                    raise

    def _is_out_of_memory(self) -> bool:
        return self._process.peak_memory() > self._memory

    def _run_out_of_memory(self) -> None:
        self._kill("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")

    def _kill(self, error_type: str, reason: str) -> None:
        # The first result counts: what follows from the end of the process comes too late.
        self.is_usable = False  # before anyone has the result, and would invoke it again
        self._results.put(_Killed(error_type, reason))
        self.kill()

    def _reported(self, result: InvocationResult | _Killed, request_id: str) -> InvocationResult:
        """Return a result as Lambda returns it to the caller."""
        if isinstance(result, InvocationResult):
            return result
        kind = result.error_type
        payload = {"errorType": kind}
        if kind == "Runtime.OutOfMemory":
            payload = {"errorType": self._behaviour.out_of_memory}
        message = f"RequestId: {request_id} Error: {result.reason}"
        if kind == "Sandbox.Timedout" and self._behaviour.timeout == "Lambda.Unknown":
            now = current().now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
            payload, message = {}, f"{now} {request_id} {result.reason}"
        return InvocationResult(json.dumps(payload | {"errorMessage": message}).encode(), kind)

    def _reap(self) -> None:
        code = self._process.wait()
        self.is_usable = False
        self.ready.set()
        # The first result counts: this one may follow a response, an init error or a timeout.
        if code == 0:
            reason = "Runtime exited without providing a reason"
        elif code < 0:
            name = str(signal.strsignal(-code)).lower()
            reason = f"Runtime exited with error: signal: {name}"
        else:
            reason = f"Runtime exited with error: exit status {code}"
        self._results.put(_Killed("Runtime.ExitError", reason))


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.environment = environment

    def handle_error(self, *request: Any) -> None:
        """Say nothing of a function's process that was killed while it was connected."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*request)


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
