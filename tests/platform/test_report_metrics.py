"""A report's numbers reach the policy's MLflow run once, under names that MLflow takes."""

from types import SimpleNamespace

from causeway.platform.report_metrics import log_report, plain_name, report_metrics

REPORT = {
    "metrics": {
        "alpasim_min_ade@2.5s": {"value": 1.25, "low": 1.0, "high": 1.5, "n": 40, "unit": "m"},
        "constant_velocity/ade": {"value": 2.0, "low": None, "high": None, "n": 1, "unit": "m"},
        "nothing": {"value": None, "low": None, "high": None, "n": 0, "unit": "m"},
    }
}
LOGGED = [
    ("report/alpasim_min_ade_at_2.5s", 1.25),
    ("report/alpasim_min_ade_at_2.5s/low", 1.0),
    ("report/alpasim_min_ade_at_2.5s/high", 1.5),
    ("report/constant_velocity/ade", 2.0),
]


class Client:
    """What is asked of MLflow's client."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.logged: list[tuple[str, float]] = []

    def get_run(self, run_id):
        return SimpleNamespace(data=SimpleNamespace(tags=self.tags), info=SimpleNamespace(start_time=5))

    def log_batch(self, run_id, metrics):
        self.logged += [(m.key, m.value) for m in metrics]

    def set_tag(self, run_id, key, value):
        self.tags[key] = value


def test_metrics_and_their_intervals():
    assert list(report_metrics(REPORT)) == LOGGED
    assert list(report_metrics({})) == []


def test_names_that_mlflow_takes():
    from mlflow.utils.validation import _validate_metric_name

    for name in ("longitudinal_f1@yield", "a:b(c)", "x" * 400, "majority/lateral_f1@none"):
        _validate_metric_name(plain_name(name))
    assert plain_name("longitudinal_f1@yield") == "longitudinal_f1_at_yield"
    assert len(plain_name("x" * 400)) == 250


def test_a_report_is_logged_once_and_another_one_again():
    client = Client()
    log_report(client, "r", "h1", REPORT)
    log_report(client, "r", "h1", REPORT)
    assert client.logged == LOGGED
    log_report(client, "r", "h2", REPORT)
    assert client.logged == LOGGED * 2
    log_report(client, None, "h3", REPORT)
    assert client.logged == LOGGED * 2
