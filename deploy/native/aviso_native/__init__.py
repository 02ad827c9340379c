"""The stack as private local processes: what `make run` and the tests start.

Only the standard library, so that it runs before anything is installed.
"""
