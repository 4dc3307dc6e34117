"""Where Kraken listens. Every address comes from the outside, so that the whole client can be pointed at a fake."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from tradecore.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Addresses:
    """The four doors of the venue; the defaults are Kraken's own."""

    rest: str = "https://api.kraken.com"
    """Spot REST, without a path."""
    socket: str = "wss://ws.kraken.com/v2"
    """Public WebSocket v2."""
    private_socket: str = "wss://ws-auth.kraken.com/v2"
    """WebSocket v2 with a token: orders, executions, balances."""
    futures: str = "https://futures.kraken.com"
    """Public charts of the futures, without a path."""

    def __post_init__(self) -> None:
        for name, schemes in (("rest", "http"), ("futures", "http"), ("socket", "ws"), ("private_socket", "ws")):
            address = getattr(self, name)
            parts = urlsplit(address)
            if parts.scheme not in (schemes, schemes + "s") or not parts.hostname or parts.username:
                raise ConfigError(
                    f"Kraken's {name} address {address!r}: expected {schemes}s://HOST, without a password"
                )
            if parts.scheme == schemes and not _is_here(parts.hostname):
                raise ConfigError(
                    f"Kraken's {name} address {address!r} is not encrypted; expected {schemes}s://, "
                    "or a host on this machine"
                )

    @classmethod
    def local(cls, url: str) -> Addresses:
        """Return the addresses of a fake that answers HTTP and WebSocket on one port: http://127.0.0.1:8123."""
        plain = url.rstrip("/")
        socket = "ws" + plain.removeprefix("http")
        return cls(rest=plain, socket=f"{socket}/v2", private_socket=f"{socket}/v2-auth", futures=plain)


def _is_here(host: str) -> bool:
    """Return whether a host is this machine: a number of the loopback, or its one name; 127.example.com is neither."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
