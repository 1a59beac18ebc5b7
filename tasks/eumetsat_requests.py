"""Requests to the EUMETSAT Data Store, with limits.

eumdac knows addresses, tokens and products. Its own requests have no time-out, wait as long as a throttling server
tells them to, and come back in step with everybody else's. Here they go through urllib3's retries, with both limits.
"""

import json
import threading
import time
from typing import Any

import eumdac.request
import requests
from eumdac.token import AccessToken, HTTPBearerAuth, URLs
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.util.retry import Retry

from models.contracts.downloads import DownloadSettings
from tasks.eumetsat_credentials import Credentials, without_secrets

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_TOKEN_LIFE_S = 86400


class _PoliteRetry(Retry):
    """Waits for as long as a throttled answer says, in its header or, as this service does, in its body."""

    def increment(
        self, method: Any = None, url: Any = None, response: Any = None, *rest: Any, **more: Any
    ) -> Any:
        if response is not None and response.status == 429 and "Retry-After" not in response.headers:
            wait_s = _stated_wait_s(response.data)
            if wait_s > 0:
                response.headers["Retry-After"] = str(wait_s)
        return super().increment(method, url, response, *rest, **more)


def _stated_wait_s(body: bytes) -> int:
    """Seconds until ``message.retryAfter``, milliseconds since 1970; 0 where the body does not say."""
    try:
        return max(0, round(int(json.loads(body)["message"]["retryAfter"]) / 1000 - time.time() + 0.5))
    except (ValueError, KeyError, TypeError):
        return 0


class Transport:
    """One session for all requests of a source.

    Args:
        settings: Time-out, attempts and waits.
    """

    def __init__(self, settings: DownloadSettings) -> None:
        retry = _PoliteRetry(
            total=settings.attempts - 1,
            backoff_factor=settings.first_wait_s / 2,  # urllib3 waits factor x 2 before the second attempt
            backoff_jitter=settings.first_wait_s,
            backoff_max=settings.longest_wait_s,
            retry_after_max=settings.longest_wait_s,
            status_forcelist=_PASSING,
            allowed_methods=None,  # asking for a token is a POST, and does no harm twice
            raise_on_status=False,
        )
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=settings.parallel + 1))
        self._timeout_s = settings.timeout_s

    def request(
        self, method: str, url: str, *, auth: AuthBase | None = None, **options: Any
    ) -> requests.Response:
        """Send a request; where its token is refused, once more with a new one."""
        response = self._session.request(method, url, auth=auth, timeout=self._timeout_s, **options)
        if response.status_code == 401 and isinstance(auth, _Bearer):
            response.close()
            renewed = auth.renewed()
            response = self._session.request(method, url, auth=renewed, timeout=self._timeout_s, **options)
        return response

    def close(self) -> None:
        """Close its connections."""
        self._session.close()


class LimitedToken(AccessToken):
    """A token that is asked for with limits, is renewed before it expires or when it is refused, and is not logged.

    Args:
        credentials: Key and secret.
        transport: For its own requests, and for those that carry it.
        api: Address of the service.
    """

    def __init__(self, credentials: Credentials, transport: Transport, api: str) -> None:
        urls = URLs()
        urls["DEFAULT"]["api"] = api.rstrip("/").replace("%", "%%")
        super().__init__((credentials.key, credentials.secret), urls=urls)
        self.transport = transport
        self._secrets = set(credentials.secrets)
        self._lock = threading.Lock()
        self._valid_until = 0.0

    @property
    def access_token(self) -> str:
        """The token, new where the last one is about to expire."""
        with self._lock:
            if time.time() > self._valid_until - self.request_margin:
                self._ask()
            return self._access_token

    @property
    def auth(self) -> AuthBase:
        """What eumdac gives to its requests."""
        return _Bearer(self, self.access_token)

    def renewed(self, refused: str) -> str:
        """A token other than the one that was refused; another thread may have asked for it already."""
        with self._lock:
            if self._access_token == refused:
                self._ask()
            return self._access_token

    def censored(self, words: str) -> str:
        """Words without key, secret and tokens."""
        return without_secrets(words, self._secrets)

    def _ask(self) -> None:
        answer = self.transport.request(
            "post",
            self.urls.get("token", "token"),
            auth=HTTPBasicAuth(*self.credentials),
            data={"grant_type": "client_credentials", "validity_period": _TOKEN_LIFE_S},
        )
        answer.raise_for_status()
        table = answer.json()
        self._access_token, self._valid_until = (
            table["access_token"],
            time.time() + float(table["expires_in"]),
        )
        self._secrets.add(self._access_token)


class _Bearer(HTTPBearerAuth):
    def __init__(self, owner: LimitedToken, token: str) -> None:
        super().__init__(token)
        self.owner = owner

    def renewed(self) -> "_Bearer":
        return _Bearer(self.owner, self.owner.renewed(self.token))


_of_eumdac = eumdac.request._request


def _request(method: str, url: str, *args: Any, **options: Any) -> requests.Response:
    """Eumdac's one way out: what carries a token of ours goes through its transport."""
    auth = options.get("auth")
    if isinstance(auth, _Bearer):
        return auth.owner.transport.request(method, url, **options)
    return _of_eumdac(method, url, *args, **options)


eumdac.request._request = (
    _request  # it has no setting for a time-out; a test fails where it takes another way
)
