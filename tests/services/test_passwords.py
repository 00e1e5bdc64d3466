"""Passwords are kept as argon2id hashes that tell nothing, tokens as digests."""

from __future__ import annotations

import pytest

from skinscan.records import ParameterError
from skinscan.services.passwords import Passwords, check_password, digest_of, new_token, plain_name
from tests.services.identity import CHEAP


def test_a_hash_is_of_argon2id_by_rfc_9106_and_salted() -> None:
    first, second = Passwords().hash("a b c d e f g"), Passwords().hash("a b c d e f g")
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, section 4, second recommended option
    assert first != second
    assert Passwords().matches("a b c d e f g", first)


@pytest.mark.parametrize("password_hash", [None, "", "no hash", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"])
def test_nothing_matches_what_is_no_hash(password_hash: str | None) -> None:
    assert not CHEAP.matches("", password_hash)
    assert not CHEAP.matches("no hash", password_hash)


def test_letters_match_however_they_are_written() -> None:
    assert CHEAP.matches("Ångström ﬁnger", CHEAP.hash("A\u030angstro\u0308m finger"))
    assert not CHEAP.matches("ångström finger", CHEAP.hash("Ångström finger"))


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 1001])
def test_a_password_has_a_length(password: str) -> None:
    with pytest.raises(ParameterError, match="12 to 1000 characters") as raised:
        check_password(password, "anna")
    assert not password or password not in str(raised.value)


def test_a_password_is_not_the_username() -> None:
    with pytest.raises(ParameterError, match="is the username"):
        check_password("Frau.Doktor.Anna", "frau.doktor.ANNA")
    check_password("twelve chars", "anna")
    check_password("ゆびさきのひふをみるひと。", "anna")


def test_a_surrogate_is_no_crash() -> None:
    assert not CHEAP.matches("\ud800" * 12, CHEAP.hash("x"))
    assert len(digest_of("\ud800")) == 64


def test_a_username_is_one_however_it_is_written() -> None:
    assert plain_name("  ＡNNA ") == plain_name("anna") == "anna"


def test_tokens_are_long_random_and_kept_as_digests() -> None:
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(len(token) == 43 for token in tokens)  # 256 bits in base64
    assert not any(token in digest_of(token) for token in tokens)
