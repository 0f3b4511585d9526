"""Dead letters: found by their wiring, told apart, and put back to the one consumer that missed them."""
