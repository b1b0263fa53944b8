"""What an error of the Hub, or of the cache below it, means: one sentence with the way out."""

from __future__ import annotations

import errno
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_token, httpx

from hf_tutorial import caches, place, sources
from hf_tutorial.appearance import running_shell
from hf_tutorial.doctor.finding import shown
from hf_tutorial.hub import patience
from hf_tutorial.refused import causes

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
# What transformers and datasets say when they are offline, and drop the error that says so.
OFFLINE = ("We couldn't connect to", "(OfflineModeIsEnabled)")
# What readers of files say of one that is not whole, by the names of their errors.
DAMAGED = ("SafetensorError", "JSONDecodeError", "ArrowInvalid", "UnicodeDecodeError",
           "UnpicklingError")  # fmt: skip


def sentence(error: BaseException) -> str | None:
    """Say in one sentence what the Hub's part in an error is, and what to do; None if it has none.

    The errors behind it count, and, where a library has dropped them, how the Hub last failed.
    """
    found = _told(error)
    if found is None and isinstance(error, OSError) and error.filename is None:
        found = _kept_quiet(error)
    return None if found is None else f"{found[0]}: {found[1]}"


def _kept_quiet(error: BaseException) -> tuple[str, str] | None:
    """Explain an error by what the Hub did last, which a library left out."""
    latest, refusal = patience.TROUBLES.latest, patience.TROUBLES.refusal
    if latest is not None:
        return _told(latest)
    if refusal is not None and asked_for(refusal) in str(error):
        return _told(refusal)
    if constants.HF_HUB_OFFLINE and any(words in str(error) for words in OFFLINE):
        return _offline()
    return None


def what(error: BaseException) -> str | None:
    """Say what the Hub does wrong, without the way out; None if it does nothing."""
    found = _told(error)
    return None if found is None else found[0]


def _told(error: BaseException) -> tuple[str, str] | None:
    chain = causes(error)
    # The first cause knows best: what stands before it is what a library made of it.
    for one in reversed(chain):
        if (found := _of_the_hub(one) or _of_the_disk(one, chain)) is not None:
            return found
    # What evaluate says whatever the Hub did, which it keeps to itself.
    if found := re.search(
        r"Module ('.*') doesn't exist on the Hugging Face Hub", str(error)
    ):
        if patience.TROUBLES.latest is not None:
            return _told(patience.TROUBLES.latest)
        return (f"{found[1]} could not be had from {hub()}, and evaluate does not say why",
                f"`{place.doctor()}` says whether the Hub answers; if it does, mend the "
                f"name{_bundled()}")  # fmt: skip
    return None


def hub() -> str:
    """Name the Hub that is asked."""
    return f"the Hub ({urlsplit(constants.ENDPOINT).hostname})"


def _bundled() -> str:
    if sources.origin() != "hub":
        return ""
    again = "restart the kernel" if running_shell() else "start again"
    return f", or take the bundled models: {again} without HF_TUTORIAL_SOURCE=hub"


def _of_the_hub(error: BaseException) -> tuple[str, str] | None:
    if isinstance(error, HfHubHTTPError) and not isinstance(
        error, LocalEntryNotFoundError
    ):
        return _answered(error)
    if isinstance(error, httpx.TimeoutException):
        seconds = constants.HF_HUB_DOWNLOAD_TIMEOUT
        return (f"{hub()}{_through()} does not answer within {seconds} s",
                f"try again later{_bundled()}; HF_HUB_DOWNLOAD_TIMEOUT sets the seconds")  # fmt: skip
    if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError)):
        return (f"{hub()}{_through()} was cut off in the middle of an answer",
                f"try again, nothing half-written is kept{_bundled()}")  # fmt: skip
    if isinstance(error, httpx.TransportError):
        return _unreached(error)
    if type(error) is OfflineModeIsEnabled and constants.HF_HUB_OFFLINE:
        return _offline()
    return None


def _offline() -> tuple[str, str]:
    again = (
        ", restart the kernel and try again" if running_shell() else " and start again"
    )
    variable = caches.offline_by() or "HF_HUB_OFFLINE"
    return (f"{variable} is set, and what is asked for was not downloaded before",
            f"unset it{again}{_bundled()}")  # fmt: skip


def _unreached(error: BaseException) -> tuple[str, str]:
    """Explain why no connection came about: a certificate, a proxy, or no network."""
    reason = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        why = re.sub(r"^.*verify failed: | \(_ssl\.c.*$", "", reason)
        return (f"{hub()}{_through()} shows a certificate that nobody here trusts ({why})",
                "ask who runs the network for its certificates, and set SSL_CERT_FILE and "
                f"REQUESTS_CA_BUNDLE to their file, before Jupyter starts{_bundled()}")  # fmt: skip
    if _through():
        variable = f"{urlsplit(constants.ENDPOINT).scheme.upper()}_PROXY"
        return (f"{hub()} cannot be reached{_through()} ({reason})",
                f"mend {variable}, or ask who runs the proxy{_bundled()}")  # fmt: skip
    return (f"{hub()} cannot be reached ({reason})",
            f"connect to the network and try again{_bundled()}")  # fmt: skip


def _through() -> str:
    """Name the proxy that requests to the Hub go through, without who logs in there; "" if none."""
    there = urlsplit(constants.ENDPOINT)
    proxies = urllib.request.getproxies()
    address = proxies.get(there.scheme) or proxies.get("all")
    if not address or urllib.request.proxy_bypass(there.hostname or ""):
        return ""
    host = address.rpartition("@")[2].rpartition("//")[2].strip("/")
    return f" through the proxy {host}"


def _answered(error: Any) -> tuple[str, str] | None:
    """Explain a status of the Hub."""
    status, name = error.response.status_code, asked_for(error)
    there = f"{constants.ENDPOINT}/{name}"
    if status == 403 and _writes(error.response.request):
        return (f"{hub()} does not let your token write there",
                f"make one that may, at {constants.ENDPOINT}/settings/tokens, and log in with it by "
                f"`{_command('auth login')}`")  # fmt: skip
    if isinstance(error, GatedRepoError):
        log_in = f"log in with `{_command('auth login')}`, " * (get_token() is None)
        fine = ", let your token read gated repositories" * (get_token() is not None)
        return (f"{name} is given to those only whom its owners have let in",
                f"{log_in}ask for access at {there}{fine}, and try again{_bundled()}")  # fmt: skip
    if isinstance(error, RevisionNotFoundError):
        return f"{name} has no such revision", f"look for one at {there}/commits/main"
    if isinstance(error, RepositoryNotFoundError):
        if status == 401 and get_token() is not None:
            return _token_refused()
        log_in = (
            ""
            if get_token()
            else f", or log in with `{_command('auth login')}` to see it"
        )
        return (f"{hub()} has no {name}, or it is private",
                f"mend the name{log_in}{_bundled()}")  # fmt: skip
    if isinstance(error, EntryNotFoundError):
        return None  # libraries ask for many files that need not be there, and say what matters
    if status == 401:
        return _token_refused()
    if status == 403:
        return (f"{hub()} forbids {name} to you",
                f"log in with `{_command('auth login')}` as somebody who may read it{_bundled()}")  # fmt: skip
    if status == 429:
        wait = patience.seconds_to_wait(error.response)
        log_in = (
            ""
            if get_token()
            else f"; `{_command('auth login')}` gives you a higher limit"
        )
        return (f"{hub()} has had too many requests from here (429)",
                f"try again in {'some minutes' if wait is None else f'{wait} s'}{_bundled()}"
                f"{log_in}")  # fmt: skip
    if status >= 500:
        return (f"{hub()} has a fault of its own ({status})",
                f"try again in some minutes{_bundled()}")  # fmt: skip
    return (
        f"{hub()} answers {status} when asked for {name}",
        f"mend the name{_bundled()}",
    )


def _writes(request: Any) -> bool:
    return request.method not in ("GET", "HEAD") and "/paths-info/" not in str(
        request.url
    )


def _token_refused() -> tuple[str, str]:
    return (f"{hub()} does not take your token",
            f"unset HF_TOKEN if it is set, and log in with `{_command('auth login')}`")  # fmt: skip


def asked_for(error: Any) -> str:
    """Name the repository that a request was about: by its address, which errors keep."""
    path = urlsplit(str(error.response.url)).path
    found = re.match(
        r"(?:/api/(?:models|datasets|spaces)|/(?:datasets|spaces))?/([^/]+(?:/(?!resolve/|tree/"
        r"|revision/|paths-info/)[^/]+)?)", path)  # fmt: skip
    return found[1] if found else path


def _of_the_disk(
    error: BaseException, chain: list[BaseException]
) -> tuple[str, str] | None:
    """Explain what stands in the way of the cache; other files are the reader's business."""
    cache = constants.HF_HUB_CACHE
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and number in (*FULL, *CLOSED):
        where = str(error.filename or "")
        if number in FULL and (not where or _in_caches(where)):
            return (f"the disk is full, or a file may not grow that large ({where or cache})",
                    f"free some space (`{_command('cache ls')}` shows what lies there), or "
                    f"{_move(where, 'on a larger disk')}; nothing half-written is kept")  # fmt: skip
        if number in CLOSED and _in_caches(where):
            return (f"the cache cannot be written ({error.strerror}: {where})",
                    _move(where, "that can be written"))  # fmt: skip
    if type(error).__name__ in DAMAGED and (file := damaged_file(chain)) is not None:
        return f"{file.name} in the cache is damaged", f"{_remove(file)} and try again"
    return None


def _in_caches(where: str) -> bool:
    homes = [caches.home(), *caches.folders().values()]
    return any(Path(where).is_relative_to(home) for home in homes)


def _move(where: str, to: str) -> str:
    """Name the variable that moves the cache which a file lies in."""
    holding = [
        variable
        for variable, folder in caches.folders().items()
        if Path(where).is_relative_to(folder)
    ]
    return caches.moved(holding[:1] or ["HF_HUB_CACHE"], to)


def damaged_file(chain: list[BaseException]) -> Path | None:
    """Find the file of the cache that was being read when an error was raised."""
    cache = Path(constants.HF_HUB_CACHE)
    for path in _paths_at_hand(chain):
        if path.is_relative_to(cache) and path.is_file():
            return path
    return None


def _paths_at_hand(chain: list[BaseException]) -> Iterator[Path]:
    """Give the paths that the functions held which were running, the innermost first."""
    for error in chain:
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
        for frame in reversed(frames):
            for value in frame.f_locals.values():
                if isinstance(value, (str, Path)) and 0 < len(str(value)) < 1000:
                    if str(value).startswith(constants.HF_HUB_CACHE):
                        yield Path(value)


def _remove(file: Path) -> str:
    """Name the command that takes a repository out of the cache."""
    folder = file.relative_to(constants.HF_HUB_CACHE).parts[0]
    kind, _, name = folder.partition("s--")
    repository = f"{kind}/{name.replace('--', '/')}"
    return f"remove it with `{_command(f'cache rm {repository} -y')}`"


def _command(arguments: str) -> str:
    program = Path(sys.executable).with_name(
        "hf.exe" if sys.platform == "win32" else "hf"
    )
    return f"{shown(program)} {arguments}"
