"""Secrets are taken out before anything is stored."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway import redact as module
from headway.redact import REDACTED, redact, redact_data

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA\n" * 20 + "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"using {KEY} now", f"using {REDACTED} now"),
        (KEY[:100], REDACTED),  # cut short is no less a key
        ("Authorization: Bearer abcdefgh12345678", f"Authorization: {REDACTED}"),
        ("sent Basic dXNlcjpwYXNzd29yZA==", f"sent {REDACTED}"),
        (f"with {JWT}.", f"with {REDACTED}."),
        ("as AKIAIOSFODNN7EXAMPLE", f"as {REDACTED}"),
        ("ghp_" + "a1" * 18, REDACTED),
        ("github_pat_" + "a1" * 20, REDACTED),
        ("key sk-proj-" + "a1" * 20, f"key {REDACTED}"),
        ("sk_live_" + "a1" * 12, REDACTED),
        ("xoxb-123456789012-abc", REDACTED),
        ("hw_" + "a" * 32, REDACTED),
        ("password=hunter22 rows=5", f"password={REDACTED} rows=5"),
        ('{"db_password": "hunter22"}', f'{{"db_password": "{REDACTED}"}}'),
        ("API-KEY: abcdefgh", f"API-KEY: {REDACTED}"),
        ("postgresql://ann:s3cret@db:5432/shop", f"postgresql://ann:{REDACTED}@db:5432/shop"),
        ("postgresql://ann:s3@cret@db/shop", f"postgresql://ann:{REDACTED}@db/shop"),
        ("redis://:s3cret@db", f"redis://:{REDACTED}@db"),
    ],
)
def test_a_secret_is_replaced_and_the_rest_stays(text, left):
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3 tables, 148,312 rows",
        "tokens: 4096 of 8192",
        "12 secrets of good coffee",
        "https://localhost:8001/chat/4",
        "https://example.org/@ann/posts?x=1:2",
        "basic statistics of returns by region",
        "risk-adjusted return of desk-top sales",
        "SELECT secret FROM spies",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert redact(text) == text


def test_data_is_redacted_at_every_depth_and_by_the_names_of_its_texts():
    data = {
        "prompt": "use password=hunter22",
        "api_key": "plain words",
        "database": {"password": "x", "host": "db", "port": 5},
        "rows": [1, None, True, ["token: abcdefgh"]],
        "tokens": 4096,
        "token": "",
    }
    assert redact_data(data) == {
        "prompt": f"use password={REDACTED}",
        "api_key": REDACTED,
        "database": {"password": REDACTED, "host": "db", "port": 5},
        "rows": [1, None, True, [f"token: {REDACTED}"]],
        "tokens": 4096,
        "token": "",
    }


@given(st.text(max_size=60) | st.sampled_from([JWT, KEY, "password=hunter22", "a://b:c@d"]))
def test_redacting_twice_is_redacting_once(text):
    assert redact(redact(text)) == redact(text)


PATTERNS = [*module._PATTERNS, module._ASSIGNED, module._URL_PASSWORD]
pieces = st.sampled_from(
    "-----BEGIN |RSA |PRIVATE KEY-----|Bearer |bEARER |Basic |bASIC |eyJ|.|AKIA|ASIA|ghp_|ghs_|github_pat_|"
    "sk-|rk_|pk-|proj-|live_|xoxb-|hw_|password|API_KEY|access-key|token|=|:|: |\"|'|://|ann:|@|db|a1B2|A1Z9|"
    "aaaaaaaa|ZZZZZZZZ|0123456789|\n| |é".split("|")
)


def thoroughly(text: str) -> str:
    """Redact a text without a quick look whether there is anything to redact."""
    for pattern in module._PATTERNS:
        text = pattern.sub(REDACTED, text)
    text = module._ASSIGNED.sub(rf"\g<1>{REDACTED}", text)
    return module._URL_PASSWORD.sub(rf"\g<1>{REDACTED}\g<3>", text)


@pytest.mark.parametrize("number", range(len(PATTERNS)))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), before=st.text(max_size=5), after=st.text(max_size=5))
def test_the_quick_look_hides_no_secret_of_any_known_form(number, data, before, after):
    secret = data.draw(st.from_regex(PATTERNS[number]))
    assert REDACTED in redact(secret)
    text = before + secret + after
    assert redact(text) == thoroughly(text)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_the_quick_look_hides_no_secret_whatever_it_is_made_of(text):
    assert redact(text) == thoroughly(text)


def test_every_repetition_in_a_pattern_is_bounded_so_that_time_grows_with_the_text_only():
    patterns = [*module._PATTERNS, module._ASSIGNED, module._URL_PASSWORD, module._SECRET_NAME]
    unbounded = [
        p.pattern for p in patterns if module.re.search(r"(?<!\\)[*+](?![^\[]*\])|\{\d+,\}", p.pattern)
    ]
    assert unbounded == []


@pytest.mark.parametrize("piece", ["eyJ-", "sk-", "a-", "a", "password=", "x://y:", "bearer ", "-----BEGIN "])
def test_a_hostile_text_of_the_longest_length_is_read_to_its_end(piece):
    text = (piece * 8192)[:8192]
    assert len(redact(text)) <= 2 * len(text)
