"""The reader of one layout: pandaset."""
