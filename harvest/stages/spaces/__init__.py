"""What can be worked out of points in a model's space: which of them cover the rest, how alone they are, on which side
of a line that people drew by examples. Arrays in, arrays out."""
