"""Bulk requests: many positions or codes in, one answer with a status for each out, in the same order.

    body, charsets          the request's bytes, decompressed > text
    reading, tables         text > items: each a question, or what is wrong with it
    positions, codes        items > what covers each position, the health regions of each FSA
    writing                 answers > bytes

What is wrong with one item is its status; only what is wrong with the whole is an error.
"""
