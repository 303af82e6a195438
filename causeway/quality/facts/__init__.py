"""Numbers and flags about artifacts that an expectation can be held against. Know no bounds: suites do."""
