"""The field head: what is where."""
