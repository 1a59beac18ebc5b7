"""Consumer key and secret of the EUMETSAT Data Store: where they come from, and that they go nowhere else."""

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.errors import ConfigurationError

KEY, SECRET = "EUMETSAT_CONSUMER_KEY", "EUMETSAT_CONSUMER_SECRET"


@dataclass(frozen=True)
class Credentials:
    """Key and secret; neither is in ``repr``.

    Attributes:
        key: Consumer key.
        secret: Consumer secret.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen: both, and both as basic authentication sends them."""
        return self.key, self.secret, b64encode(f"{self.key}:{self.secret}".encode()).decode()


def credentials_of_environment() -> Credentials:
    """Credentials in ``EUMETSAT_CONSUMER_KEY`` and ``EUMETSAT_CONSUMER_SECRET``.

    Raises:
        ConfigurationError: One is not set.
    """
    for name in (KEY, SECRET):
        if not os.environ.get(name, "").strip():
            raise ConfigurationError(
                f"environment variable {name}",
                None,
                "not set",
                "take key and secret from https://api.eumetsat.int/api-key, or name a Prefect secret block in "
                "satellite.<grid>.download.secret_block and run `vigie nightly`",
            )
    return Credentials(os.environ[KEY].strip(), os.environ[SECRET].strip())


def credentials_of_text(text: object, place: str) -> Credentials:
    """Credentials as a secret block holds them: a JSON object, or one line ``key:secret``.

    Args:
        text: Content of the block: text, or an object that was JSON.
        place: For the error, which does not repeat the content.

    Raises:
        ConfigurationError: The content is neither.
    """
    try:
        table = json.loads(text) if isinstance(text, str) and text.lstrip().startswith("{") else text
        if isinstance(table, dict):
            key, secret = str(table["consumer_key"]), str(table["consumer_secret"])
        else:
            key, secret = str(table).strip().split(":", 1)
    except (ValueError, KeyError):
        key = secret = ""
    if not (key and secret):
        mend = '{"consumer_key": ..., "consumer_secret": ...}, or key:secret'
        raise ConfigurationError(place, None, "holds no consumer key and secret", mend)
    return Credentials(key, secret)


def censored(words: str, credentials: Credentials | None) -> str:
    """Words of an error nobody foresaw, for a log: without credentials, tokens and logins in addresses.

    Args:
        words: Of the error.
        credentials: That were given; those of the environment are struck out as well.
    """
    own = {os.environ.get(KEY, "").strip(), os.environ.get(SECRET, "").strip()}
    words = without_secrets(words, own | set(credentials.secrets if credentials else ()))
    words = re.sub(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", r"\1 ***", words, flags=re.IGNORECASE)
    return re.sub(r"://[^/\s@]+@", "://***@", words)


def without_secrets(words: str, secrets: Iterable[str]) -> str:
    """Words with every secret struck out."""
    for secret in sorted(set(secrets) - {""}, key=len, reverse=True):
        words = words.replace(secret, "***")
    return words
