"""The write side: reads boundary files, checks and derives, verifies, and publishes vintages.

`pipeline` is the list of steps; every step is a module of its own.
"""
