"""The teacher behind an OpenAI-compatible endpoint: two calls, each guided by a schema and read strictly.

Knows how a question is put together and when it is asked again. Call one is given a `Seen` and nothing else; call
two the causes named and the ego's own later actions, no pictures and no other road user. Does not know sockets
(`endpoint_client`), words (`prompts`) or other teachers.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.budget import Spent
from causeway.reasoning.records import Component
from causeway.reasoning.teachers.endpoint_client import Client, Question
from causeway.reasoning.teachers.facts import facts_of
from causeway.reasoning.teachers.prompts import DECIDE, NAME_COMPONENTS, components_text, decision_text, picture_text
from causeway.reasoning.teachers.schema import (
    BadAnswer,
    components_schema,
    decision_schema,
    read_components,
    read_decision,
)
from causeway.reasoning.teachers.seen import Seen

VERSION = "endpoint-1"
TRIES = 3  # an answer that cannot be used is asked for again with another seed, as it is paid for each time
_TOKENS_OF_A_PICTURE, _CHARACTERS_OF_A_TOKEN = 1200, 3

Content = list[dict[str, Any]]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Asking:
    """How questions are put to one endpoint."""

    client: Client
    seed: int
    max_tokens: int

    async def read(
        self,
        call: str,
        moment_id: str,
        system: str,
        content: Content,
        schema: dict[str, Any],
        reader: Callable[[str], _T],
    ) -> tuple[_T, str]:
        """What `reader` makes of the answer, and which model gave it; BadAnswer when no try could be used."""
        problem = ""
        for number in range(TRIES):
            question = self._question(call, moment_id, system, [*content, *_again(problem)], schema, number)
            answer = await self.client.ask(question)
            try:
                if answer.text is None:
                    raise BadAnswer(answer.problem)
                return reader(answer.text), answer.served_model
            except BadAnswer as error:
                problem = str(error)
        raise BadAnswer(f"{call}: {problem} ({TRIES} tries)")

    def _question(
        self, call: str, moment_id: str, system: str, content: Content, schema: dict[str, Any], number: int
    ) -> Question:
        messages: Content = [{"role": "system", "content": system}, {"role": "user", "content": content}]
        told = [system, json.dumps(schema), *(part.get("text", "") for part in content)]
        characters = sum(map(len, told))
        pictures = sum(part["type"] == "image_url" for part in content)
        tokens = characters // _CHARACTERS_OF_A_TOKEN + pictures * _TOKENS_OF_A_PICTURE
        return Question(
            about={"call": call, "moment_id": moment_id, "try": number + 1, "seed": self.seed + number},
            messages=messages,
            told=[system, *(_without_picture(part) for part in content)],
            schema_name=call,
            schema=schema,
            seed=self.seed + number,
            estimate=Spent(1, tokens, self.max_tokens),
            longest_tokens=self.max_tokens,
        )


def _again(problem: str) -> Content:
    if not problem:
        return []
    return [text_part(f"An earlier answer could not be used: {problem[:200]}. Keep to the schema.")]


def text_part(text: str) -> dict[str, Any]:
    """Text as a part of a message."""
    return {"type": "text", "text": text}


def picture_parts(seen: Seen) -> Content:
    """Each picture with a line that says when it was taken."""
    parts: Content = []
    for number, picture in enumerate(seen.pictures, start=1):
        url = "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode()
        parts += [text_part(picture_text(seen, number)), {"type": "image_url", "image_url": {"url": url}}]
    return parts


def _without_picture(part: dict[str, Any]) -> str:
    if part["type"] == "text":
        return part["text"]
    return f"picture sha256:{sha256(part['image_url']['url'].encode()).hexdigest()}"


@dataclass(frozen=True)
class EndpointTeacher:
    """Causes and decisions from one endpoint."""

    asking: Asking

    async def name_components(self, seen: Seen) -> tuple[tuple[Component, ...], str]:
        """What could cause a decision at t0, most important first, and which model says so.

        The evidence and pictures of one moment are the only input, so nothing later than t0 can be named. BadAnswer or
        NoAnswer when there is none.
        """
        facts = facts_of(seen.evidence)
        content = [text_part(components_text(seen, facts)), *picture_parts(seen)]
        schema = components_schema(facts, len(seen.pictures))
        return await self.asking.read(
            "components",
            seen.evidence.moment_id,
            NAME_COMPONENTS,
            content,
            schema,
            lambda text: read_components(text, seen, facts),
        )

    async def decide(
        self, components: Sequence[Component], behaviour: Behaviour, moment_id: str
    ) -> tuple[tuple[str, str], str]:
        """The decisions behind the ego's own later actions, and which model says so."""
        content = [text_part(decision_text(components, behaviour))]
        return await self.asking.read("decision", moment_id, DECIDE, content, decision_schema(), read_decision)
