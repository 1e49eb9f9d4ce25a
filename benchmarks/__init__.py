"""Measures streamsql from outside: a Nexmark generator, queries, floors, a runner, a digest.

Nothing here is part of the package `streamsql`; the runner starts it as any user would. How and
why is in README.md.
"""
