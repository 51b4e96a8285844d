"""No encoder."""
