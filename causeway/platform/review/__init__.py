"""The review page: people name causes from the past alone, then see the rest and decide."""
