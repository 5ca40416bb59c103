"""Many questions at once: items come in, in one of four formats, and go out in the same order, one status each.

    body, charsets          the request's bytes, decompressed > text
    reading, tables         text > items: each a question, or what is wrong with it
    positions, codes        items > what covers each position, the health regions of each FSA
    writing                 answers > bytes

What is wrong with one item is its status; only what is wrong with the whole is an error.
"""
