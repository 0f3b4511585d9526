"""`--query`: JMESPath over the documented JSON, as in the AWS CLI."""

from __future__ import annotations

from typing import Any

from orderctl.errors import UsageError


class Query:
    """A compiled expression; a wrong one is a usage error before anything is done."""

    def __init__(self, expression: str, *, flag: str = "--query") -> None:
        import jmespath
        from jmespath.exceptions import JMESPathError

        self._flag = flag
        try:
            self._compiled = jmespath.compile(expression)
        except JMESPathError as error:
            first = str(error).splitlines()[0]
            raise UsageError(f"{flag} is not JMESPath: {first}", hint="see https://jmespath.org") from error

    def search(self, document: Any) -> Any:
        """What the expression finds; raises UsageError where a function refuses its arguments."""
        from jmespath.exceptions import JMESPathError

        try:
            return self._compiled.search(document)
        except JMESPathError as error:
            raise UsageError(f"{self._flag}: {str(error).splitlines()[0]}") from error
