"""What the measurements share.

`checkouts` fills an installation and serves it, `peers` starts the other servers, `processes` looks
at what runs, `frames` says what a client sends, `generator` runs load.c and `sockets` opens
WebSockets from Python, `compare` puts servers under the same loads in rounds, `report` prints the
tables and writes docs/performance.md.
"""
