"""Which order system a command speaks to, and where each setting came from.

`schema` knows the keys, `file` reads and writes config.toml, `resolve` decides between flag, environment
variable, file and default, `discovery` fills in resources from the CloudFormation stack.
"""

from __future__ import annotations
