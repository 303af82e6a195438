"""`causeway release …`: look at an endpoint and decide a release.

Knows arguments and what is printed. What a release is, is known by `causeway.platform.release`.
"""

from pathlib import Path
from typing import Annotated

import typer

from causeway.cli_frame import Json, Out, tell
from causeway.errors import Refused

release_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at an endpoint, decide a release.")
Endpoint = Annotated[str, typer.Option("--endpoint", help="A folder, or kserve://NAMESPACE/NAME.")]
Why = Annotated[str, typer.Option(help="The reason, for the record.")]


@release_app.command("status")
def release_status(endpoint: Endpoint = "out/endpoint", as_json: Json = False) -> None:
    """Say who serves, who is on trial, what the last probe measured, and every move with who and why.

    Reads the endpoint's record. Example: causeway release status --endpoint out/endpoint
    """
    from causeway.platform.release.status import status

    tell(*status(endpoint), as_json)


@release_app.command("promote")
def release_promote(why: Why, endpoint: Endpoint = "out/endpoint", as_json: Json = False) -> None:
    """Promote the policy that is on trial, before its trial ends.

    Moves all requests to it and tells the registry. Example: causeway release promote --why "seen on the track"
    """
    from causeway.platform.release.status import decide

    tell(*decide(endpoint, "promote", why), as_json)


@release_app.command("rollback")
def release_rollback(why: Why, endpoint: Endpoint = "out/endpoint", as_json: Json = False) -> None:
    """Take the policy on trial off the endpoint; without a trial, bring the champion before back.

    Moves requests first, then stops the server. Example: causeway release rollback --why "it brakes too late"
    """
    from causeway.platform.release.status import decide

    tell(*decide(endpoint, "rollback", why), as_json)


@release_app.command("resume")
def release_resume(endpoint: Endpoint = "out/endpoint", as_json: Json = False) -> None:
    """Start an endpoint of this machine again, as its record says, and finish what was decided.

    Reads the endpoint's record. Example: causeway release resume --endpoint out/endpoint
    """
    from causeway.platform.release.status import resume

    tell(*resume(endpoint), as_json)


@release_app.command("drift")
def release_drift(
    samples: Annotated[str, typer.Option(help="The samples the policy was trained on.")],
    endpoint: Endpoint = "out/endpoint",
    out: Out = "out/drift.json",
    as_json: Json = False,
) -> None:
    """Compare what vehicles asked with the samples of training; exit 3 when it moved: a reason to retrain.

    Reads the endpoint's feedback; writes JSON with the reason. Example: causeway release drift --samples samples
    """
    from causeway.platform.release.drift import report, summary

    told = report(samples, Path(endpoint, "feedback", "requests.jsonl"), out)
    tell(told, summary(told), as_json)
    if told["drifted"]:
        raise Refused(f"{told['reason']}; causeway run retraining --set reason=…")


@release_app.command("drives")
def release_drives(
    out: Out,
    body: Annotated[str, typer.Option(help="LENGTH,WIDTH,WHEELBASE,REAR_AXLE_TO_CENTRE of the vehicles in metres.")],
    endpoint: Endpoint = "out/endpoint",
    as_json: Json = False,
) -> None:
    """Make drives of the requests that consenting vehicles let the endpoint keep, for the next round.

    Writes a folder for each vehicle, to be ingested. Example: causeway release drives --body 5,2,3,1.4 --out fleet
    """
    from causeway.platform.release.drives import body_from, write_drives

    files = [str(path) for path in write_drives(Path(endpoint, "feedback", "kept"), Path(out), body_from(body))]
    tell({"drives": files}, "\n".join(f"causeway ingest {path} --out clips" for path in files), as_json)


@release_app.command("stop")
def release_stop(endpoint: Endpoint = "out/endpoint", as_json: Json = False) -> None:
    """Stop the front and the servers of an endpoint of this machine; its record stays.

    Requests inside are answered first. Example: causeway release stop --endpoint out/endpoint
    """
    from causeway.platform.release.status import stop

    tell(*stop(endpoint), as_json)
