"""Signatures are the venue's, and the secret is nowhere to be seen."""

from __future__ import annotations

import base64
import copy
import pickle
import traceback

import pytest

from tradecore.core.errors import ConfigError
from tradecore.venues.kraken.signing import Credentials

SAMPLE = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
"""The public sample secret of the venue's documentation."""


def test_the_published_vector_is_reproduced() -> None:
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    signature = Credentials("key", SAMPLE).sign("/0/private/AddOrder", 1616492376594, body)
    assert signature == "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="


def test_the_secret_is_in_no_text_about_the_credentials() -> None:
    credentials = Credentials("public-key", SAMPLE)
    for text in (repr(credentials), str(credentials), f"{credentials}", f"{[credentials]!r}"):
        assert SAMPLE not in text
        assert base64.b64decode(SAMPLE).hex() not in text
        assert "public-key" not in text
    assert credentials.fingerprint in repr(credentials)
    assert not hasattr(credentials, "__dict__")


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_credentials_leave_the_process_in_no_way(take: object) -> None:
    with pytest.raises(TypeError, match="stays in the process"):
        take(Credentials("key", SAMPLE))  # type: ignore[operator]


@pytest.mark.parametrize("secret", ["", "no base64!", "c2hvcnQ=", SAMPLE[:-3], "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSU\n"])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Credentials("key", secret)
    told = "".join(traceback.format_exception(caught.value))
    assert not secret or secret not in told.replace("c2hvcnQ=", "" if secret != "c2hvcnQ=" else "c2hvcnQ=")


@pytest.mark.parametrize("key", ["", "two words", "Schlüssel", "line\n"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="API key"):
        Credentials(key, SAMPLE)
