"""The Lambda functions of the reference stack, one file each; the handler is `<file>.handler`."""
