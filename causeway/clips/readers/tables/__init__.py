"""The reader of one layout: tables."""
