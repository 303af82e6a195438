"""The reader of one layout: comma2k19."""
