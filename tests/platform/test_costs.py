import json
from pathlib import Path

import pytest

from causeway.errors import UnusableInput, UsageError
from causeway.evaluation.page.run_parts import cost_section as cost_part
from causeway.platform import costs, demo_page
from causeway.platform.costs import Prices, cost_section, prices
from causeway.platform.run_record import Use, summed, use_from_line, uses_under, write_record
from causeway.platform.show import Wish, show

USES = [Use("ingest", 3600.0), Use("train_rl", 1800.0, 7200.0), Use("ingest", 1800.0)]


def test_hours_are_told_without_prices_and_money_with_them():
    plain = cost_section(summed(USES), None)
    assert plain.columns == ("step", "CPU hours", "GPU hours")
    assert plain.rows == (("train_rl", 0.5, 2.0), ("ingest", 1.5, 0.0), ("all", 2.0, 2.0))
    priced = cost_section(summed(USES), Prices(0.1, 2.0, "EUR"))
    assert priced.columns[-1] == "EUR"
    assert [row[-1] for row in priced.rows] == [4.05, 0.15, 4.2]
    assert cost_section([], None).rows == ()


def test_prices_are_what_the_installation_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(costs.PRICES, raising=False)
    assert prices() is None
    monkeypatch.setenv(costs.PRICES, "cpu=0.04, gpu=2.5, currency=EUR")
    assert prices() == Prices(0.04, 2.5, "EUR")


@pytest.mark.parametrize("bad", ["cpu=0.04", "cpu=x,currency=EUR", "cpu=-1,currency=EUR", "disk=1,currency=EUR", "cpu=nan,currency=EUR"])
def test_what_is_no_price_is_refused(bad: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(costs.PRICES, bad)
    with pytest.raises(UsageError, match="write cpu="):
        prices()


def test_show_tells_what_a_run_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(costs.PRICES, "cpu=0.1,gpu=2,currency=EUR")
    root = str(tmp_path)
    write_record(root, "r1", "causeway-training", "nightly", "SUCCEEDED", "", USES)
    write_record(root, "r2", "causeway-training", "", "FAILED", "no samples", [Use("ingest", 1800.0)])
    values, text = show(f"{root}/runs/r1.json", Wish())
    assert values["cost"][-1] == {"step": "all", "CPU hours": 2.0, "GPU hours": 2.0, "EUR": 4.2}
    assert "run  r1 of causeway-training" in text
    assert "nightly" in text
    assert uses_under(root) == ([Use("ingest", 7200.0), Use("train_rl", 1800.0, 7200.0)], [])


TOLD = '{"run": "r1", "pipeline": "p", "reason": "", "state": "SUCCEEDED", "error": "", "ended_us": %s, "use": [%s]}'
BAD = ["", "[]", "{}", '{"use": [{}]}', '{"use": 3}', TOLD % ('"noon"', ""), TOLD % ("1e30", ""), TOLD % ("1e999", "")]


@pytest.mark.parametrize("data", [*BAD, TOLD % ("1", '{"step": "ingest", "cpu_s": NaN, "gpu_s": 0}')])
def test_what_is_no_record_is_told(data: str, tmp_path: Path):
    where = tmp_path / "runs" / "x.json"
    with pytest.raises(UnusableInput, match="no such record"):
        show(str(where), Wish())
    where.parent.mkdir()
    where.write_text(data)
    with pytest.raises(UnusableInput, match="not the record of a run"):
        show(str(where), Wish())


def test_a_record_of_before_has_no_uses(tmp_path: Path):
    where = tmp_path / "runs" / "old.json"
    where.parent.mkdir()
    told = {"run": "old", "pipeline": "p", "reason": "", "state": "SUCCEEDED", "error": "", "ended_us": 0}
    where.write_text(json.dumps(told))
    assert show(str(where), Wish())[0]["cost"] == []


def test_a_step_tells_its_use_in_its_log():
    line = '    causeway-made: {"step": "ingest", "kind": "clips", "location": "/r", "cpu_s": 2.5, "gpu_s": 0.0} tail'
    assert use_from_line(line) == Use("ingest", 2.5, 0.0)
    assert use_from_line('causeway-made: {"step": "ingest", "kind": "clips"}') is None
    assert use_from_line("ingest: done") is None


def test_the_page_of_a_run_has_its_cost():
    section = cost_section(summed(USES), Prices(0.1, 2.0, "EUR"))
    text = str(cost_part(section.columns, section.rows))
    assert "<h2>Cost</h2>" in text
    assert "4.2" in text
    assert cost_part((), ()) is None
    damaged = str(cost_part((), (), ["not counted: r9.json"]))
    assert "<h2>Cost</h2>" in damaged
    assert "<li>not counted: r9.json</li>" in damaged
    assert "<table>" not in damaged


def test_a_damaged_record_is_named_and_left_out_of_the_sum_of_a_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv(costs.PRICES, raising=False)
    write_record(str(tmp_path), "good", "p", "", "SUCCEEDED", "", [Use("ingest", 1800.0)])
    (tmp_path / "runs" / "bad.json").write_text("{")
    heads, rows, missing = demo_page._cost(tmp_path)
    assert heads == ("step", "CPU hours", "GPU hours")
    assert rows == [["ingest", "0.5000", "0.0000"], ["all", "0.5000", "0.0000"]]
    (line,) = missing
    assert line.startswith(f"not counted: {tmp_path}/runs/bad.json: not the record of a run (")
    assert capsys.readouterr().err == f"cost: {line}\n"
