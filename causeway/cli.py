"""The command line: `causeway VERB …`, one function a verb.

Knows arguments, exit codes and what is printed where. Does not know how anything is done: every verb calls one
function of one room, imported when the verb runs, so that `causeway --help` stays fast.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from causeway.cli_cluster import cluster_app, schedule_app
from causeway.cli_frame import Clips, Json, Out, Seed, Sets, Verb, keep_interrupts, run_step, tell
from causeway.cli_release import release_app
from causeway.cli_upkeep import upkeep_app
from causeway.errors import EXIT_DONE, EXIT_INTERRUPTED, CausewayError, Refused, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Drive logs become a served driving policy that reasons before it acts.",
)

@app.command()
def demo(
    out: Out = "out/demo",
    drives: Annotated[str, typer.Option(help="Own drives: a folder, or a tables mapping file.")] = "",
    layout: Annotated[str, typer.Option(help="How the drives are laid out.")] = "auto",
    as_json: Json = False,
) -> None:
    """Run the whole loop on this machine and end with a served answer and report.html.

    Reads drives (default: the built-in world); writes artifacts, logs and report.html below --out.
    Example: causeway demo --drives recordings/ --layout kitti-odometry
    """
    from causeway.platform.demo import run_demo

    result = run_demo(Path(out), drives, layout)
    tell(result, result["text"], as_json)


@app.command()
def world(
    out: Out,
    scenes: Annotated[int, typer.Option(help="How many drives.")] = 24,
    scenario: Annotated[list[str] | None, typer.Option(help="Only these; A+B is one longer drive of both.")] = None,
    seed: Seed = 0,
    camera_hz: Annotated[int, typer.Option(help="Pictures a second: 1, 2, 5 or 10.")] = 10,
    points_hz: Annotated[int, typer.Option(help="Scans of 3D points a second: 1, 2, 5 or 10; 0 = none.")] = 0,
    as_json: Json = False,
) -> None:
    """Make drives of the built-in world, whose causes are known, in the PhysicalAI-AV layout.

    Writes the drives and truth.parquet. Example: causeway world --scenes 8 --scenario cut_in+curve --out drives
    """
    settings: dict[str, Any] = {"scenes": scenes, "seed": seed, "camera_hz": camera_hz, "points_hz": points_hz}
    run_step("make_world", {}, settings | ({"scenarios": scenario} if scenario else {}), out, as_json)


@app.command()
def ingest(
    drives: str,
    out: Out,
    layout: Annotated[str, typer.Option(help="physicalai-av, kitti-odometry, tables or auto.")] = "auto",
    as_json: Json = False,
) -> None:
    """Turn recorded drives into clips of up to 20 s at 10 Hz.

    Reads a folder or a tables mapping file. Example: causeway ingest drives --out clips
    """
    run_step("ingest", {"drives": drives}, {"layout": layout}, out, as_json)


@app.command()
def validate(
    artifact: str,
    out: Out,
    suite: Annotated[str, typer.Option(help="Which suite; default: the one of the artifact's kind.")] = "",
    as_json: Json = False,
) -> None:
    """Hold an artifact against its quality suite; exit 3 when it refuses.

    Writes quality.json and quality.html. Example: causeway validate clips --out quality
    """
    from causeway.artifacts import Artifact

    run_step("validate_artifact", {"artifact": artifact}, {"suite": suite}, out, as_json)
    result = json.loads(Artifact.open(out).path("quality.json").read_text())
    if not result["passed"]:
        raise Refused(f"{artifact}: {result['summary']}; see {out}/quality.html")


@app.command("meta-actions")
def meta_actions(clips: str, out: Out, as_json: Json = False) -> None:
    """Name the meta action of every tick.

    Reads clips; writes a meta action per tick. Example: causeway meta-actions clips --out meta
    """
    run_step("extract_meta_actions", {"clips": clips}, {}, out, as_json)


@app.command()
def moments(meta: str, clips: Clips, out: Out, as_json: Json = False) -> None:
    """Find decision moments, where a meta action changes.

    Reads meta actions and clips; writes moments with their split.
    Example: causeway moments meta --clips clips --out moments
    """
    run_step("find_moments", {"meta": meta, "clips": clips}, {}, out, as_json)


@app.command()
def features(moments: str, clips: Clips, out: Out, as_json: Json = False) -> None:
    """Fill the feature store and join evidence point in time.

    Reads moments and clips; writes what was known at each moment.
    Example: causeway features moments --clips clips --out evidence
    """
    run_step("build_features", {"moments": moments, "clips": clips}, {}, out, as_json)


@app.command()
def label(
    evidence: str,
    clips: Clips,
    out: Out,
    teacher: Annotated[str, typer.Option(help="Who labels: rules, MODEL@URL, or several with commas.")] = "rules",
    model: Annotated[str, typer.Option(help="The model of a teacher given as a URL alone.")] = "",
    critic: Annotated[str, typer.Option(help="MODEL@URL of a critic; another model than the teacher's.")] = "",
    in_flight: Annotated[int, typer.Option(help="Requests at once to each endpoint.")] = 16,
    budget_calls: Annotated[int, typer.Option(help="Most calls; 0 = any number.")] = 0,
    budget_tokens: Annotated[int, typer.Option(help="Most tokens; 0 = any number.")] = 0,
    budget_money: Annotated[float, typer.Option(help="Most money; 0 = any sum. Needs prices.")] = 0.0,
    price_in: Annotated[float, typer.Option(help="Price of a million tokens sent.")] = 0.0,
    price_out: Annotated[float, typer.Option(help="Price of a million tokens answered.")] = 0.0,
    settings: Sets = None,
    as_json: Json = False,
) -> None:
    """Write a Chain-of-Causation label for every moment that has evidence.

    Reads evidence and clips; writes labels. Causes come from the evidence (and pictures up to t0) alone, decisions from
    what the ego of the clips did next. The key of an endpoint is in CAUSEWAY_TEACHER_KEY, a critic's in
    CAUSEWAY_CRITIC_KEY. --set knows camera, seed, timeout_s, max_tokens, ledger.
    Example: causeway label evidence --clips clips --out labels --teacher qwen3-vl@http://localhost:8000/v1
    """
    from causeway.platform.steps import typed_settings

    given: dict[str, Any] = {"teacher": teacher, "model": model, "critic": critic, "in_flight": in_flight}
    given |= {"budget_calls": budget_calls, "budget_tokens": budget_tokens, "budget_money": budget_money}
    given |= {"price_in": price_in, "price_out": price_out}
    given |= typed_settings("label_moments", settings or [])
    run_step("label_moments", {"evidence": evidence, "clips": clips}, given, out, as_json)


@app.command()
def review(
    labels: str,
    clips: Clips,
    port: Annotated[int, typer.Option(help="Where the page answers; 0 = any free port.")] = 8790,
    host: Annotated[str, typer.Option(help="Which address of this machine it is bound to.")] = "127.0.0.1",
    corrections: Annotated[str, typer.Option(help="A folder for corrections; default: beside the labels.")] = "",
) -> None:
    """Serve a page in the browser on which people review labels, until Ctrl-C.

    Reads labels and clips; appends corrections to files, one for each reviewer and session, and overwrites none.
    Example: causeway review labels --clips clips --corrections corrections
    """
    from causeway.platform.review.serving import review as serve_review

    serve_review(labels, clips, corrections, host, port)


@app.command()
def samples(labels: str, clips: Clips, out: Out, settings: Sets = None, as_json: Json = False) -> None:
    """Build model-ready samples.

    Reads labels and clips; writes samples. --set knows cameras (with commas), height, width, route_points,
    frame_offsets_s, future_offsets_s, points, max_picture_age_s, shard_samples.
    Example: causeway samples labels --clips clips --out samples
    """
    from causeway.platform.steps import typed_settings

    given = typed_settings("build_samples", settings or [])
    run_step("build_samples", {"labels": labels, "clips": clips}, given, out, as_json)


@app.command()
def train(
    stage: Annotated[str, typer.Argument(help="vlm, action, coc or rl; of another recipe its own.")],
    samples: Annotated[str, typer.Option(help="The samples artifact.")],
    out: Out,
    policy: Annotated[str, typer.Option("--from", help="The policy to go on from.")] = "",
    recipe: Annotated[str, typer.Option(help="Which family of policies; an unknown name lists them.")] = "alpamayo",
    scale: Annotated[str, typer.Option(help="tiny, 0.5b, 2b or 8b.")] = "tiny",
    steps: Annotated[int, typer.Option(help="Optimiser steps; 0 = the stage's default.")] = 0,
    seed: Seed = 0,
    settings: Sets = None,
    as_json: Json = False,
) -> None:
    """Train one stage.

    Reads samples and the policy of the stage before; writes a policy. --set knows the fields of the stage's config
    (`causeway/training/config.py`), as vision_tokenizer=triplane.
    Example: causeway train action --samples samples --from policy-vlm --out policy-action
    """
    from causeway.platform.steps import typed_settings
    from causeway.training.recipes import recipe_named

    chosen = recipe_named(recipe)
    chosen.check_start(stage, bool(policy))
    inputs: dict[str, Any] = {"samples": samples, **({"policy": policy} if policy else {})}
    step = f"train_{stage}" if recipe == "alpamayo" else "train_recipe"
    given = typed_settings(step, settings or [])
    given |= {"scale": scale, "seed": seed} | ({"steps": steps} if steps else {})
    if recipe != "alpamayo":
        inputs, given = inputs | {"policy": policy or None}, chosen.settings(stage, given)
    run_step(step, inputs, given, out, as_json)


@app.command()
def evaluate(
    policy: str,
    out: Out,
    samples: Annotated[str, typer.Option(help="The samples artifact.")] = "",
    suite: Annotated[list[str] | None, typer.Option(help="Which suites; default: open-loop.")] = None,
    scenes: Annotated[int, typer.Option(help="Closed-loop scenes.")] = 4,
    clips: Annotated[str, typer.Option(help="Recorded clips with boxes and a map, for --suite replay.")] = "",
    replays: Annotated[int, typer.Option(help="Clips that are replayed at most; 0: all.")] = 4,
    others: Annotated[str, typer.Option(help="In a replay: log (as recorded) or idm (they brake).")] = "log",
    latency_s: Annotated[float, typer.Option(help="In closed loop answers are followed so much later.")] = 0.0,
    ensemble: Annotated[float | None, typer.Option(help="In closed loop: join answers over time, alpha 0.1.")] = None,
    shard: Annotated[int, typer.Option(help="Measure this part of one suite, counted from 0.")] = 0,
    shards: Annotated[int, typer.Option(help="How many parts; the step merge_reports joins them.")] = 1,
    evidence: Annotated[str, typer.Option(help="Of the samples' moments: tells which causes were not there.")] = "",
    judge: Annotated[str, typer.Option(help="MODEL@URL of an endpoint that judges the words.")] = "",
    corrections: Annotated[str, typer.Option(help="A folder of what reviewers said.")] = "",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure a policy.

    Reads a policy and samples, and clips for log replay; writes report.json and report.html.
    Example: causeway evaluate policy --samples samples --clips clips --suite closed-loop --suite replay --out report
    """
    settings: dict[str, Any] = {"scenes": scenes, "seed": seed, "suites": tuple(suite or ("open-loop",))}
    settings |= {"replays": replays, "others": others, "judge": judge, "corrections": corrections}
    settings |= {"latency_s": latency_s, "shard": shard, "shards": shards, "ensemble": ensemble}
    inputs = {"policy": policy, "samples": samples or None, "clips": clips or None, "evidence": evidence or None}
    run_step("evaluate", inputs, settings, out, as_json)


@app.command()
def gate(
    report: str,
    champion: Annotated[str, typer.Option(help="The champion's report.")] = "",
    rules: Annotated[str, typer.Option(help="A rules file; default: the shipped one.")] = "",
    out: Out = "out/gate",
    as_json: Json = False,
) -> None:
    """Decide whether a report is good enough; exit 3 when it is not.

    Reads reports and rules; writes decision.json: each rule with its numbers and verdict.
    Example: causeway gate report --champion champion-report
    """
    from causeway.artifacts import Artifact

    manifest = run_step("gate", {"report": report, "champion": champion or None}, {"rules": rules}, out, as_json)
    decision = json.loads(Artifact.open(manifest.location).path("decision.json").read_text())
    if decision["decision"] != "promote":
        raise Refused(f"{report}: {decision['decision']}: {decision['summary']}")


@app.command()
def serve(
    policy: str,
    http_port: Annotated[int, typer.Option(help="REST port.")] = 8080,
    grpc_port: Annotated[int, typer.Option(help="gRPC port.")] = 8081,
    alpasim_port: Annotated[int, typer.Option(help="Drive for AlpaSim on this port instead (its own: 6789).")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 = all of them, which needs tokens.")] = "",
    also: Annotated[list[str] | None, typer.Option(help="NAME=POLICY, a further policy under that name.")] = None,
    tokens: Annotated[str, typer.Option(help="File with a line `VEHICLE TOKEN` for each vehicle.")] = "",
    without_tokens: Annotated[bool, typer.Option("--without-tokens", help="Answer other machines without.")] = False,
    request_log: Annotated[str, typer.Option(help="File for a line of JSON per request; - = stderr.")] = "",
    rig_store: Annotated[str, typer.Option(help="Folder of the online store, for requests with a rig_id.")] = "",
) -> None:
    """Serve a policy on this machine with KServe until Ctrl-C.

    Reads a policy; writes nothing but the log that is asked for.
    Example: causeway serve policy --grpc-port 8081
    """
    if alpasim_port:
        if host or also or tokens or without_tokens or request_log or rig_store:
            where = "python -m causeway.serving.alpasim_server --host ADDRESS"
            raise UsageError(f"--alpasim-port goes with no other option; for another address: {where}")
        from causeway.serving.alpasim_server import serve_driver

        return serve_driver(policy, alpasim_port)
    from causeway.serving.contract import LOOPBACK
    from causeway.serving.server import serve as run_server

    run_server(
        policy,
        http_port,
        grpc_port,
        host or LOOPBACK,
        rig_store,
        also=also or (),
        tokens=tokens,
        without_tokens=without_tokens,
        request_log=request_log,
    )


@app.command()
def ask(
    url: Annotated[str, typer.Argument(help="host:port (gRPC) or http://host:port (REST).")],
    sample: Annotated[str, typer.Option(help="SAMPLES:ID, one sample of a samples artifact.")],
    n: Annotated[int, typer.Option("--samples", help="How many trajectories.")] = 1,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Ask an endpoint one question.

    Reads one sample; prints the answer.
    Example: causeway ask localhost:8081 --sample samples:drive-3@5200000
    """
    from causeway.platform.question import ask_about, describe

    answer = ask_about(url, sample, n, seed)
    tell(answer, describe(answer), as_json)


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="data, training, release, retraining, or a recipe's name.")],
    settings: Sets = None,
    root: Annotated[str, typer.Option(help="Where artifacts go: a folder or s3://bucket/prefix.")] = "out",
    on: Annotated[str, typer.Option("--on", help="Where it runs: laptop or cluster.")] = "laptop",
    as_json: Json = False,
) -> None:
    """Run a pipeline on this machine, or on the cluster whose pipelines API CAUSEWAY_KFP names, and follow it there.

    Reads what its settings name; writes artifacts below --root and a log into its logs folder. On a cluster Ctrl-C
    leaves the run alone: the same command follows it again, causeway cancel ends it.
    Example: causeway run data --set drives=recordings --set layout=kitti-odometry
    """
    from dataclasses import asdict

    from causeway.platform.laptop import run_pipeline
    from causeway.platform.settings import log_folder, pipeline_arguments

    if on == "cluster":
        from causeway.platform.cluster.arguments import cluster_root
        from causeway.platform.cluster.runs import run_on_cluster

        root = cluster_root("" if root == "out" else root)
        told = run_on_cluster(pipeline, settings or [], root, log_folder(root) / f"{pipeline}.log")
        return tell(told, f"run {told['run']} is done: {told.get('kind', '')} at {told.get('location', root)}", as_json)
    if on != "laptop":
        raise UsageError(f"--on {on}: pipelines run on laptop or cluster")
    arguments = pipeline_arguments(pipeline, settings or [], root)
    manifest = run_pipeline(pipeline, arguments, log_folder(root) / f"{pipeline}.log")
    tell(asdict(manifest), f"{manifest.kind} {manifest.content_hash[:12]} at {manifest.location}", as_json)


@app.command()
def show(
    artifact: str,
    out: Annotated[str, typer.Option("--out", help="A folder for pictures of clips, moments, evidence, labels.")] = "",
    clips: Annotated[str, typer.Option("--clips", help="The clips of moments, evidence or labels.")] = "",
    clip: Annotated[list[str] | None, typer.Option(help="Draw or record this clip; may be repeated.")] = None,
    first: Annotated[int, typer.Option(help="How many clips or moments to draw when no clip is named.")] = 3,
    rerun: Annotated[str, typer.Option(help="A file for a Rerun recording of a clip or of rollouts.")] = "",
    as_json: Json = False,
) -> None:
    """Print a summary of any artifact, or what a run used and cost; draw clips and moments; record for Rerun.

    Reads an artifact or ROOT/runs/RUN.json; writes pictures and recordings where asked.
    Example: causeway show clips --out pictures --rerun clip.rrd
    """
    from causeway.platform.show import Wish
    from causeway.platform.show import show as show_artifact

    wish = Wish(clips=clips, out=out, rerun=rerun, clip_ids=tuple(clip or ()), first=first)
    values, text = show_artifact(artifact, wish)
    tell(values, text, as_json)


app.add_typer(cluster_app)
app.add_typer(schedule_app, name="schedule")
app.add_typer(release_app, name="release")
app.add_typer(upkeep_app, name="upkeep")

for _part in (app, cluster_app, schedule_app, release_app, upkeep_app):
    for _verb in _part.registered_commands:
        _verb.cls = Verb


def main() -> None:
    """Run the command line and leave with the contract's exit code; no traceback for errors a user may meet."""
    code = EXIT_DONE
    keep_interrupts()
    try:
        code = app(standalone_mode=False) or EXIT_DONE
        if code == EXIT_INTERRUPTED:  # the parser turns Ctrl-C into its exit code and says nothing
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        code = _say("interrupted; the same command goes on where it stopped", EXIT_INTERRUPTED)
    except CausewayError as error:
        code = _say(str(error), error.exit_code)
    except Exception as error:
        code = _unexpected(error)
    os._exit(code) if code == EXIT_INTERRUPTED else sys.exit(code)


def _say(text: str, code: int) -> int:
    print(f"causeway: {text}", file=sys.stderr)
    return code


def _unexpected(error: Exception) -> int:
    """Wrong usage as the parser sees it (it brings its own message), an interrupt, a full disk, or a bug."""
    if type(error).__name__ == "Abort":
        return _say("interrupted; the same command goes on where it stopped", EXIT_INTERRUPTED)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error, file=sys.stderr)
        return UsageError.exit_code
    if hasattr(error, "format_message"):
        return _say(f"{error.format_message().rstrip('.')}; see causeway --help", UsageError.exit_code)
    from causeway.platform.steps import as_causeway_error, is_known

    if not is_known(error):
        import traceback

        traceback.print_exc()
    known = as_causeway_error(error)
    return _say(str(known), known.exit_code)


if __name__ == "__main__":
    main()
