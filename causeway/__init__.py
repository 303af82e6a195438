"""Causeway: drive logs become a served driving policy that reasons before it acts."""

__version__ = "0.1.0"
