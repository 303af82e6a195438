"""Great Expectations suites behind one function: validate(table, suite) -> QualityReport."""

from causeway.quality.checking import quality_of, validate
from causeway.quality.expectations import Expectation, Suite
from causeway.quality.report import Check, QualityReport
from causeway.quality.suites import SUITES, SUITES_OF_KIND

__all__ = ["SUITES", "SUITES_OF_KIND", "Check", "Expectation", "QualityReport", "Suite", "quality_of", "validate"]
