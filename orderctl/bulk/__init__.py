"""Deliveries by the million, made by AWS itself: chunks in S3, a Distributed Map over them, and their results."""
