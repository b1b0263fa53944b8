"""The catalogue of traps: what the libraries do without a word, each shown by code that runs.

`catalogue` knows what an entry is, `places` which modules hold them, `proof` runs one, and
`python -m tests.traps` writes notebooks/traps.md or says what no longer holds.
"""
