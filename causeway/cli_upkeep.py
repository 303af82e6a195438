"""`causeway upkeep …`: back up and restore, collect what nothing needs, make the store ready, tell figures.

Knows arguments and what is printed. How it is done is known by `causeway.platform.upkeep`.
"""

from typing import Annotated

import typer

from causeway.cli_frame import Json, tell

upkeep_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Back up, restore, collect what nothing needs."
)
Databases = Annotated[
    list[str] | None, typer.Option("--database", help="A database's URL, without its password; may be repeated.")
]
Redis = Annotated[str, typer.Option("--redis", help="host:port of the online feature store.")]
Root = Annotated[str, typer.Option("--root", help="Where the artifacts lie.")]


@upkeep_app.command("backup")
def upkeep_backup(
    to: Annotated[str, typer.Option("--to", help="A folder or s3://bucket/prefix for backups.")],
    databases: Databases = None,
    redis: Redis = "",
    keep: Annotated[int, typer.Option(help="How many backups stay there; 0 = all.")] = 0,
    as_json: Json = False,
) -> None:
    """Back up the registry and the feature store, each read in one transaction.

    Reads databases and Redis; writes <to>/<time>. Example: causeway upkeep backup --to s3://backup --database
    sqlite:////data/registry.db
    """
    from causeway.platform.upkeep.backup import backup

    told = backup(to, databases or [], redis, keep)
    tell(told, f"{told['backup']}: {told['bytes']} bytes, {len(told['removed'])} older ones removed", as_json)


@upkeep_app.command("restore")
def upkeep_restore(backup_at: str, databases: Databases = None, redis: Redis = "", as_json: Json = False) -> None:
    """Restore databases, each from the dump of its name, and Redis; into empty ones only.

    Reads a backup; compares every row after. Example: causeway upkeep restore s3://backup/20261122T021700Z --database
    sqlite:////data/registry.db
    """
    from causeway.platform.upkeep.backup import restore

    told = restore(backup_at, databases or [], redis)
    rows = {name: sum(tables.values()) for name, tables in told["tables"].items()}
    parts = [f"{name}: {count} rows" for name, count in rows.items()]
    parts += [f"redis: {told['keys']} keys"] if "keys" in told else []
    tell(told, f"restored from {backup_at}: {', '.join(parts)}; equal to the backup", as_json)


@upkeep_app.command("collect")
def upkeep_collect(
    root: Root,
    registry: Annotated[str, typer.Option(help="The registry (an MLflow URI); what it names is kept.")],
    older_than_days: Annotated[int, typer.Option(help="Younger artifacts are kept.")] = 90,
    pin: Annotated[list[str] | None, typer.Option(help="A content hash to keep; may be repeated.")] = None,
    keep_kind: Annotated[list[str] | None, typer.Option(help="A kind to keep whole; default: samples.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it; without this it is only told.")] = False,
    as_json: Json = False,
) -> None:
    """Find artifacts that are old and that nothing kept was made from; remove them with --delete.

    Reads every manifest below --root. Example: causeway upkeep collect --root s3://causeway/runs --registry
    http://causeway-mlflow:5000
    """
    from causeway.platform.upkeep.collect import ALWAYS, collect

    told = collect(root, registry, older_than_days, pin or (), keep_kind or ALWAYS, delete)
    lines = [f"{e['artifacts']:6} {kind}, {e['bytes']} bytes" for kind, e in sorted(told["by_kind"].items())]
    done = "removed" if delete else "would go (a dry run; --delete removes)"
    head = f"{len(told['unneeded'])} of {told['found']} artifacts, {len(told['unfinished'])} unfinished folders {done}"
    tell(told, "\n".join([f"{head}: {told['bytes']} bytes", *lines]), as_json)


@upkeep_app.command("withdraw")
def upkeep_withdraw(
    drives: list[str],
    root: Root,
    registry: Annotated[str, typer.Option(help="An MLflow URI, '' = none; what learned from the drive leaves it.")],
    delete: Annotated[bool, typer.Option("--delete", help="Remove it; without this it is only told.")] = False,
    as_json: Json = False,
) -> None:
    """Find everything that holds a drive or learned from it; remove it with --delete.

    Reads every artifact's tables below --root. Example: causeway upkeep withdraw drive-7 --root s3://causeway/runs
    --registry http://causeway-mlflow:5000
    """
    from causeway.platform.upkeep.withdraw import withdraw

    told = withdraw(root, registry, drives, delete)
    done = "removed" if delete else "would go (a dry run; --delete removes)"
    counts = f"{len(told['artifacts'])} artifacts, {len(told['versions'])} registered policies"
    head = f"{counts}, {told['bytes']} bytes {done}"
    unread = [f"not read, unfinished: {name} (upkeep collect removes it at its age)" for name in told["unfinished"]]
    lines = [head, *told["artifacts"], *unread, *(f"first: {text}" for text in told["first"])]
    tell(told, "\n".join(lines), as_json)


@upkeep_app.command("store")
def upkeep_store(
    bucket: Annotated[list[str], typer.Option(help="A bucket to make when it is not there; may be repeated.")],
    as_json: Json = False,
) -> None:
    """Make the bundled object store ready: buckets, and a user who may use their objects and nothing else.

    Reads the user's keys in AWS_…, root's in CAUSEWAY_STORE_ROOT_USER and …_PASSWORD. Example: causeway upkeep store
    --bucket causeway
    """
    from causeway.platform.upkeep.object_store import prepare

    told = prepare(bucket)
    new = f", new: {', '.join(told['made'])}" if told["made"] else ""
    tell(told, f"user {told['user']} may use {', '.join(told['buckets'])}{new}", as_json)


@upkeep_app.command("figures")
def upkeep_figures(
    root: Root,
    backups: Annotated[str, typer.Option(help="Where backups go; their age is told too.")] = "",
    host: Annotated[str, typer.Option(help="Which address of this machine it is bound to.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where /metrics answers.")] = 9109,
) -> None:
    """Tell Prometheus what the artifacts know (label yield, ages), until Ctrl-C.

    Reads manifests below --root. Example: causeway upkeep figures --root s3://causeway/runs
    """
    from causeway.platform.upkeep.figures import serve

    serve(root, backups, host, port)
