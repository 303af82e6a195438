"""The review page's addresses: pages, questions and answers over HTTP.

Knows who may ask for what: nothing after t0, and no word of the label, leaves the server before the asker's causes are
stored; a second look never sees the first or the label. Does not know how windows are made or answers kept.
"""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from causeway.errors import CausewayError, UsageError
from causeway.platform.review.candidates import candidates
from causeway.platform.review.decisions import causes_event, decision_event, excluded_event
from causeway.platform.review.desk import Desk, Task, task_at
from causeway.platform.review.figures import quality
from causeway.platform.review.login import Door, Session
from causeway.platform.review.shelf import Shelf
from causeway.reasoning.names import (
    COMPONENT_KINDS,
    LATERAL_DECISIONS,
    LONGITUDINAL_DECISIONS,
    MOTIONS,
    RELATIVE_POSES,
)
from causeway.reasoning.records import component_rows

_STATIC = Path(__file__).parent / "static"
_Name = Annotated[str, Field(max_length=200)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Enter(_Said):
    """Who wants in."""

    token: _Name
    name: _Name


class Cause(_Said):
    """A cause by its names."""

    category: _Name
    kind: _Name
    track_id: _Name | None = None
    relative_pose: _Name = "none"
    motion: _Name = "none"


class Causes(_Said):
    """Stage I."""

    components: Annotated[list[Cause], Field(max_length=20)]


class Decision(_Said):
    """Stage II: decisions, or that the moment is excluded."""

    longitudinal_decision: _Name = "none"
    lateral_decision: _Name = "none"
    components: Annotated[list[Cause], Field(max_length=20)] = []
    note: Annotated[str, Field(max_length=500)] = ""
    excluded: bool = False


class Skip(_Said):
    """Not now."""

    skip: _Name = ""


def make_app(desk: Desk, shelf: Shelf, door: Door, cookie: str) -> FastAPI:
    """The app; `cookie` is the name of its cookie (cookies do not know ports)."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def session(request: Request) -> Session:
        found = door.session(request.cookies.get(cookie))
        if found is None:
            raise HTTPException(401, "log in first: open the address that was printed when the page was started")
        return found

    _add_errors(app)
    _add_pages(app)
    _add_login(app, door, cookie, session)
    _add_moments(app, desk, shelf, session)
    _add_answers(app, desk, shelf, session)
    _add_words(app, desk, session)
    return app


def _add_moments(app: FastAPI, desk: Desk, shelf: Shelf, session: Any) -> None:
    """What a person may look at."""
    Known = Annotated[Session, Depends(session)]

    @app.post("/api/next")
    def after(who: Known, body: Annotated[Skip, Body()]) -> dict[str, Any]:
        if body.skip in desk.tasks:
            who.skipped.pop(body.skip, None)
            who.skipped[body.skip] = None
        return _next(desk, shelf, who)

    @app.get("/api/moments/{key}")
    def moment(who: Known, key: str) -> dict[str, Any]:
        return _shown(desk, shelf, who, task_at(desk, key))

    @app.get("/api/moments/{key}/rest")
    def rest(who: Known, key: str) -> dict[str, Any]:
        return _rest(desk, shelf, who, task_at(desk, key))

    @app.get("/frames/{key}/{camera}/{at_us}")
    def frame(who: Known, key: str, camera: int, at_us: int) -> Response:
        task = task_at(desk, key)
        if at_us > 0 and not desk.unlocked(who.who, key):
            raise HTTPException(403, "what came after t0 is shown once the causes are stored")
        return _picture(shelf, task, camera, at_us)


def _add_answers(app: FastAPI, desk: Desk, shelf: Shelf, session: Any) -> None:
    """What a person may say, and take back."""
    Known = Annotated[Session, Depends(session)]

    @app.post("/api/moments/{key}/causes")
    def causes(who: Known, key: str, body: Annotated[Causes, Body()]) -> dict[str, Any]:
        task = task_at(desk, key)
        if desk.unlocked(who.who, key):
            raise HTTPException(409, "the causes are stored already: whoever saw the rest cannot name them")
        desk.record(who, key, causes_event(shelf.window(task), [c.model_dump() for c in body.components]))
        return _rest(desk, shelf, who, task)

    @app.post("/api/moments/{key}/decision")
    def decision(who: Known, key: str, body: Annotated[Decision, Body()]) -> dict[str, Any]:
        desk.record(who, key, _decided(desk, shelf, who, task_at(desk, key), body))
        return _next(desk, shelf, who)

    @app.post("/api/undo")
    def undo(who: Known, body: Annotated[Skip, Body()]) -> dict[str, Any]:
        key = desk.undo(who)
        if key is None:
            raise HTTPException(409, "nothing to undo in this session")
        desk.claim(who.who, key)
        return {"key": key, "progress": desk.progress(who), "upcoming": desk.upcoming(who)}


def _add_words(app: FastAPI, desk: Desk, session: Any) -> None:
    """The closed sets, and the figures."""
    Known = Annotated[Session, Depends(session)]

    @app.get("/api/names")
    def names(who: Known) -> dict[str, Any]:
        return {
            "kinds": COMPONENT_KINDS,
            "poses": RELATIVE_POSES,
            "motions": MOTIONS,
            "longitudinal": LONGITUDINAL_DECISIONS,
            "lateral": LATERAL_DECISIONS,
        }

    @app.get("/api/quality")
    def figures(who: Known) -> dict[str, Any]:
        return quality(list(desk.tasks.values()), desk.answers()) | {"progress": desk.progress(who)}


def _decided(desk: Desk, shelf: Shelf, who: Session, task: Task, said: Decision) -> dict[str, Any]:
    """The event of a decision; 409 where none is asked for."""
    answer = desk.answer(who.who, task.key)
    if answer is None or answer.seen is None:
        raise HTTPException(409, "name the causes first")
    if answer.done:
        raise HTTPException(409, "this moment is decided already: undo it first")
    if said.excluded:
        return excluded_event(said.note)
    label = task.label if answer.role != "audit" else None
    return decision_event(shelf.window(task), answer.seen, label, said.model_dump())


def _next(desk: Desk, shelf: Shelf, who: Session) -> dict[str, Any]:
    """What a person does now and next; what they do now is theirs for a while."""
    keys = desk.upcoming(who)
    if keys:
        desk.claim(who.who, keys[0])
        shelf.prepare([desk.tasks[key] for key in keys])
    return {"key": keys[0] if keys else None, "upcoming": keys[1:], "progress": desk.progress(who)}


def _shown(desk: Desk, shelf: Shelf, who: Session, task: Task) -> dict[str, Any]:
    """The past of a moment and what its asker said about it; not a word of where it is or why it is queued."""
    past = shelf.window(task).past
    answer = desk.answer(who.who, task.key)
    named = component_rows(answer.seen) if answer is not None and answer.seen is not None else None
    return {"key": task.key, "past": past, "candidates": candidates(past), "named": named}


def _rest(desk: Desk, shelf: Shelf, who: Session, task: Task) -> dict[str, Any]:
    """What came after t0 and, but for a second look, the label; 403 before the asker's causes are stored."""
    if not desk.unlocked(who.who, task.key):
        raise HTTPException(403, "what came after t0 is shown once the causes are stored")
    answer = desk.answer(who.who, task.key)
    names = ("longitudinal_decision", "lateral_decision", "components", "trace", "teacher", "status", "reasons")
    blind = answer is not None and answer.role == "audit"
    return {
        "rest": shelf.window(task).rest(),
        "label": None if blind else {name: task.label[name] for name in names},
        "about": {"moment_id": task.moment_id, "clip_id": task.clip_id},
        "named": component_rows(answer.seen) if answer is not None and answer.seen is not None else [],
    }


def _picture(shelf: Shelf, task: Task, camera: int, at_us: int) -> Response:
    cameras = list(shelf.window(task).past["frames"])
    image = shelf.image(task, cameras[camera], task.t0_us + at_us) if 0 <= camera < len(cameras) else b""
    kinds = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png"}
    if image[:3] not in kinds:
        raise HTTPException(404, "no picture that can be shown was stored for this time")
    return Response(image, media_type=kinds[image[:3]])


def _add_errors(app: FastAPI) -> None:
    """Errors as one line of JSON."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code)

    @app.exception_handler(CausewayError)
    def unusable(request: Request, error: CausewayError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 404 if isinstance(error, UsageError) else 422)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse({"error": f"{where or 'the request'}: {first['msg']}"}, 422)

    @app.exception_handler(OSError)
    def not_stored(request: Request, error: OSError) -> JSONResponse:
        text = f"not stored: {error.strerror or error}; nothing was lost before this, try again"
        return JSONResponse({"error": text}, 507)


def _add_pages(app: FastAPI) -> None:
    """Pages without data: what they show they ask for."""
    for address, page in (("/", "index"), ("/login", "login"), ("/quality", "quality")):

        def send(page: str = page) -> FileResponse:
            return FileResponse(_STATIC / f"{page}.html", media_type="text/html; charset=utf-8")

        app.get(address, include_in_schema=False, response_model=None)(lambda send=send: send())
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")


def _add_login(app: FastAPI, door: Door, cookie: str, session: Any) -> None:
    @app.post("/api/login")
    def enter(request: Request, body: Annotated[Enter, Body()]) -> JSONResponse:
        try:
            secret = door.enter(body.token, body.name)
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 422)
        if secret is None:
            return JSONResponse({"error": "this is not the token that was printed when the page was started"}, 401)
        answer = JSONResponse({"who": door.session(secret).who})  # type: ignore[union-attr]
        secure = request.url.scheme == "https"
        answer.set_cookie(cookie, secret, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    @app.post("/api/logout")
    def leave(request: Request) -> JSONResponse:
        door.leave(request.cookies.get(cookie))
        answer = JSONResponse({})
        answer.delete_cookie(cookie, httponly=True, samesite="strict", path="/")
        return answer

    @app.get("/api/me")
    def me(who: Annotated[Session, Depends(session)]) -> dict[str, Any]:
        return {"who": who.who}
