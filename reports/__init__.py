"""Predictions in, tables, pictures and the report page out."""
