"""One suite over every driver, ours and others': does it keep what the contract promises?

`shape` looks at the class and its package, `conformance` drives it against its simulator. The
tests of this repository and `edge-agent driver check` call the same rules.
"""
