"""What the signature `infill` takes at most. Imports no TensorFlow."""

MOST_PASSES = 100
