"""Addresses without credentials.

What is remembered and printed is the address as it was written. Secrets stand in it as `${NAME}` and come from the environment at
the moment of the fetch; an address that holds one itself is refused, because it would be kept in records for good.
"""

import os
import re
from urllib.parse import parse_qsl, urlsplit

from homeostat.core.errors import NotFound, UserError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(
    r"(?i)(^|[^a-z])(sig|signature|token|secret|password|passwd|pwd|credential|api_?key|access_?key)([^a-z]|$)"
)


def check(uri: str) -> str:
    """Raises: UserError if the address holds a password, a token or a signature."""
    parts = urlsplit(uri)
    secrets = [parts.password] if parts.password else []
    if parts.scheme in ("http", "https") and parts.username:
        secrets.append(parts.username)
    secrets += [value for name, value in parse_qsl(parts.query) if _SECRET.search(name)]
    if any(not _VARIABLE.search(secret) for secret in secrets):
        raise UserError(
            f"{_without(uri, secrets)} holds a credential, and addresses are kept in records. Put it into a variable of the "
            f"environment and write its name instead, in single quotes: '{_without(uri, secrets, '${NAME}')}'"
        )
    return uri


def expand(uri: str) -> str:
    """The address with variables in place of their names.

    Raises: NotFound naming a variable that is not set.
    """
    missing = [name for name in _VARIABLE.findall(uri) if name not in os.environ]
    if missing:
        raise NotFound(f"{uri} needs the variable {missing[0]}, which is not set. Set it: export {missing[0]}=...")
    return _VARIABLE.sub(lambda match: os.environ[match[1]], uri)


def conceal(text: str, uri: str) -> str:
    """`text`, such as a library's error, with the names of `uri`'s variables in place of their values."""
    for name in _VARIABLE.findall(uri):
        if value := os.environ.get(name):
            text = text.replace(value, f"${{{name}}}")
    return text


def _without(uri: str, secrets: list[str], shown: str = "***") -> str:
    for secret in secrets:
        uri = uri.replace(secret, shown)
    return uri
