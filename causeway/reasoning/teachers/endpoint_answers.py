"""What an OpenAI-compatible server sent back: the text of its answer and what it cost, or why it cannot be used.

Knows the shape of a chat completion and of an error. Trusts nothing in it. Does not know what was asked.
"""

import json
from typing import Any

from causeway.errors import UnusableInput
from causeway.reasoning.ledger import Answer

_LONGEST_TEXT = 20_000  # characters; our schemas need less than a tenth
_MOST_TOKENS = 10_000_000
_LONGEST_NAME = 80


class Malformed(UnusableInput):
    """A body that is no usable chat completion."""


def answer_in(content: bytes) -> Answer:
    """The answer in a body of status 200. Malformed when it is no chat completion at all.

    An answer that was cut off, refused or is too long has no text but its cost.
    """
    body = _json(content)
    if not isinstance(body, dict):
        raise Malformed("no chat completion: not an object")
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Malformed("no chat completion: choices[0] is missing")
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Malformed("no chat completion: choices[0].message is missing")
    usage = body.get("usage")
    cost = usage if isinstance(usage, dict) else {}
    text, problem = _text(message, choice.get("finish_reason"))
    return Answer(
        text,
        problem,
        served_model=str(body.get("model") or "")[:_LONGEST_NAME],
        tokens_in=_tokens(cost.get("prompt_tokens")),
        tokens_out=_tokens(cost.get("completion_tokens")),
    )


def _text(message: dict[str, Any], finish: Any) -> tuple[str | None, str]:
    text = message.get("content")
    if message.get("refusal"):
        return None, "the model refused to answer"
    if finish not in ("stop", None):
        return None, f"the answer ended early ({str(finish)[:40]})"
    if not isinstance(text, str) or not text.strip():
        return None, "the answer has no text"
    if len(text) > _LONGEST_TEXT:
        return None, f"the answer has {len(text)} characters"
    return text, ""


def _tokens(value: Any) -> int:
    """A count that can be one; 0 for anything else, so that its estimate is counted instead."""
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    return value if usable else 0


def error_instead(content: bytes | None) -> str:
    """The error that a gateway sends with status 200 in place of an answer, which nobody paid; "" for anything else."""
    try:
        body = _json(content or b"")
    except Malformed:
        return ""
    is_error = isinstance(body, dict) and bool(body.get("error")) and not body.get("choices")
    return error_text(content) if is_error else ""


def error_text(content: bytes | None) -> str:
    """What a body of an error says, shortly; not to be trusted further than to be shown."""
    if not content:
        return "no explanation"
    try:
        body = _json(content)
    except Malformed:
        return content[:200].decode(errors="replace")
    error = body.get("error", body.get("detail", body)) if isinstance(body, dict) else body
    message = error.get("message", error) if isinstance(error, dict) else error
    return message[:300] if isinstance(message, str) else json.dumps(message)[:300]


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {str(error)[:80]}") from None
