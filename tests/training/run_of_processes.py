"""A training run that torchrun (or nobody) starts: `run_of_processes.py FOLDER STEPS ZERO [STOP_AFTER]`.

Trains a `tiny` policy on made-up samples and leaves `losses.json` and, for each process, `memory-RANK.json`. With
STOP_AFTER it sends itself SIGTERM after so many steps and ends as a job would.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from causeway.errors import CausewayError
from causeway.model import Policy
from causeway.training import loop
from causeway.training.config import ActionConfig
from causeway.training.engine import Engine
from causeway.training.loop import Course, train
from causeway.training.stages import action_loss
from tests.training.examples import example_samples

CONFIG = ActionConfig(batch_size=4, passes=2, checkpoint_every_s=1e9, lr=4e-4, expert_lr=4e-4)


def main() -> None:
    folder, steps, zero = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    stop_after = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    made: list[Engine] = []
    original = loop.make_engine

    def kept(*arguments):
        made.append(original(*arguments))
        return made[0]

    def tell(line, pace):
        if line["step"] + 1 == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    loop.make_engine = kept
    loop.use_threads(1)
    config = replace(CONFIG, steps=steps, zero=zero)
    samples = example_samples(12)
    policy = Policy.from_scale("tiny", seed=0).train()
    loss = action_loss(policy, config, samples)
    course = Course("action", policy, ("backbone", "embeddings", "expert"), samples, loss, config, folder / "run")
    try:
        lines = train(replace(course, tell=tell))
    except CausewayError as error:
        print(error, file=sys.stderr)
        os._exit(error.exit_code)
    if made[0].rank == 0:
        (folder / "losses.json").write_text(json.dumps([line["loss"] for line in lines]))
    held = {"moments_bytes": made[0].optimizer_bytes(), "world": made[0].world}
    (folder / f"memory-{made[0].rank}.json").write_text(json.dumps(held))


if __name__ == "__main__":
    main()
