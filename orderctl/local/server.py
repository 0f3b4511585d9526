"""The local server through its whole life: start, look at, stop.

A server is started on the port it had last time where that is free (the endpoint in the configuration stays
true), else on any free port. Between finding a free port and the server taking it another program may be
quicker, so a start that fails while the port has become taken is tried again elsewhere.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError, TimeoutPassedError
from orderctl.local import ministack, process
from orderctl.local.files import LocalFiles
from orderctl.local.models import Health, LocalState

TRIES = 4
"""Ports tried before giving up."""
READY_TIMEOUT = 60.0
"""Seconds; a cold start takes one."""
GRACE = 15.0
"""Seconds the server gets to save its state before it is killed."""
PAUSE = 0.05
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class StartOptions:
    """How the server shall run. `port` None is the last one, or any free one; `region` None is `DEFAULT_REGION`."""

    region: str | None = None
    persist: bool = False
    port: int | None = None


class Server:
    """Starts, finds and stops the one server whose state lies in `files`."""

    def __init__(self, files: LocalFiles, environ: Mapping[str, str], clock: Clock) -> None:
        self._files = files
        self._environ = environ
        self._clock = clock

    def health(self, state: LocalState | None) -> Health:
        """What is left of the server of `state`."""
        if state is None:
            return Health.ABSENT
        if not process.is_alive(state.pid, state.process_mark):
            return Health.STOPPED
        return Health.RUNNING if ministack.is_well(state) else Health.UNHEALTHY

    def start(self, options: StartOptions) -> Iterator[str]:
        """Start the server and wait until it is ready; yields what it is doing.

        Raises FailedError with the log's end when it dies, ConflictError when a wished port is taken,
        TimeoutPassedError after `READY_TIMEOUT`.
        """
        ministack.check_installed()
        data = self._files.data(options.persist)
        self._files.prepare(data, data / "state", data / "s3", data / "tmp")
        for _ in range(TRIES):
            state = self._spawn(self._choose_port(options), options)
            yield f"process {state.pid} on port {state.port}"
            if self._becomes_well(state):
                yield f"running on {state.endpoint_url}"
                return
            self._files.forget_state()
            if options.port is not None or is_free(state.port):
                break
        last_words = self._files.log_tail()
        raise FailedError(f"the local server ended while starting: {last_words}", hint=f"see {self._files.log}")

    def stop(self, state: LocalState) -> bool:
        """End the server if it is still there, and forget it; was it there?

        With nothing to persist, what it wrote to disk goes too.
        """
        was_there = process.end(state.pid, state.process_mark, self._clock, grace=GRACE)
        self._files.forget_state()
        if not state.persist:
            self._files.wipe(persisted=False)
        return was_there

    def _spawn(self, port: int, options: StartOptions) -> LocalState:
        instance, region = f"orderctl-{secrets.token_hex(8)}", options.region or DEFAULT_REGION
        environ = ministack.environment(
            self._files, self._environ, port=port, region=region, persist=options.persist, instance=instance
        )
        log = self._files.open_log()
        try:
            pid, birth = process.spawn(ministack.command(), environ, cwd=self._files.data(options.persist), log=log)
        except OSError as error:
            raise FailedError(f"cannot start the local server: {error.strerror}") from error
        finally:
            os.close(log)
        state = LocalState(port, pid, self._clock.now(), options.persist, region, birth, instance)
        self._remember(state)
        return state

    def _remember(self, state: LocalState) -> None:
        """A server nobody remembers could never be stopped: end it when its state cannot be written."""
        try:
            self._files.write_state(state)
            self._files.write_port(state.port)
        except BaseException:
            process.end(state.pid, state.process_mark, self._clock, grace=GRACE)
            raise

    def _becomes_well(self, state: LocalState) -> bool:
        """Wait for its health; False when the process ended instead."""
        deadline = self._clock.monotonic() + READY_TIMEOUT
        while not ministack.is_well(state):
            if not process.is_alive(state.pid, state.process_mark):
                return False
            if self._clock.monotonic() >= deadline:
                hint = f"see {self._files.log}, then: orderctl local down"
                raise TimeoutPassedError(f"the local server was not ready within {READY_TIMEOUT:.0f} s", hint=hint)
            self._clock.sleep(PAUSE)
        return True

    def _choose_port(self, options: StartOptions) -> int:
        if options.port is not None:
            if not is_free(options.port):
                hint = "choose another with --port, or leave it out"
                raise ConflictError(f"port {options.port} on {ministack.HOST} is taken", hint=hint)
            return options.port
        last = self._files.read_port()
        return last if last and is_free(last) else any_free_port()


def is_free(port: int) -> bool:
    """Could a server listen on this loopback port now?"""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ministack.HOST, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """A loopback port nobody listens on at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((ministack.HOST, 0))
        return int(probe.getsockname()[1])
