"""Which certificates are trusted where orderctl speaks HTTPS itself: botocore's, or those of `AWS_CA_BUNDLE`.

A bundle that cannot be read is a mistake in the settings and found before anything is sent: told like a lost answer it
would leave open whether a request arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.errors import UsageError

if TYPE_CHECKING:
    import ssl


def trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """A context that checks certificate and host name; raises UsageError for a bundle that cannot be read."""
    import ssl

    from botocore.httpsession import get_cert_path

    bundle = ca_bundle or get_cert_path(True)
    try:
        return ssl.create_default_context(cafile=bundle)
    except OSError as error:
        said = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        hint = "AWS_CA_BUNDLE names a file of certificates in PEM form; without it botocore's own are trusted"
        raise UsageError(f"cannot read the certificates in {bundle}: {said}", hint=hint) from error
