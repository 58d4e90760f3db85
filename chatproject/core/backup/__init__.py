"""Copies of an installation: its rows, files, keys and configuration in one archive, for every database.

`rows` turns tables into lines and back, `sealed` encrypts, `archive` is the file, `saving` and `restoring` are the two
directions. What must be told to clients after a restore is for the apps above.
"""
