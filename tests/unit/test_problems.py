"""Problems are answered whatever was sent: what is no text is shown as a question mark."""

import json

from api.web.problems import invalid


def test_a_value_that_is_half_of_a_surrogate_pair_is_answered_in_utf_8() -> None:
    answer = invalid("query.q", "a\ud800b", "string_unicode", "send text").response("/v1/matches", "r")
    said = json.loads(bytes(answer.body).decode("utf-8"))
    assert (said["status"], said["errors"][0]["value"]) == (400, "a?b")
