"""Users, created and read through the front door: API Gateway, its authoriser and validator, the function.

`service` creates and gets one user, `importing` many; `api_errors` turns every answer of the API into an error
a person can act on.
"""

from __future__ import annotations
