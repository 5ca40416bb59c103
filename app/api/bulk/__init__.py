"""Bulk requests: many positions or codes in one body, and an answer with a status for each, in the same order.

    body, charsets                  request bytes > decompressed bytes > text
    parsers, tables, columns        text > items, each with an input or an error
    positions, codes                items > answers: regions at a position, health regions of an FSA
    writers                         answers > response bytes

An invalid item gets a status in the response. Only a body that is invalid as a whole is an error response.
"""
