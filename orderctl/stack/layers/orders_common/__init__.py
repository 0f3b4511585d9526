"""Code the functions of the reference stack share: one layer, on their path as `orders_common`."""
