"""The gateway's durable buffer: one SQLite file is log and ledger. The API is `spool.store`.

Nothing is imported here, so that `spool.reading` stays light enough for `edge-agent status`.
"""
