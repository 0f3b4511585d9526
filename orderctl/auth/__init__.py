"""Signing in to the APIs: who somebody is, where the tokens lie, and where they may go.

`sign_in` asks Cognito, `srp` proves the password without sending it, `store` keeps the tokens in private files,
`token_source` refreshes them under a lock, and `binding` decides which host may see one.
"""

from __future__ import annotations
