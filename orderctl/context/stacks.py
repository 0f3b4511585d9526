"""What the reference stack takes, deployed to AWS or run locally."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orderctl.context.settings import Settings

if TYPE_CHECKING:
    from orderctl.aws.session import Aws
    from orderctl.inventory.ports import StockTable
    from orderctl.local.models import LocalState
    from orderctl.local.ports import ReferenceStack
    from orderctl.local.up import Parts
    from orderctl.stack.overlay import OverlayApis
    from orderctl.stack.ports import Stacks as Formation


class StackParts(Settings):
    """What the reference stack takes, deployed to AWS or run locally."""

    @cached_property
    def formation(self) -> Formation:
        """CloudFormation, as deploying needs it."""
        from orderctl.aws.cloudformation import CloudFormation

        return CloudFormation(self.aws.client("cloudformation"))

    @cached_property
    def overlay_apis(self) -> OverlayApis:
        """The embedded emulator's APIs."""
        from orderctl.aws.overlay import AwsOverlayApis

        return AwsOverlayApis(self.aws)

    @cached_property
    def local(self) -> Parts:
        """The local stack. What speaks to AWS's API is bound to the local server's state alone."""
        from orderctl.config import file
        from orderctl.local.files import LocalFiles
        from orderctl.local.server import Server
        from orderctl.local.up import Parts
        from orderctl.local.user_pool import LocalUserPool

        files = LocalFiles(self.state_dir / "local")
        return Parts(
            files=files,
            server=Server(files, self.environ, self.clock),
            clock=self.clock,
            reference=self._local_reference,
            pool=lambda state: LocalUserPool(state.port, state.region),
            stock=self._local_stock,
            write_environment=lambda name, values: file.write_environment(self.config_path, name, values),
            configured_endpoint=self._local_endpoint,
        )

    def _local_endpoint(self) -> str | None:
        from orderctl.config import file

        said = file.read(self.config_path).values.get("local", {}).get("endpoint_url")
        return None if said is None else str(said)

    def _local_aws(self, state: LocalState) -> Aws:
        from orderctl.aws.session import Aws
        from orderctl.local.environment import local_environment

        return Aws(local_environment({"region": state.region, "endpoint_url": state.endpoint_url}), self.environ)

    def _local_stock(self, state: LocalState, table: str) -> StockTable:
        from orderctl.aws.dynamodb import DynamoDbStock

        aws = self._local_aws(state)
        client, once = aws.client("dynamodb"), aws.client("dynamodb", attempts=1)
        return DynamoDbStock(client, table, once=once, sleep=self.clock.sleep)

    def _local_reference(self, state: LocalState) -> ReferenceStack:
        from orderctl.aws.cloudformation import CloudFormation
        from orderctl.aws.overlay import AwsOverlayApis
        from orderctl.aws.s3 import S3
        from orderctl.local.ministack import ACCOUNT_ID
        from orderctl.local.reference import LocalReferenceStack
        from orderctl.stack import package

        aws = self._local_aws(state)
        return LocalReferenceStack(
            state,
            lambda: CloudFormation(aws.client("cloudformation")),
            lambda: S3(aws.client("s3"), ACCOUNT_ID, state.region),
            self.clock,
            build=lambda: package.build(local=True),
            apis=AwsOverlayApis(aws),
        )
