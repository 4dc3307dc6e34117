"""Addresses are the venue's own, or a fake's on this machine; nothing goes elsewhere unencrypted."""

from __future__ import annotations

import pytest

from tradecore.core.errors import ConfigError
from tradecore.venues.kraken.addresses import Addresses


def test_a_local_fake_has_all_doors_on_one_port() -> None:
    at = Addresses.local("http://127.0.0.1:8123/")
    assert (at.rest, at.futures) == ("http://127.0.0.1:8123", "http://127.0.0.1:8123")
    assert (at.socket, at.private_socket) == ("ws://127.0.0.1:8123/v2", "ws://127.0.0.1:8123/v2-auth")


@pytest.mark.parametrize(
    "rest",
    [
        *("", "api.kraken.com", "ftp://api.kraken.com", "http://api.kraken.com", "https://user:word@api.kraken.com"),
        *("wss://api.kraken.com", "https://", "http://127.evil.example", "http://localhost.evil.example"),
    ],
)
def test_an_address_that_would_show_a_signature_is_refused(rest: str) -> None:
    with pytest.raises(ConfigError):
        Addresses(rest=rest)


def test_a_socket_address_is_no_web_address() -> None:
    with pytest.raises(ConfigError, match="socket"):
        Addresses(socket="https://ws.kraken.com/v2")
