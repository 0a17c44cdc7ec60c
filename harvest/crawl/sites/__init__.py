"""What sites are asked and what they answer: a vocabulary of each API, and the reading that they share."""
