"""The App: the one object a command is given, and the one place where collaborators are wired.

Everything is made when first touched, so a command that never speaks to AWS never imports boto3. Tests
build an App with their own streams, environment and clock, and set collaborators as plain attributes
before the command runs (`app.queues = FakeQueues()`); nothing is patched.

The rooms: `settings` is where a command works, `output` what it says and records; the others hold the adapters
that each noun's services are given, one room a noun or two.
"""

from __future__ import annotations

from orderctl.context.app import App

__all__ = ["App"]
