"""Readers of drive layouts, one file a layout; each turns a location into recordings that open one at a time."""
