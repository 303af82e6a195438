"""The reader of one layout: commonroad."""
