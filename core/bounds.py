"""The bounds of single fields.

Each check returns the value as whoever reads its JSON form will get it, so that an entry is the same from
memory and from a file; or it raises `InvalidEntry`, which names the field, the value and what is allowed.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from .errors import InvalidEntry

MAX_STEP = 200  # characters of a step's name
MAX_STEPS = 10_000  # of a plan


def check_text(field: str, value: object, least: int, most: int) -> str:
    """Return a text of *least* to *most* characters that can be written as UTF-8."""
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise InvalidEntry(field, value, f"a text of {least} to {most} characters")
    if type(value) is str and value.isascii():
        return value
    try:
        return value.encode().decode()  # a plain str, also from a member of an enumeration
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form (RFC 3629, 3)
        raise InvalidEntry(field, value, "a text that can be written as UTF-8") from None


def check_number(field: str, value: object, least: int, most: int = sys.maxsize) -> int:
    """Return a whole number from *least* to *most*."""
    if type(value) is not int or not least <= value <= most:
        allowed = f"from {least} to {most}" if most < sys.maxsize else f"not below {least}"
        raise InvalidEntry(field, value, f"a whole number {allowed}")
    return value


def check_float(field: str, value: object, most: float = sys.float_info.max) -> float | None:
    """Return a finite number from 0 to *most*, or None when there is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        allowed = f"from 0 to {most:g}" if most < sys.float_info.max else "not below 0"
        raise InvalidEntry(field, value, f"a number {allowed}")
    return float(value)  # a plain one, also from numpy


def check_object(field: str, value: object, most: int, depth: int) -> dict[str, Any]:
    """Return a JSON object of at most *most* bytes, with at most *depth* levels inside; a copy."""
    if not isinstance(value, dict):
        raise InvalidEntry(field, value, "a JSON object")
    try:
        text = _encoder.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEntry(field, type(value), f"a JSON object ({error})") from None
    plain: dict[str, Any] = msgspec.json.decode(text)
    if len(text) > most or _deeper(plain, depth):
        allowed = f"at most {most} bytes of JSON, at most {depth} levels deep"
        raise InvalidEntry(field, f"{len(text)} bytes", allowed)
    return plain


def _deeper(value: Any, depth: int) -> bool:
    items = list(value.values()) if isinstance(value, dict) else value
    return isinstance(items, list) and (depth == 0 or any(_deeper(item, depth - 1) for item in items))


def _scalar(value: Any) -> Any:
    """Return what a numpy scalar stands for."""
    if callable(getattr(value, "item", None)):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encoder = msgspec.json.Encoder(enc_hook=_scalar)
