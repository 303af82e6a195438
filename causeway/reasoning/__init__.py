"""Why the vehicle did it: Chain-of-Causation records, their one grammar, teachers, critics and labels."""

from causeway.reasoning.grammar import GRAMMAR_WORDS, TraceError, parse, render
from causeway.reasoning.records import CocRecord, Component

__all__ = ["GRAMMAR_WORDS", "CocRecord", "Component", "TraceError", "parse", "render"]
