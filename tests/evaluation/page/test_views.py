import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from causeway.evaluation.page.views import MOST_AGENTS, surroundings, views
from causeway.model.observation import example_observation
from causeway.model.surroundings import Agents, Footprint, Surroundings

from ..conftest import SPEC, make_sample, straight


def agents(places):
    poses = np.zeros((len(places), 64, 3), dtype=np.float32)
    poses[:, :, 0] = np.array(places)[:, None] + 0.5 * np.arange(64)
    present = np.ones((len(places), 64), dtype=bool)
    present[:, :2] = False
    return Agents(poses, np.tile(np.float32([4.0, 2.0]), (len(places), 1)), present, ("car",) * len(places))


def test_every_camera_is_shown_and_the_first_one_larger():
    spec = replace(SPEC, cameras=("front_wide", "front_tele", "rear"))
    sample = replace(make_sample(0), observation=example_observation(0, spec, 8.0))
    found = views(sample, straight(8.0))
    assert found["camera"] == "front_wide"
    assert [other["camera"] for other in found["others"]] == ["front_tele", "rear"]
    sizes = [Image.open(io.BytesIO(base64.b64decode(x["picture"]))).size for x in (found, *found["others"])]
    assert sizes[0][0] > sizes[1][0] == sizes[2][0]
    assert found["around"] is None


def test_surroundings_are_cut_to_what_is_near():
    ring = np.float32([[0, -3], [30, -3], [30, 3]])
    around = Surroundings(agents([500.0, 20.0, 5.0]), (ring + 1000, ring), Footprint(5.0, 2.0, 1.5))
    found = surroundings(replace(make_sample(0), around=around))
    assert [agent["pose"][0] for agent in found["agents"]] == [6.0, 21.0], "nearest first, where first seen"
    assert found["agents"][0]["way"][0] == [6.0, 0.0]
    assert found["road"] == [[[0.0, -3.0], [30.0, -3.0], [30.0, 3.0]]]
    assert found["car"] == [5.0, 2.0, 1.5]
    many = Surroundings(agents(list(range(40))), None)
    assert len(surroundings(replace(make_sample(0), around=many))["agents"]) == MOST_AGENTS


def test_a_drive_that_knows_nothing_around_it():
    found = surroundings(replace(make_sample(0), around=Surroundings(None, None)))
    assert (found["agents"], found["road"]) == ([], [])
