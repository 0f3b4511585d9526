"""The reference stack: the order system orderctl operates, as one template, and how it is deployed."""
