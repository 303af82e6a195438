"""Great Expectations suites behind one function: validate(table, suite) -> QualityReport."""

from causeway.quality.report import Check, QualityReport
from causeway.quality.suites import SUITES, Expectation
from causeway.quality.validate import quality_of, validate

__all__ = ["SUITES", "Check", "Expectation", "QualityReport", "quality_of", "validate"]
