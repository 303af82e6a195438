"""The reader of one layout: physicalai."""
