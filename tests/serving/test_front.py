"""The front door holds no more bodies than it must."""

import asyncio

from causeway.serving.front import AT_ONCE, FrontDoor


def request(door: FrontDoor, method: str, statuses: list[int]) -> asyncio.Task[None]:
    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "path": "/v2/models/causeway/infer", "method": method, "headers": []}
    return asyncio.ensure_future(door(scope, receive, send))


def test_bodies_beyond_the_limit_are_refused_at_once_and_those_inside_are_answered():
    async def scene() -> tuple[list[int], list[int]]:
        opened = asyncio.Event()

        async def slow(scope, receive, send):
            await opened.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        door, inside, later = FrontDoor(slow), [], []
        held = [request(door, "POST", inside) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        await request(door, "POST", later)
        ready = request(door, "GET", later)
        opened.set()
        await asyncio.gather(*held, ready)
        await request(door, "POST", later)
        return inside, later

    inside, later = asyncio.run(scene())
    assert inside == [200] * AT_ONCE
    assert later == [429, 200, 200]
