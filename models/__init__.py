"""Pictures and words in, features or words out."""
