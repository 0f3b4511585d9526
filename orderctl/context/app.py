"""The App itself: every room of the context in one object."""

from __future__ import annotations

from orderctl.context.dead_letters import DeadLetterParts
from orderctl.context.events_and_stock import EventAndStockParts
from orderctl.context.orders import OrderParts
from orderctl.context.output import Output
from orderctl.context.sign_in import SignInParts
from orderctl.context.stacks import StackParts


class App(Output, OrderParts, DeadLetterParts, EventAndStockParts, SignInParts, StackParts):
    """Streams, settings and collaborators of one command."""
