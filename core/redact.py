"""Secrets out of texts, before they are stored.

A net, not a promise: it knows the common forms of secrets. Every pattern is bounded, so that no text, however
made, takes longer than in proportion to its length.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"

_NAMES = (
    r"password|passwd|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|client[_-]?secret"
)
_PATTERNS = [
    re.compile(
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,8192}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    ),
    re.compile(r"\b[Bb](?:earer|asic|EARER|ASIC)\s{1,4}[A-Za-z0-9+/_.~=-]{16,4096}"),
    re.compile(
        r"(?<![\w-])eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{0,4096}"
    ),  # JWT, RFC 7519
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),  # AWS
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,255}|\bgithub_pat_[A-Za-z0-9_]{30,255}"),
    re.compile(
        r"(?<![\w-])(?:sk|rk|pk)[-_](?:[a-z]{2,12}[-_]){0,3}[A-Za-z0-9_-]{20,255}"
    ),  # OpenAI, Anthropic, Stripe
    re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,255}"),  # Slack
    re.compile(r"\bhw_[A-Za-z0-9_-]{32,255}"),  # our own
]
_ASSIGNED = re.compile(
    rf"(?i)((?=[pstac])(?:{_NAMES})[\"']?\s{{0,4}}[=:]\s{{0,4}}[\"']?)([^\s\"',;&]{{4,4096}})"
)
_SECRET_NAME = re.compile(rf"(?i)(?:[a-z0-9]{{1,32}}[_-]){{0,4}}(?:{_NAMES})")
_URL_PASSWORD = re.compile(r"(://[^\s/:@]{0,256}:)([^\s/]{1,256})(@)")
_HINTS = (
    "= : ----- earer EARER asic ASIC eyJ AKIA ASIA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ "
    "sk- sk_ rk- rk_ pk- pk_ xox hw_"
).split()
"""Every text in which a pattern above finds something has one of these: most texts have none."""


def redact(text: str) -> str:
    """Return the text with what looks like a secret replaced by ``[redacted]``.

    Known forms: private keys, bearer and basic credentials, JSON web tokens, keys of common services,
    ``password=...`` and the like, and passwords in URLs.
    """
    for hint in _HINTS:
        if hint in text:
            break
    else:
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    text = _ASSIGNED.sub(rf"\g<1>{REDACTED}", text)
    return _URL_PASSWORD.sub(rf"\g<1>{REDACTED}\g<3>", text)


def redact_data(value: Any) -> Any:
    """Return a JSON value with its texts redacted; wholly those that are named ``password`` or the like."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _redact_item(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [redact_data(item) for item in value]
    return value


def _redact_item(name: str, item: Any) -> Any:
    return REDACTED if item and isinstance(item, str) and _SECRET_NAME.fullmatch(name) else redact_data(item)
