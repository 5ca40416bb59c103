"""Lookup of whole files and tables: CSV, NDJSON, Parquet and Arrow, on all cores, in constant memory.

charsets, column_names, numbers     text > UTF-8, columns, degrees
csv_source, csv_chunks              CSV > chunks of whole rows > located rows
json_chunks                         NDJSON > located rows
arrow, arrow_files                  tables and files with columns
layers                              positions > columns of answers
pool, job, command                  chunks on all cores; files and folders, resumed; options
"""
