"""Our signatures are botocore's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl.aws.signature import Signer

VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
HEADERS = {
    "X-Amz-Target": "AmazonSQS.SendMessageBatch",
    "Content-Type": "application/x-amz-json-1.0",
    "x-amzn-query-mode": "true",
    "User-Agent": "orderctl/0.1.0  Botocore/1.43",
}


def theirs(url: str, headers: dict[str, str], body: bytes, credentials: ReadOnlyCredentials) -> dict[str, str]:
    request = AWSRequest("POST", url, headers=headers, data=body)
    SigV4Auth(credentials, "sqs", "eu-west-1").add_auth(request)
    return {name: str(request.headers[name]) for name in request.headers if name not in headers}


def ours(url: str, headers: dict[str, str], body: bytes, credentials: ReadOnlyCredentials, now: str) -> dict[str, str]:
    signer = Signer(url, headers, "eu-west-1", "sqs")
    at = datetime.strptime(now, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signer.headers(credentials, body, at)


@given(body=st.binary(max_size=200), key=VISIBLE, secret=VISIBLE, token=st.one_of(st.none(), VISIBLE))
@settings(max_examples=60, deadline=None)
def test_date_token_and_authorization_are_those_of_botocores_signer(
    body: bytes, key: str, secret: str, token: str | None
) -> None:
    credentials = ReadOnlyCredentials(key, secret, token)
    url = "https://sqs.eu-west-1.amazonaws.com/"
    expected = theirs(url, HEADERS, body, credentials)
    assert ours(url, HEADERS, body, credentials, expected["X-Amz-Date"]) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.eu-west-1.amazonaws.com",
        "https://sqs.eu-west-1.amazonaws.com:443/",
        "http://127.0.0.1:4566/",
        "http://127.0.0.1:80/",
        "http://[::1]:4566/",
        "https://proxy.example.com:8443/",
    ],
)
def test_the_host_is_signed_as_botocore_signs_it(url: str) -> None:
    credentials = ReadOnlyCredentials("AKIAFAKE", "secret", "token")
    expected = theirs(url, HEADERS, b"{}", credentials)
    assert ours(url, HEADERS, b"{}", credentials, expected["X-Amz-Date"]) == expected


def test_header_values_are_folded_as_botocore_folds_them() -> None:
    credentials = ReadOnlyCredentials("AKIAFAKE", "secret", None)
    headers = {**HEADERS, "X-Amz-Odd": " two  words\tand 100% more "}
    expected = theirs("https://a.example.com/", headers, b"{}", credentials)
    assert ours("https://a.example.com/", headers, b"{}", credentials, expected["X-Amz-Date"]) == expected


def test_another_day_and_another_secret_have_another_key() -> None:
    signer = Signer("https://a.example.com/", HEADERS, "eu-west-1", "sqs")
    monday, tuesday = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    old, new = ReadOnlyCredentials("AKIAOLD", "old", None), ReadOnlyCredentials("AKIAOLD", "new", None)
    made = [signer.headers(each, b"{}", day)["Authorization"] for each in (old, new) for day in (monday, tuesday)]
    again = [
        Signer("https://a.example.com/", HEADERS, "eu-west-1", "sqs").headers(each, b"{}", day)["Authorization"]
        for each in (old, new)
        for day in (monday, tuesday)
    ]
    assert made == again
    assert len(set(made)) == 4
