"""`causeway compile`, `submit`, `cancel`, `schedule …`: pipelines of a cluster.

Knows arguments and what is printed. What versions, runs and schedules are, is known by `causeway.platform`.
"""

from pathlib import Path
from typing import Annotated

import typer

from causeway.cli_frame import Json, Out, Sets, tell
from causeway.errors import UsageError

cluster_app = typer.Typer(rich_markup_mode=None)
schedule_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Start a pipeline again and again.")
Root = Annotated[str, typer.Option("--root", help="s3://bucket/prefix for artifacts; default: CAUSEWAY_ROOT.")]
Pipeline = Annotated[str, typer.Argument(help="data, training, release or retraining.")]


@cluster_app.command("compile")
def compile_pipelines(
    pipelines: Annotated[list[str] | None, typer.Argument(help="Which, also of recipes; default: the four.")] = None,
    out: Out = "out/pipelines",
    manifests: Annotated[bool, typer.Option("--manifests", help="Kubernetes objects too: versions, triggers.")] = False,
    as_json: Json = False,
) -> None:
    """Write pipelines as KFP IR, one file each; with --manifests as Pipeline and PipelineVersion objects too.

    Reads the CAUSEWAY_IMAGE_… names and CAUSEWAY_PLACEMENT. Example: causeway compile --out dist --manifests
    """
    from causeway.platform.compiled import PIPELINES, compile_all, write_manifests

    if out.startswith("s3://"):
        raise UsageError(f"--out {out}: name a folder; pipelines are compiled on this machine")
    names = tuple(pipelines or PIPELINES)
    files = compile_all(Path(out), names)
    if manifests:
        from causeway.platform.cluster.triggers import write_triggers

        started = write_triggers(Path(out)) if "retraining" in names else []
        files = [*files, *write_manifests(files, Path(out)), *started]
    tell({"files": [str(f) for f in files]}, "\n".join(str(f) for f in files), as_json)


@cluster_app.command()
def submit(
    pipeline: Annotated[list[str], typer.Argument(help="data, training, release, retraining, or a recipe's name.")],
    settings: Sets = None,
    root: Root = "",
    reason: Annotated[str, typer.Option(help="Why it is started, for the record.")] = "",
    in_turn: Annotated[
        bool, typer.Option("--in-turn", help="Wait until no run of this pipeline is under way.")
    ] = False,
    upload_only: Annotated[bool, typer.Option("--upload-only", help="Upload the versions; start nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Upload a pipeline's version to Kubeflow Pipelines if it is new, and start a run of it.

    Reads CAUSEWAY_KFP (the API's address); prints the run's name and id.
    Example: causeway submit data --set drives=s3://bucket/drives --root s3://bucket/causeway
    """
    from causeway.platform.cluster import pipelines_api, runs

    if upload_only:
        made = runs.upload_only(pipelines_api.connect(), pipeline)
        text = "\n".join(f"{version}: {'uploaded' if new else 'there already'}" for version, new in made)
        return tell({"versions": [version for version, _ in made]}, text, as_json)
    if len(pipeline) != 1:
        raise UsageError("one pipeline is started at a time; several go with --upload-only")
    from causeway.platform.cluster.arguments import cluster_arguments, cluster_root

    cluster_arguments(pipeline[0], settings or [], root)  # what is wrong is said before anything is asked
    begun = runs.submit(pipelines_api.connect(), pipeline[0], settings or [], root, reason, in_turn)
    tell(*runs.as_result(begun, cluster_root(root)), as_json)


@cluster_app.command()
def cancel(
    run: Annotated[str, typer.Argument(help="The run's id or name, as submit and run tell it.")], as_json: Json = False
) -> None:
    """End a run on the cluster, and the training jobs that it started.

    Reads CAUSEWAY_KFP and KUBECONFIG. Checkpoints stay: the same run started again goes on from there.
    Example: causeway cancel causeway-training-0123456789ab
    """
    from causeway.platform.cluster import pipelines_api, runs

    told = runs.cancel(pipelines_api.connect(), run)
    jobs = f"; jobs deleted: {', '.join(told['jobs'])}" if told["jobs"] else ""
    tell(told, f"run {told['run']}: {told['state']}{jobs}", as_json)


@schedule_app.command("create")
def schedule_create(
    name: str,
    pipeline: Pipeline,
    cron: Annotated[str, typer.Option(help='When: five fields, or six with seconds first, as "0 3 * * *" (UTC).')],
    settings: Sets = None,
    root: Root = "",
    as_json: Json = False,
) -> None:
    """Start the newest version of a pipeline at fixed times; one at a time, and missed times are not made up for.

    A schedule of that name is replaced; the same again changes nothing.
    Example: causeway schedule create nightly retraining --cron "0 3 * * *" --set drives=s3://bucket/drives
    """
    from causeway.platform.cluster import pipelines_api, schedules

    wanted = schedules.schedule(name, pipeline, cron, settings or [], root)
    tell(*schedules.create(pipelines_api.connect(), wanted), as_json)


@schedule_app.command("list")
def schedule_list(as_json: Json = False) -> None:
    """Tell every schedule: pipeline, times, settings, whether it is on, its last run.

    Reads CAUSEWAY_KFP. Example: causeway schedule list
    """
    from causeway.platform.cluster import pipelines_api, schedules

    tell(*schedules.listing(pipelines_api.connect()), as_json)


@schedule_app.command("delete")
def schedule_delete(name: str, as_json: Json = False) -> None:
    """Delete a schedule by its name; a run of it that is under way ends with it. Fine when there is none.

    Reads CAUSEWAY_KFP. Example: causeway schedule delete nightly
    """
    from causeway.platform.cluster import pipelines_api, schedules

    tell(*schedules.delete(pipelines_api.connect(), name), as_json)
