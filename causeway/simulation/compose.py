"""Longer drives: `stop_for_control+curve+nudge` is three scenarios one after the other on one road.

Knows which scenarios go together and when a leg begins: times in a later leg's script count from when the expert comes
to it. Does not know how roads are joined (`joints`). Nobody appears: whoever moves in a later leg stands, people and
cyclists beside the road, others out of sight, until the ego is there; who would have to drive in sight is left out.
Nobody disappears either: who drove our way in a leg turns off where it ends (`ways_off`).
"""

from dataclasses import replace
from operator import index

import numpy as np

from causeway.clips.geometry import TICK_US
from causeway.errors import UsageError
from causeway.simulation import vehicle
from causeway.simulation.expert import expert
from causeway.simulation.expert.mind import Mind
from causeway.simulation.roads.joints import Part, Place, joined_layout, parts_of, placed, props_of
from causeway.simulation.roads.layout import Layout
from causeway.simulation.roads.road import Path, Signal
from causeway.simulation.roads.ways_off import beside_way, routes_off, way_off, with_way_off
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.scene import DURATION_US, Scene, Want
from causeway.simulation.traffic.agents import FAR_M, NEVER_US, Agent, Trigger, When, advance_agents, traffic_of
from causeway.simulation.vehicle import EGO, EgoState

IN_SIGHT = (
    *("slow_for_lead", "stop_for_lead", "resume_at_control", "cut_in", "risky_driving"),
    *("lane_change", "lane_change_preparation", "nudge_preparation"),
)
CHANGES_LANE = ("lane_change", "lane_change_preparation", "bypass_construction")
LEAVES = ("car", "truck", "bus", "motorcycle", "cyclist")  # turn off where their leg ends
HALF_LANE_M = 1.7
MAY_STAND = ("pedestrian", "cyclist")  # in sight, until the ego comes and they set off
RUN_IN_M = 50.0  # of the next leg's road before its own start: to come to its speed
SIGHT_M = 130.0
JUNCTION_M = 35.0  # a joint is so far behind a stop line
LONGEST_US = 2 * DURATION_US  # of a leg
APART_M, AWAY_M = 150.0, 60.0  # a road that comes so near to where it was so long ago is laid out anew
ATTEMPTS = 24

Places = tuple[dict[str, Place], dict[str, Place]]


def scene_of(name: str, seed: int) -> Scene:
    """The scene of a scenario, or of several joined by `+`, the same every time. UsageError for what there is not."""
    legs, seed = legs_of(name), checked_seed(seed)
    if len(legs) == 1:
        return SCENARIOS[legs[0]](np.random.default_rng([seed, *legs[0].encode()]), seed)
    scene = SCENARIOS[legs[0]](np.random.default_rng([seed, 0, *legs[0].encode()]), seed)
    for number, leg in enumerate(legs[1:], 2):
        scene = _longer(scene, leg, number)
    return replace(scene, scenario=name)


def legs_of(name: str) -> tuple[str, ...]:
    """The scenarios of a name. UsageError for an unknown one, or one that cannot be in its place."""
    legs = tuple(str(name).split("+"))
    for leg in legs:
        if leg not in SCENARIOS:
            raise UsageError(f"scenario {leg!r} is not one of {', '.join(SCENARIOS)}")
    for leg in legs[1:]:
        if leg in IN_SIGHT:
            raise UsageError(f"{name}: {leg} needs somebody in sight at its start; it can only be the first leg")
    for leg in legs[:-1]:
        if leg in CHANGES_LANE:
            raise UsageError(f"{name}: {leg} may end on another lane; it can only be the last leg")
    return legs


def checked_seed(seed: int) -> int:
    """The seed. UsageError for one that no scene can have."""
    try:
        whole = index(seed)
    except TypeError:
        whole = -1
    if whole < 0:
        raise UsageError(f"seed is {seed!r}; take a whole number from 0 on")
    return whole


def _longer(first: Scene, leg: str, number: int) -> Scene:
    """The scene with one more leg behind what is there."""
    at_m = _joint_m(first)
    begins_m = at_m + RUN_IN_M
    second, parts, layout, places = _joint(first, at_m, leg, number)
    speeds = (*first.speeds, (at_m, second.driver.set_speed_mps))
    agents = [a for agent in first.agents if (a := placed(parts[0], agent, places[0]))]
    way = way_off(parts[0])
    agents, layout = _turned_off(agents, layout, parts[0], way, number)
    props = beside_way(props_of(parts[0]) + props_of(parts[1]), way)
    scene = replace(first, layout=layout, agents=tuple(agents), props=props, speeds=speeds)
    begins_us = _arrival_us(scene, begins_m)
    later = [a for agent in second.agents if (a := _later(parts[1], agent, places[1], begins_m, begins_us))]
    wants = [_wanted(want, parts[1].mark, begins_m - second.start_m) for want in second.wants]
    signals = tuple(_started(s, begins_us) if s.signal_id.startswith(parts[1].mark) else s for s in layout.road.signals)
    return replace(
        scene,
        layout=replace(layout, road=replace(layout.road, signals=signals)),
        agents=(*agents, *later),
        wants=(*first.wants, *wants),
        duration_us=begins_us + DURATION_US,
    )


def _joint(first: Scene, at_m: float, leg: str, number: int) -> tuple[Scene, tuple[Part, Part], Layout, Places]:
    """The next leg, laid out anew until it has room and, if that can be, a lane for all who drive on beside us."""
    fits = None
    for attempt in range(ATTEMPTS):
        second = SCENARIOS[leg](np.random.default_rng([first.seed, number, attempt, *leg.encode()]), first.seed)
        parts = parts_of(first, at_m, second, second.start_m - RUN_IN_M, f"{number}.")
        layout, places = joined_layout(parts)
        if not _apart(layout.routes["ego"].points, layout.routes["ego"].s_m):
            continue
        fits = fits or (second, parts, layout, places)
        if not _stranded(parts[0], places[1]):
            return second, parts, layout, places
    if fits is None:
        raise UsageError(f"{first.scenario} {first.seed}: no room for {leg}; take another seed or fewer legs")
    return fits


def _stranded(part: Part, there: dict[str, Place]) -> list[Agent]:
    """Who drives our way left of us, where the next leg has no such lane: they would go on over what is no road."""
    off = routes_off(part, way_off(part))
    ours = [a for a in part.scene.agents if a.route in off and not a.stays and a.type in LEAVES]
    beside = [a for a in ours if off[a.route][1] + _ends_m(a) >= HALF_LANE_M]
    return [a for a in beside if a.route not in {place.name for place in there.values()}]


def _turned_off(agents: list[Agent], layout: Layout, part: Part, way: Path, number: int) -> tuple[list[Agent], Layout]:
    """Whoever drives our way, in our lane or right of it, turns off where the leg ends: the next leg is not theirs."""
    off, taken, right_m, every = routes_off(part, way), dict[str, Path](), 0.0, list[Agent]()
    for agent in agents:
        route, name = off.get(agent.route), f"{agent.route}.off{number}"
        left_m = route[1] + _ends_m(agent) if route else 0.0
        leaves = route and not agent.stays and agent.type in LEAVES and left_m < HALF_LANE_M
        if route and leaves:
            taken[name], right_m = route[0], max(right_m, -left_m)
        every.append(replace(agent, route=name) if leaves else agent)
    return every, with_way_off(layout, way, taken, right_m)


def _ends_m(agent: Agent) -> float:
    """How far left of its route somebody drives at the end of its script."""
    return agent.sideways[-1][1] if agent.sideways else agent.lateral_m


def _wanted(want: Want, mark: str, shift_m: float) -> Want:
    """A wish of a later leg, on the joined road."""
    cause_id = None if want.cause_id is None else mark + want.cause_id
    return replace(want, from_m=want.from_m + shift_m, by_m=want.by_m + shift_m, cause_id=cause_id)


def _joint_m(scene: Scene) -> float:
    """Where the road so far is cut: where the expert is at the end of it, behind any junction on the way."""
    stations = _drive(scene, scene.duration_us, np.inf)
    route = scene.layout.routes["ego"]
    at_m = stations[-1]
    for name, line_m, _ in scene.layout.stops:
        if name == "ego" and line_m - JUNCTION_M < at_m < line_m + JUNCTION_M:
            at_m = line_m + JUNCTION_M
    return float(min(at_m, route.length_m - 5.0))


def _arrival_us(scene: Scene, at_m: float) -> int:
    """When the expert, driving the scene as it is, comes to a station."""
    return (len(_drive(scene, scene.duration_us + LONGEST_US, at_m)) - 1) * TICK_US


def _drive(scene: Scene, until_us: int, until_m: float) -> list[float]:
    """The expert's stations by tick, until a time or a station."""
    layout = scene.layout
    traffic = traffic_of(scene.agents, layout.routes, layout.stops)
    driver, mind, route = expert.expert_for(scene, traffic), Mind(), layout.routes["ego"]
    x, y, yaw = route.pose_at(scene.start_m).tolist()
    ego, states = EgoState(x, y, yaw, scene.start_mps), [traffic.start()]
    delay, stations = round(scene.driver.reaction_s * 1e6 / TICK_US), [scene.start_m]
    while len(stations) * TICK_US < until_us and stations[-1] < until_m:
        now_us, seen = (len(states) - 1) * TICK_US, max(len(states) - 1 - delay, 0)
        plan = expert.plan(driver, ego, states[seen], seen * TICK_US, now_us, mind)
        mind = plan.mind
        states.append(advance_agents(traffic, layout.road, states[-1], ego.box, ego.speed_mps, now_us))
        ego = vehicle.follow(ego, plan.trajectory_rig)
        stations.append(float(route.project(ego.pose[:2])[0]))
    return stations


def _later(part: Part, agent: Agent, where: dict[str, Place], begins_m: float, begins_us: int) -> Agent | None:
    """An agent of a later leg, its script begun when the ego is there; None for who would have been in sight."""
    there = placed(part, agent, where)
    if there is None:
        return None
    shift_m = begins_m - part.scene.start_m

    def timed(parts: tuple) -> tuple:
        return tuple((_when(when, shift_m, begins_us), *rest) for when, *rest in parts)

    script, sideways, indicator = (timed(p) for p in (agent.script, agent.sideways, agent.indicator))
    there = replace(there, script=script, sideways=sideways, indicator=indicator)
    if agent.speed_mps == 0.0:
        return there
    route = part.scene.layout.routes
    apart = route[agent.route].pose_at(agent.s_m)[:2] - route["ego"].pose_at(part.at_m)[:2]
    if agent.type not in MAY_STAND and np.hypot(*apart) < SIGHT_M:
        return None
    early_m = 0.0 if agent.type == "cyclist" else RUN_IN_M
    sets_off = (Trigger(ego_m=begins_m - early_m + EGO.front_m), agent.speed_mps, 2.0)
    return replace(there, speed_mps=0.0, script=((0, 0.0, 1.0), sets_off, *there.script))


def _when(when: When, shift_m: float, shift_us: int) -> When:
    """When a part of a script begins in the longer drive; what holds from the very start holds from its start."""
    if isinstance(when, Trigger):
        at_us = when.at_us if when.at_us >= NEVER_US else when.at_us + shift_us
        return Trigger(at_us, when.ego_m if when.ego_m >= FAR_M else when.ego_m + shift_m)
    return when + shift_us if when > 0 else 0


def _started(signal: Signal, begins_us: int) -> Signal:
    phases = tuple((start + begins_us if start > 0 else 0, state) for start, state in signal.phases)
    return replace(signal, phases=phases)


def _apart(points: np.ndarray, s_m: np.ndarray) -> bool:
    """Whether a road never comes near to where it was long ago."""
    some = slice(None, None, 10)
    xy, s = points[some], s_m[some]
    near = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) < AWAY_M
    return not bool((near & (np.abs(s[:, None] - s[None]) > APART_M)).any())
