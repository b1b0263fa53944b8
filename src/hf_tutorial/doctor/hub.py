"""Whether the Hub answers, and to whom. The token is used, and never shown."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from hf_tutorial import caches
from hf_tutorial.doctor.finding import Finding, shown

PATIENCE = 3.0  # seconds for everything, a name server that never answers included
TUNNEL = "Tunnel connection failed"  # by a proxy
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token must not travel on to wherever an answer points."""

    def redirect_request(self, *arguments):
        """Follow nothing."""
        return None


def reach(patience: float = PATIENCE) -> list[Finding]:
    """Ask the Hub who is logged in, and give up in seconds.

    That it cannot be reached matters in Hub mode only: bundled models need no network.
    """
    needed = os.environ.get("HF_TUTORIAL_SOURCE") == "hub"
    if name := caches.offline_by():
        return [Finding("ok", f"the Hub was not asked, since {name} is set")]
    endpoint = os.environ.get("HF_ENDPOINT", "").strip() or "https://huggingface.co"
    host = urlsplit(endpoint).hostname or "?"
    held = _tokens() if _may_carry_a_token(endpoint) else {}
    token = next(iter(held.values()), None)
    answer = _within(patience, endpoint.rstrip("/"), token)
    if isinstance(answer, str):
        way_out = ""
        if needed:
            mend = (
                "mend the proxy"
                if answer.startswith(TUNNEL)
                else "connect to the network"
            )
            way_out = f"unset HF_TUTORIAL_SOURCE, or {mend}"
        mark = "fix" if needed else "optional"
        what = f"the Hub ({host}) cannot be reached: {answer}"
        return [
            Finding(
                mark, what if needed else f"{what}; bundled models need none", way_out
            )
        ]
    status, name = answer
    log_in = _command()
    if status == 200 and name and token:
        return [Finding("ok", f"the Hub ({host}) answers; logged in as {name}")]
    if status in (401, 403) and not token:
        what = f"the Hub ({host}) answers; not logged in, which only sharing needs"
        return [Finding("optional", what, log_in)]
    if status in (401, 403):
        where = next(iter(held))
        mark = "fix" if needed else "optional"
        what = f"the Hub ({host}) does not take the token in {where}, and refuses downloads with it"
        unset = f"unset {where}\n" if where in VARIABLES else ""
        return [Finding(mark, what, f"{unset}{log_in}")]
    what = (
        f"the Hub ({host}) answers with status {status}, not as usual: an outage, or a "
    )
    what += "network that asks to log in"
    return [Finding("optional", what)]


def without_tokens(text: str) -> str:
    """Take every token of this machine out of a text, should one have come into it."""
    for token in _tokens().values():
        if len(token) >= 4:
            text = text.replace(token, "(token)")
    return re.sub(r"\bhf_[A-Za-z0-9]{20,}", "(token)", text)


def _tokens() -> dict[str, str]:
    """Find tokens by where they come from, the one that the libraries take first."""
    found = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    file = Path(
        os.path.expanduser(os.environ.get("HF_TOKEN_PATH") or caches.home() / "token")
    )
    try:
        found[str(file)] = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        pass
    # As the libraries clean it: a line end copied along would break the request.
    cleaned = {
        where: re.sub(r"[\r\n]", "", token).strip() for where, token in found.items()
    }
    return {where: token for where, token in cleaned.items() if token}


def _may_carry_a_token(endpoint: str) -> bool:
    """Say whether what is sent there can be read by nobody on the way."""
    address = urlsplit(endpoint)
    near = address.hostname in ("localhost", "127.0.0.1", "::1")
    return address.scheme == "https" or near


def _within(patience: float, endpoint: str, token: str | None):
    """Return (status, name), or a few words on why there is no answer."""
    answers: list = []

    def ask():
        answers.append(_ask(endpoint, token, patience))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    return answers[0] if answers else f"no answer within {patience:g} s"


def _ask(endpoint: str, token: str | None, patience: float):
    if urlsplit(endpoint).scheme not in ("http", "https"):
        return "HF_ENDPOINT is no address that begins with https://"
    try:
        request = urllib.request.Request(f"{endpoint}/api/whoami-v2")
        if token:
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=patience) as page:
            status, body = page.status, page.read(100_000)
    except urllib.error.HTTPError as error:
        return error.code, ""
    except urllib.error.URLError as error:
        # The words of a library may repeat what was sent, so only those of the system are kept.
        reason = error.reason
        if str(reason).startswith(TUNNEL):  # and the proxy's status: urllib's own words
            return re.sub(r"[^\w :-]", "", str(reason))[:80]
        return getattr(reason, "strerror", None) or type(reason).__name__
    except Exception as error:
        return type(error).__name__
    try:
        name = str(json.loads(body)["name"])
    except (ValueError, KeyError, TypeError):
        return status, ""
    return status, re.sub(r"[^\w.-]", "", name)[:60]


def _command() -> str:
    program = Path(sys.executable).with_name("hf.exe" if os.name == "nt" else "hf")
    return f"{shown(program)} auth login"
