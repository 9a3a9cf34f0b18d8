"""The system call entry: numbers and C arguments in, an integer out."""
