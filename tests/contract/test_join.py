"""What a token is worth: to whoever has it, and to whoever has not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import join

TOKEN = join.new_token()
KEY = join.key_of(TOKEN)
ANSWER = join.Joined(node="door", store="shop", certificate="c", ca="a", broker="mqtts://b:8883")


def test_a_token_may_be_typed_without_care() -> None:
    token = "01ABC-2XYZ9-00000-11111"
    for typed in (token, token.lower(), token.replace("-", ""), token.replace("0", "O").replace("1", "l")):
        assert join.key_of(typed) == join.key_of(token)


@pytest.mark.parametrize(
    "typed",
    ["", "ABCDE", TOKEN[:-1], TOKEN + "A", TOKEN.replace(TOKEN[0], "ü"), "U" * 20],
    ids=["nothing", "five", "too short", "too long", "a strange letter", "no letter of ours"],
)
def test_what_is_no_token_is_said(typed: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        join.key_of(typed)


def test_no_two_tokens_are_the_same() -> None:
    assert len({join.new_token() for _ in range(1000)}) == 1000


@given(st.text("abc", min_size=1, max_size=5), st.text(max_size=50))
def test_a_request_is_believed_with_its_token_and_with_no_other(node: str, request: str) -> None:
    said = join.ask(KEY, node, request)
    assert join.asked_by(KEY, said)
    assert not join.asked_by(join.key_of(join.new_token()), said)
    assert not join.asked_by(KEY, said.model_copy(update={"node": node + "x"}))
    assert not join.asked_by(KEY, said.model_copy(update={"request": request + "x"}))


@pytest.mark.parametrize("field", ["node", "store", "certificate", "ca", "broker"])
def test_an_answer_is_believed_only_as_it_was_given(field: str) -> None:
    said = join.joined(KEY, ANSWER)
    assert join.answered_by(KEY, said)
    assert not join.answered_by(KEY, said.model_copy(update={field: "other"}))
    assert not join.answered_by(KEY, ANSWER)


def test_parts_cannot_be_moved_from_one_to_the_next() -> None:
    one = join.joined(KEY, ANSWER.model_copy(update={"certificate": "ab", "ca": "c"}))
    assert not join.answered_by(KEY, one.model_copy(update={"certificate": "a", "ca": "bc"}))
