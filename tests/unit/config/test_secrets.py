"""Keys come from variables or a private file; what is wrong with either is said without what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.config.load import load_settings
from tradecore.config.secrets import (
    KRAKEN_FILE,
    KRAKEN_KEY,
    KRAKEN_SECRET,
    S3_KEY,
    S3_SECRET,
    S3_TOKEN,
    VARIABLES,
    kraken_credentials,
    s3_credentials,
)
from tradecore.core.errors import ConfigError

KEY, SECRET = "canary-key-1234567890", "canary-secret-abcdef"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kraken.key"
    path.write_text(f"# my key\n{KEY}\n\n  {SECRET}  \n")
    path.chmod(0o600)
    return path


def test_two_variables_are_a_key() -> None:
    found = kraken_credentials({KRAKEN_KEY: KEY, KRAKEN_SECRET: f" {SECRET}\n"})
    assert (found.key.reveal(), found.secret.reveal()) == (KEY, SECRET)


def test_a_private_file_is_a_key(file: Path) -> None:
    found = kraken_credentials({KRAKEN_FILE: str(file)})
    assert (found.key.reveal(), found.secret.reveal()) == (KEY, SECRET)
    assert KEY not in repr(found)
    assert SECRET not in repr(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_can_open_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match=r"others can open it.*chmod 600"):
        kraken_credentials({KRAKEN_FILE: str(file)})


@pytest.mark.parametrize("content", [b"", f"{KEY}\n".encode(), f"{KEY}\n{SECRET}\n{KEY}\n".encode(), b"\xff\xfe" * 9])
def test_a_file_that_is_not_two_lines_is_refused_without_its_content(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as told:
        kraken_credentials({KRAKEN_FILE: str(file)})
    assert KEY not in str(told.value)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_is_none_is_refused(file: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=KRAKEN_FILE):
        kraken_credentials({KRAKEN_FILE: str(file.parent / name)})


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=f"{KRAKEN_KEY} and {KRAKEN_SECRET} not set"):
        kraken_credentials({})
    with pytest.raises(ConfigError, match=f"Kraken: {KRAKEN_SECRET} not set"):
        kraken_credentials({KRAKEN_KEY: KEY})


def test_two_ways_at_once_are_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="one way only"):
        kraken_credentials({KRAKEN_FILE: str(file), KRAKEN_KEY: KEY})


def test_the_storage_key_comes_from_the_variables_every_tool_reads() -> None:
    found = s3_credentials({S3_KEY: KEY, S3_SECRET: SECRET})
    assert (found.key.reveal(), found.secret.reveal(), bool(found.token)) == (KEY, SECRET, False)
    assert s3_credentials({S3_KEY: KEY, S3_SECRET: SECRET, S3_TOKEN: "t"}).token.reveal() == "t"
    with pytest.raises(ConfigError, match=S3_SECRET):
        s3_credentials({S3_KEY: KEY})


def test_the_variables_of_secrets_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, SECRET)
    assert not [key for key in load_settings().origins if "secret" in key]


@pytest.mark.parametrize("key", ["kraken.key", "kraken.secret", "s3.secret_access_key"])
def test_a_secret_in_the_settings_is_refused_without_being_said(key: str) -> None:
    with pytest.raises(ConfigError) as told:
        load_settings(None, {key: SECRET})
    assert key in str(told.value)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("address", ["https://user:canary@api.kraken.com", "ftp://api.kraken.com"])
def test_an_address_with_a_password_is_no_address(address: str) -> None:
    with pytest.raises(ConfigError) as told:
        load_settings(None, {"kraken.rest_address": address})
    assert "canary" not in str(told.value)


def test_a_setting_that_moved_says_where_it_is_now() -> None:
    with pytest.raises(ConfigError, match=r"is now kraken\.rest_address"):
        load_settings(None, {"market.kraken_address": "https://api.kraken.com"})
