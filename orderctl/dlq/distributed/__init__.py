"""A redrive whose deliveries AWS makes: `--engine distributed`."""
