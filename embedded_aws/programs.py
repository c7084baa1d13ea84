"""Requests and the clock: work that takes simulated time must count as a program."""

import threading
from collections.abc import Callable
from typing import TypeVar

from flask import has_request_context, request

from embedded_aws.clock import current
from embedded_aws.services.iam.guard import SESSION

T = TypeVar("T")


def run(call: Callable[[], T]) -> T:
    """Run `call` as a program of the clock, and wait for it in real time.

    A call from a program is already part of that program, and so is a request under a deployed
    role, which acts for the program that sent it. A request from outside, such as a user's own,
    gets its own program.
    """
    if current().is_program() or (has_request_context() and SESSION in request.environ):
        return call()
    done = threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def program() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again for the caller below
            errors.append(error)
        finally:
            done.set()

    current().spawn(program)
    done.wait()
    if errors:
        raise errors[0]
    return results[0]
