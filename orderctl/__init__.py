"""orderctl operates deployed serverless order workflows on AWS from the command line."""

from __future__ import annotations

__version__ = "0.1.0"
