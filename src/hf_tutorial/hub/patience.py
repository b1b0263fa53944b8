"""How long the Hub is waited for. Its client has no end: it tries six times, each call anew."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_session, set_client_factory
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import hf_raise_for_status, httpx

from hf_tutorial.refused import causes

TROUBLE = 3.0  # seconds without a success, after the first failure, that are spent on trying again
NAMED = 5  # seconds that the Hub may tell us to wait: longer waits are the reader's
CUTS = 3  # failures in the middle of one file, none of which got farther
FORGOTTEN = (
    30.0  # seconds after the last failure, when the Hub is asked as if nothing had been
)
PASSING = (408, 429, 500, 502, 503, 504)  # what the client would try again


class GivenUp(OfflineModeIsEnabled):
    """The Hub failed for as long as we wait. Its client takes this as being offline.

    So it goes on with what was downloaded before, and raises only where that is not enough.
    """


class Trouble:
    """What went wrong with the Hub since it last answered."""

    def __init__(self) -> None:
        """Begin without any."""
        self.lock = threading.Lock()  # files are downloaded in several threads
        self.endless = False
        self.forget()

    def forget(self) -> None:
        """Begin anew: the Hub may be back."""
        self.since: float | None = None
        self.last = 0.0
        self.error: BaseException | None = (
            None  # since when it is set, nothing is asked
        )
        self.latest: BaseException | None = None
        self.refusal: BaseException | None = None  # of a repository; some are expected
        self.cuts: Counter[str] = Counter()

    def refuse_if_given_up(self) -> None:
        """Raise at once, without asking, where asking has failed for long enough."""
        with self.lock:
            if self.latest and time.monotonic() - self.last > FORGOTTEN:
                self.forget()
            if self.error is not None:
                raise GivenUp(str(self.error)) from self.error

    def over(self) -> None:
        """Note that the Hub has answered."""
        with self.lock:
            if self.error is None:
                self.since = self.latest = None

    def met(self, begin: float, error: BaseException, at_once: bool = False) -> bool:
        """Note a failure of a request that began at `begin`; say whether it was the last one."""
        with self.lock:
            self.latest, self.last = error, time.monotonic()
            self.since = begin if self.since is None else self.since
            if self.endless:
                return False
            if at_once or self.last - self.since >= TROUBLE:
                self.error = error
            return self.error is not None

    def cut(self, path: str, error: BaseException) -> bool:
        """Note that a file broke off; say whether it was the last time."""
        with self.lock:
            self.latest, self.last = error, time.monotonic()
            if self.endless:
                return False
            self.cuts[path] += 1
            stalled = isinstance(error, httpx.TimeoutException)
            if self.cuts[path] >= (2 if stalled else CUTS):
                self.error = error
            return self.error is not None


TROUBLES = Trouble()


class _Watched(httpx.SyncByteStream):
    """The body of an answer, of which it is noted when it breaks off."""

    def __init__(self, stream: Any, request: Any):
        self.stream = stream
        # Where a download goes on after what has come already counts as another one.
        self.asked = f"{request.url.path} {request.headers.get('Range', '')}"

    def __iter__(self) -> Any:
        try:
            for part in self.stream:
                TROUBLES.over()
                yield part
        except httpx.TransportError as error:
            if TROUBLES.cut(self.asked, error):
                raise GivenUp(str(error)) from error
            raise

    def close(self) -> None:
        """Close the connection."""
        self.stream.close()


class Patient(httpx.Client):
    """The client of the Hub's library, with an end to its patience."""

    def send(self, request: Any, *, stream: bool = False, **options: Any) -> Any:
        """Send a request, unless the Hub has failed for long enough.

        Raises:
            GivenUp: It has; the cause is how.
            HfHubHTTPError: It says itself to come again later.
        """
        if _asks_another_host(request):
            return super().send(request, stream=stream, **options)
        TROUBLES.refuse_if_given_up()
        _limit(request)
        begin = time.monotonic()
        try:
            response = super().send(request, stream=stream, **options)
        except httpx.TransportError as error:
            if TROUBLES.met(begin, error):
                raise GivenUp(str(error)) from error
            raise
        if response.status_code in PASSING:
            self._passing(begin, response)
        elif response.status_code >= 400:
            TROUBLES.over()
            TROUBLES.refusal = _error_of(response) or TROUBLES.refusal
        elif stream and request.method == "GET":
            response.stream = _Watched(response.stream, request)
        else:
            TROUBLES.over()
        return response

    def _passing(self, begin: float, response: Any) -> None:
        """Let the client try again, for as long as that is short."""
        wait, error = seconds_to_wait(response), _error_of(response)
        if TROUBLES.met(begin, error, at_once=wait is not None and wait > NAMED):
            raise error


def _error_of(response: Any) -> Any:
    """Give the error that the library makes of a status."""
    response.read()  # else nothing is known of what the Hub said
    try:
        hf_raise_for_status(response)
    except httpx.HTTPError as error:
        return error
    return None


def seconds_to_wait(response: Any) -> int | None:
    """Read how long the Hub wants to be left alone; None if it does not say."""
    from huggingface_hub.utils import parse_ratelimit_headers

    limit = parse_ratelimit_headers(response.headers)
    if response.status_code == 429 and limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds
    named = response.headers.get("Retry-After", "").strip()
    return int(named) if named.isdigit() else None


def _asks_another_host(request: Any) -> bool:
    """Say whether a request has no part in a download, so that its failure is none of the Hub's.

    datasets counts what is loaded, local files too, by asking a server of Amazon's for a file that
    is not there. Downloads begin at the Hub, and only their bodies come from other hosts.
    """
    return (
        request.method == "HEAD"
        and request.url.host != urlsplit(constants.ENDPOINT).hostname
    )


def _limit(request: Any) -> None:
    """Give every question a time-out: many calls of the library come without one.

    What is sent, to push, may take its time.
    """
    path = urlsplit(str(request.url)).path
    if request.method not in ("GET", "HEAD") and "/paths-info/" not in path:
        return
    longest = constants.HF_HUB_DOWNLOAD_TIMEOUT  # the reader's own, or 10
    given = request.extensions.get("timeout") or {}
    request.extensions["timeout"] = {
        phase: min(given.get(phase) or longest, longest)
        for phase in ("connect", "read", "write", "pool")
    }


def set_up() -> None:
    """Let the Hub's library give up in seconds, by the client that it may be given."""
    usual = get_session()
    if isinstance(usual, Patient):
        return
    hooks = usual.event_hooks
    set_client_factory(
        lambda: Patient(event_hooks=hooks, follow_redirects=True, timeout=None)
    )


def limit_requests() -> None:
    """Give evaluate the same patience: it asks by another client, 100 s at a time, without a setting.

    Only what is asked of the Hub is watched.
    """
    from requests import exceptions
    from requests.adapters import HTTPAdapter

    usual = HTTPAdapter.send
    if getattr(usual, "patient", False):
        return

    def send(adapter: Any, request: Any, **options: Any) -> Any:
        if urlsplit(request.url).hostname != urlsplit(constants.ENDPOINT).hostname:
            return usual(adapter, request, **options)
        TROUBLES.refuse_if_given_up()
        begin, options["timeout"] = time.monotonic(), constants.HF_HUB_DOWNLOAD_TIMEOUT
        try:
            response = usual(adapter, request, **options)
        except (exceptions.Timeout, exceptions.ConnectionError) as error:
            late = isinstance(error, exceptions.Timeout)
            kind = httpx.ReadTimeout if late else httpx.ConnectError
            why = str(
                causes(error)[-1]
            )  # what stands before it repeats the whole request
            if TROUBLES.met(begin, kind(why)):
                raise GivenUp(why) from error
            raise
        TROUBLES.over()
        return response

    send.patient = True  # type: ignore[attr-defined]
    HTTPAdapter.send = send  # type: ignore[method-assign]


def wait_as_usual() -> None:
    """Never give up before the libraries do: a training that reads a stream should outlast it."""
    with TROUBLES.lock:
        TROUBLES.forget()
        TROUBLES.endless = True


def watch_cells(shell: Any) -> None:
    """Ask a Hub that failed in one cell again in the next, and say what a cell did without it."""
    shell.events.register("pre_run_cell", _before)
    shell.events.register("post_run_cell", _after)


def _before(*_: Any) -> None:
    with TROUBLES.lock:
        TROUBLES.forget()


def _after(result: Any) -> None:
    from hf_tutorial.hub import failures

    if result.success and TROUBLES.latest is not None:
        what = failures.what(TROUBLES.latest)
        if what:
            print(f"{what[0].upper()}{what[1:]}: this cell did with what was downloaded before.",
                  file=sys.stderr)  # fmt: skip
